"""/proc/self/mountinfo (proc_pid_mountinfo(5)) as facts."""

from __future__ import annotations

from toyspec.host.facts import MountFact

_FLAGS = frozenset(
    ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "nosymfollow")
)


def parse(data: bytes) -> tuple[MountFact, ...]:
    """Every mount, in the kernel's order: a later one at the same point hides an earlier one."""
    found = []
    for line in data.decode("utf-8", "surrogateescape").split("\n"):  # names may hold other breaks
        left, _, right = line.partition(" - ")
        fields, types = left.split(" "), right.split(" ")
        if len(fields) < 6:
            continue
        flags = tuple(flag for flag in fields[5].split(",") if flag in _FLAGS)
        found.append(MountFact(_unescaped(fields[4]), types[0], flags))
    return tuple(found)


def below(table: tuple[MountFact, ...], path: str) -> tuple[MountFact, ...]:
    """The mount that holds `path`, then the visible ones below it, by mount point."""
    inside = path.rstrip("/") + "/"
    last = {mount.point: mount for mount in table}
    holder = max(
        (
            mount
            for mount in last.values()
            if (path + "/").startswith(mount.point.rstrip("/") + "/")
        ),
        key=lambda mount: len(mount.point),
    )
    under = [mount for point, mount in last.items() if point.startswith(inside) and point != path]
    return (holder, *sorted(under, key=lambda mount: mount.point))


def _unescaped(text: str) -> str:
    """The kernel writes space, tab, newline and backslash as three octal digits."""
    if "\\" not in text:
        return text
    out, rest = "", text
    while True:
        head, mark, rest = rest.partition("\\")
        out += head
        if not mark:
            return out
        if rest[:3].isdigit():
            out, rest = out + chr(int(rest[:3], 8)), rest[3:]
        else:
            out += mark
