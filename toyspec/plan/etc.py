"""`etc`: what programs look up in /etc. Some of it is made for this box, the rest is the host's.

What names people and machines is made: a box's passwd lists root, its own user and nobody. The
host's own files (see `spec.etc`) are bound read-only where they are; one that is a symbolic link into
/usr becomes the same link where the box has /usr, so that a timezone keeps its name.
"""

from __future__ import annotations

from toyspec.host.facts import FactMissing, HostFacts, Needs
from toyspec.plan import joining
from toyspec.spec.etc import MADE, SHOWN
from toyspec.spec.model import Bind, File, Spec, Variable

OVERFLOW = 65534  # what an unmapped id reads as: /proc/sys/kernel/overflowuid's default
_NSSWITCH = (
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
    "networks: files\nprotocols: files\nservices: files\nethers: files\nrpc: files\n"
)


def names(spec: Spec) -> tuple[str, ...]:
    """The names that `etc` stands for. A resolver is of use with the host's network only."""
    if not isinstance(spec.etc, str):
        return spec.etc
    if spec.etc == "none":
        return ()
    shown = tuple(SHOWN) if spec.system == "host" else ("resolv.conf",)
    resolver = spec.network == "host"
    return MADE + tuple(name for name in shown if name != "resolv.conf" or resolver)


def _paths(name: str) -> list[str]:
    return [f"/etc/{path}" for path in SHOWN.get(name, ())]


def needs(spec: Spec) -> Needs:
    """Which of the host's own files are there."""
    paths = frozenset(path for name in names(spec) for path in _paths(name))
    return Needs(paths=paths, mounts=paths)


def things(spec: Spec, facts: HostFacts) -> list[Bind | File]:
    """The files of `etc`; FactMissing with every question about them."""
    wanted = names(spec)
    unknown = [path for name in wanted for path in _paths(name) if path not in facts.paths]
    if unknown:
        raise FactMissing(*(("path", path) for path in unknown))
    made = [_file(f"/etc/{name}", _text(name, spec, facts)) for name in wanted if name in MADE]
    shown = [_shown(spec, facts, path) for name in wanted for path in _there(facts, name)]
    return [*made, *shown]


def warnings(spec: Spec, facts: HostFacts) -> list[str]:
    """What a list names and this host does not have."""
    if isinstance(spec.etc, str):
        return []
    lacking = [name for name in spec.etc if name in SHOWN and not _there(facts, name)]
    return [f"etc: {name}: the host has nothing of it" for name in lacking]


def _there(facts: HostFacts, name: str) -> list[str]:
    return [path for path in _paths(name) if facts.path(path).real_kind in ("file", "directory")]


def _shown(spec: Spec, facts: HostFacts, path: str) -> Bind | File:
    """A bind, or the same symbolic link: only in a root of the box's own, where nothing is yet."""
    fact = facts.path(path)
    own = spec.root.kind == "tmpfs" and spec.system == "host"
    if own and fact.link and (fact.real or "").startswith("/usr/") and _direct(path, fact.link):
        return File("etc", path, symlink=fact.link)
    return Bind("etc", path, path)


def _direct(path: str, link: str) -> bool:
    """Whether a link's own text leads into /usr, and not by way of another link in /etc."""
    parts = [] if link.startswith("/") else path.strip("/").split("/")[:-1]
    for part in link.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts[:1] == ["usr"]


def _text(name: str, spec: Spec, facts: HostFacts) -> str:
    uid, gid = ids(spec, facts)
    if name == "passwd":
        return _passwd(spec, facts, uid, gid)
    if name == "group":
        return _group(facts, gid)
    if name == "hosts":
        return f"127.0.0.1 localhost {spec.hostname}\n::1 localhost ip6-localhost\n"
    return _NSSWITCH if name == "nsswitch.conf" else spec.hostname + "\n"


def ids(spec: Spec, facts: HostFacts) -> tuple[int, int]:
    """The uid and gid that init has inside the box."""
    joined = joining.ids(spec, facts)
    if joined is not None:
        return joined
    if spec.user.kind == "root":
        return 0, 0
    if spec.user.kind == "caller":
        return facts.uid, facts.gid
    uid, gid = spec.user.uid, spec.user.gid
    assert uid is not None
    assert gid is not None
    return uid, gid


def _file(target: str, content: str) -> File:
    return File("etc", target, content=(content,))


def _home(spec: Spec, facts: HostFacts) -> str:
    found = [env for env in spec.environment if env.name == "HOME"]
    if found and found[-1].value == (Variable("HOME"),):
        return facts.home
    text = "".join(part for part in found[-1].value if isinstance(part, str)) if found else ""
    return text if text.startswith("/") and not set(text) & set(":\n") else "/"


def _passwd(spec: Spec, facts: HostFacts, uid: int, gid: int) -> str:
    home = _home(spec, facts)
    lines = [f"root:x:0:0:root:{home if uid == 0 else '/root'}:/bin/sh"]
    if uid not in (0, OVERFLOW):
        lines.append(f"{_name(facts.user_name, 'user')}:x:{uid}:{gid}::{home}:/bin/sh")
    lines.append(f"nobody:x:{OVERFLOW}:{OVERFLOW}:nobody:/nonexistent:/usr/sbin/nologin")
    return "\n".join(lines) + "\n"


def _group(facts: HostFacts, gid: int) -> str:
    lines = ["root:x:0:"]
    if gid not in (0, OVERFLOW):
        lines.append(f"{_name(facts.group_name, 'group')}:x:{gid}:")
    lines.append(f"nogroup:x:{OVERFLOW}:")
    return "\n".join(lines) + "\n"


def _name(name: str, fallback: str) -> str:
    plain = name.replace("_", "").replace("-", "").replace(".", "")
    return name if plain.isascii() and plain.isalnum() and name != "root" else fallback
