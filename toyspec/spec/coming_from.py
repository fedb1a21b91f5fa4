"""The page for people who know Compose, OCI's config.json or bubblewrap, made from the tables of words.

`python -m toyspec.spec.coming_from > docs/coming-from.md` writes it anew.
"""

from __future__ import annotations

from typing import Final

from toyspec.spec.foreign import SHARED
from toyspec.spec.habits import OPTIONS, VERBS
from toyspec.spec.word import Word
from toyspec.spec.words import WORDS

_HEAD: Final = """# Coming from Compose, OCI or bubblewrap

Made by `python -m toyspec.spec.coming_from > docs/coming-from.md` from the tables that the diagnostics use
(`toyspec/spec/foreign.py`, `toyspec/spec/words.py`, `toyspec/spec/habits.py`); a test holds it to them. Write one of these words in a spec and
`toyspec check` says the same. [reference.md](reference.md) has every key, [safe-defaults.md](safe-defaults.md) what
holds without any.
"""

_EXAMPLES: Final = {
    "Compose": """A service of Compose's

```
services:
  web:
    command: [python3, -m, http.server]
    working_dir: /srv
    network_mode: host
    environment: {LANG: C.UTF-8}
    volumes: [".:/srv", "cache:/var/cache"]
    tmpfs: /run
    read_only: true
```

is, with the host's python3 in the place of an image,

```yaml
version: 1
root: {read_only: true}
system: host
binds: [".:/srv:rw"]
mounts:
  - {type: volume, name: cache, target: /var/cache}
  - {type: tmpfs, target: /run}
working_dir: /srv
network: host
environment: {LANG: C.UTF-8}
init: [python3, -m, http.server]
```
""",
    "bubblewrap": """The command

```
bwrap --unshare-all --die-with-parent --new-session --ro-bind /usr /usr --symlink usr/bin /bin \\
  --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev --tmpfs /tmp \\
  --bind . /code --chdir /code --setenv CI 1 bash
```

is

```yaml
version: 1
binds: [/usr, ".:/code:rw"]
files:
  - {target: /bin, symlink: usr/bin}
  - {target: /lib, symlink: usr/lib}
  - {target: /lib64, symlink: usr/lib64}
mounts:
  - {type: proc}
  - {type: dev}
  - {type: tmpfs, target: /tmp}
working_dir: /code
environment: {CI: "1"}
init: [bash]
```

or, shorter, with `system: host` in the place of the lines from `/usr` to `/tmp`, which brings what programs want of /etc too.
""",
}
"""One of each; the specs in them are loaded by the tests."""

_PAGES: Final = (
    ("Compose", "Compose", "The keys of a service; the file's own keys above them are there as well. Where the "
     "meaning is Compose's, so is the name."),
    ("OCI", "OCI's config.json", "Where a name stands in the middle of config.json, its place is written before it."),
    ("bubblewrap", "bubblewrap", "Options that say how bwrap is called (`--args`, `--help`, …) are left out: a spec "
     "has no command line."),
)  # fmt: skip

_COMMANDS: Final = {
    "Compose": (
        ("docker compose up -d", "`toyspec up -d`: one box, which outlives its caller"),
        ("docker compose up", "`toyspec up`: in the foreground; its streams are the caller's"),
        ("docker compose run --rm SERVICE CMD", "`toyspec run -- CMD`: a fresh box, of which nothing is left"),
        ("docker compose run -T", "`toyspec run -T`"),
        ("docker compose exec SERVICE CMD", "`toyspec exec NAME -- CMD`"),
        ("docker compose ps", "`toyspec ps`, also with `--format json`"),
        ("docker compose logs -f -n 10 -t", "`toyspec logs -f -n 10 -t NAME`"),
        ("docker compose stop", "`toyspec stop NAME`"),
        ("docker compose kill", "`toyspec kill NAME`"),
        ("docker compose down", "`toyspec down NAME`"),
        ("docker compose wait", "`toyspec wait NAME`"),
        ("docker compose restart", "`toyspec restart NAME`"),
        ("docker compose config", "`toyspec check`, and `toyspec plan` for what it comes to"),
        ("docker compose up --dry-run", "`toyspec plan`, of every option that `up` and `run` take"),
    ),
}  # fmt: skip
"""What people type, and what they type here."""

_OF_COMPOSE: Final = (
    "services", "networks", "volumes", "configs", "secrets", "include", "extends", "profiles",
    "depends_on", "devices", "tty",
)  # fmt: skip
"""Compose's words among those that are reserved, or come later."""


def page() -> str:
    """The whole page."""
    pieces = [_HEAD]
    for origin, title, remark in _PAGES:
        rows = sorted(
            {(_wrote(w), w.says) for w in _words(origin)}, key=lambda row: row[0].split("`")
        )
        lines = [f"| {wrote} | {says} |" for wrote, says in rows]
        table = "\n".join(["| you wrote | you write here |", "|---|---|", *lines])
        example = f"{_EXAMPLES[origin]}\n" if origin in _EXAMPLES else ""
        pieces.append(f"## {title}\n\n{example}{remark}\n\n{table}\n")
        if origin in _COMMANDS:
            lines = [f"| `{typed}` | {says} |" for typed, says in _COMMANDS[origin]]
            table = "\n".join(["| you typed | you type here |", "|---|---|", *lines])
            pieces.append(f"{table}\n")
    pieces.append(_command_line())
    return "\n".join(pieces)


def _command_line() -> str:
    """What stands on no page of a spec's words."""
    typed = {
        **{f"`{word}`": says for word, says in VERBS.items()},
        **{f"`{word}`": says for word, says in OPTIONS.items()},
        "`exec NAME CMD`": "`toyspec exec NAME -- CMD`",
        "`-f FILE VERB`": "`toyspec VERB -f FILE`; of `logs`, whose `-f` follows, `--file FILE`",
    }
    rows = "\n".join(f"| {word} | {says} |" for word, says in typed.items())
    return (
        "## On the command line\n\n"
        "Verbs and options of docker, podman and docker compose that are none here; `toyspec` says the same.\n\n"
        f"| you typed | you type here |\n|---|---|\n{rows}\n"
    )


def _words(origin: str) -> list[Word]:
    found = [word for word in (*WORDS, *SHARED) if word.of == origin]
    if origin == "Compose":
        found += [w for w in WORDS if w.of == "toyspec" and w.where == "" and w.word in _OF_COMPOSE]
    return found


def _wrote(word: Word) -> str:
    """How a word stands in its own language."""
    if word.wrote:
        return f"`{word.wrote}`"
    if word.of == "bubblewrap":
        return f"`--{word.word}`"
    kind = {"binds[]": " (a host path)", "mounts[]": " (another filesystem)"}.get(word.where, "")
    if word.of == "OCI":
        prefix = {"binds[]": "mounts[].", "mounts[]": "mounts[].", "mounts[].type=": "mounts[].type: ",
                  "user": "process.user.", "root": "root."}.get(word.where, "")  # fmt: skip
    else:
        prefix = {"binds[]": "volumes[].", "mounts[]": "volumes[].", "mounts[].type=": "volumes[].type: ",
                  "network=": "network_mode: "}.get(word.where, "")  # fmt: skip
    return f"`{prefix}{word.word}`{kind}"


if __name__ == "__main__":
    print(page(), end="")
