"""/proc/self/mountinfo (proc_pid_mountinfo(5)) as facts."""

from __future__ import annotations

from bisect import bisect_left

from toyspec.host.facts import MountFact

_FLAGS = frozenset(
    ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "nosymfollow")
)


def parse(data: bytes) -> tuple[MountFact, ...]:
    """Every mount, in the kernel's order: a later one at the same point hides an earlier one."""
    return tuple(mount for _, _, mount in _rows(data))


def visible(data: bytes) -> tuple[MountFact, ...]:
    """The mounts that a path leads to: none below a mount that came over it, none with one on top."""
    rows = _rows(data)
    inside: dict[str, list[tuple[str, MountFact]]] = {}
    ids = {number for number, _, _ in rows}
    for number, parent, mount in rows:
        above = parent if parent in ids and parent != number else ""
        inside.setdefault(above, []).append((number, mount))
    found, waiting = list[MountFact](), [inside.get("", [])]
    while waiting:
        for number, mount in _uncovered(waiting.pop()):
            children = inside.get(number, [])
            on_top = [child for child in children if child[1].point == mount.point]
            if on_top:
                waiting.append(on_top)
            else:
                found.append(mount)
                waiting.append(children)
    return tuple(found)


def _uncovered(mounts: list[tuple[str, MountFact]]) -> list[tuple[str, MountFact]]:
    """Of mounts in one filesystem, those that lie in no other's place."""
    last = {mount.point: (number, mount) for number, mount in mounts}
    found, top = [], ""
    for point in sorted(last, key=lambda point: point.split("/")):
        if not top or not (point + "/").startswith(top):
            found.append(last[point])
            top = point.rstrip("/") + "/"
    return found


def _rows(data: bytes) -> list[tuple[str, str, MountFact]]:
    """Every mount, with its number and that of the mount it lies in."""
    found = []
    for line in data.decode("utf-8", "surrogateescape").split("\n"):  # names may hold other breaks
        left, _, right = line.partition(" - ")
        fields, types = left.split(" "), right.split(" ")
        if len(fields) < 6:
            continue
        flags = tuple(flag for flag in fields[5].split(",") if flag in _FLAGS)
        point, root = _unescaped(fields[4]), _unescaped(fields[3])
        found.append((fields[0], fields[1], MountFact(point, types[0], flags, fields[2], root)))
    return found


class Table:
    """Visible mounts, to look up paths in: hosts have thousands of the one, specs of the other."""

    def __init__(self, mounts: tuple[MountFact, ...]) -> None:
        self.last = {mount.point: mount for mount in mounts}
        self.points = sorted(self.last)

    def at(self, path: str) -> tuple[MountFact, ...]:
        """The mount that holds `path`, then those below it, by mount point."""
        inside = path.rstrip("/") + "/"
        first = bisect_left(self.points, inside)
        last = bisect_left(self.points, inside[:-1] + chr(ord("/") + 1))
        under = [self.last[point] for point in self.points[first:last] if point != path]
        return (self._holder(path), *under)

    def _holder(self, path: str) -> MountFact:
        while path not in self.last:
            if path in ("", "/"):  # a chroot whose directory is no mount point
                return MountFact("/", "unknown", ())
            path = path.rpartition("/")[0] or "/"
        return self.last[path]


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
