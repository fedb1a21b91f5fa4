"""Where toyspec keeps what is its own: the caller's base directories (XDG Base Directory 0.8).

Pure: a variable is asked for by name (`HostFacts.variable`, or `dict.get`), and `home` is the
caller's. A variable that is not an absolute path is ignored, as the specification says; so is one
with `..`, which would lead elsewhere through a symlink.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Callable

    Variable = Callable[[str], str | None]
    Owner = Callable[[str], int | None]

VARIABLES = frozenset(("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"))
"""What the answers depend on, beside the home."""


def data_home(variable: Variable, home: str) -> str:
    """What has to be kept: volumes."""
    return _own(variable, "XDG_DATA_HOME") or _below(home, ".local/share")


def cache_home(variable: Variable, home: str) -> str:
    """What can be made anew."""
    return _own(variable, "XDG_CACHE_HOME") or _below(home, ".cache")


def cache_directory(variable: Variable, home: str) -> str:
    """toyspec's own directory there."""
    return _below(cache_home(variable, home), "toyspec")


def state_home(variable: Variable, home: str) -> str:
    """What outlives a run: the states of boxes."""
    return _own(variable, "XDG_STATE_HOME") or _below(home, ".local/state")


def runtime_dir(variable: Variable) -> str | None:
    """What lasts as long as the caller is logged in; None where there is no such place."""
    return _own(variable, "XDG_RUNTIME_DIR")


def boxes_base(variable: Variable, home: str, uid: int, owner: Owner) -> str:
    """Where the states of detached boxes lie, in `toyspec/boxes`. `owner` says whose a directory is,
    None where there is none.
    """
    named = runtime_dir(variable)
    if named is not None:
        return named
    given = login_directory(uid)
    return given if owner(given) == uid else _below(state_home(variable, home), "toyspec/run")


def login_directory(uid: int) -> str:
    """What XDG_RUNTIME_DIR is where pam_systemd(8) sets it."""
    return f"/run/user/{uid}"


def is_name(word: str) -> bool:
    """Whether a word can name a box: `[a-z0-9][a-z0-9_-]*`. As a path it leads nowhere else."""
    letters = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
    return bool(word) and word[0] not in "_-" and letters.issuperset(word)


def own_directories(variable: Variable, *homes: str) -> tuple[str, ...]:
    """Every directory of toyspec's own, whether it is there or not: what lies there decides what
    runs outside of boxes. Where a variable names another, those of the homes are, too: the next
    command may come without that variable.
    """
    bases = (
        base
        for asked in (variable, _nothing)
        for home in homes
        for base in (data_home(asked, home), cache_home(asked, home), state_home(asked, home))
    )
    runtime = runtime_dir(variable)
    return tuple(dict.fromkeys(_below(base, "toyspec") for base in (*bases, runtime) if base))


def volume(variable: Variable, home: str, name: str) -> str:
    """The directory of the volume `name`."""
    return _below(data_home(variable, home), f"toyspec/volumes/{name}")


def _nothing(_: str) -> None:
    """The answers of an environment without variables."""


def _own(variable: Variable, name: str) -> str | None:
    text = variable(name) or ""
    parts = text.split("/")
    if not text.startswith("/") or ".." in parts:
        return None
    return "/" + "/".join(part for part in parts if part not in ("", "."))


def _below(base: str, path: str) -> str:
    return f"{base.rstrip('/')}/{path}"
