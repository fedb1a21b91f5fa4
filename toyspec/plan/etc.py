"""`etc: auto`: the names that programs look up in /etc, made for this box.

Nothing here is copied from the host: a box's passwd lists root, its own user and nobody.
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts, Needs
from toyspec.plan import joining
from toyspec.spec.model import Bind, File, Spec, Variable

OVERFLOW = 65534  # what an unmapped id reads as: /proc/sys/kernel/overflowuid's default
_NSSWITCH = (
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
    "networks: files\nprotocols: files\nservices: files\nethers: files\nrpc: files\n"
)
_RESOLV = "/etc/resolv.conf"


def needs(spec: Spec) -> Needs:
    """The host's resolver configuration, where the box has the host's network."""
    if spec.etc == "auto" and spec.network == "host":
        return Needs(paths=frozenset((_RESOLV,)), mounts=frozenset((_RESOLV,)))
    return Needs()


def things(spec: Spec, facts: HostFacts) -> list[Bind | File]:
    """The files of `etc: auto`."""
    if spec.etc == "none":
        return []
    uid, gid = ids(spec, facts)
    found: list[Bind | File] = [
        _file("/etc/passwd", _passwd(spec, facts, uid, gid)),
        _file("/etc/group", _group(facts, gid)),
        _file("/etc/hosts", f"127.0.0.1 localhost {spec.hostname}\n::1 localhost ip6-localhost\n"),
        _file("/etc/hostname", spec.hostname + "\n"),
        _file("/etc/nsswitch.conf", _NSSWITCH),
    ]
    if spec.network == "host" and facts.path(_RESOLV).real_kind == "file":
        found.append(Bind("etc", _RESOLV, _RESOLV))
    return found


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
