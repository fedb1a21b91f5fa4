"""Mount attributes where mount_setattr(2) is missing (Linux < 5.12): bind, then remount.

Each mount is remounted by itself, with every flag that it inherits repeated: a user namespace
may not take them away (EPERM). The mount is reached by descriptor: the process steps into it
and remounts `.`; a file's mount is remounted from its directory.
"""

from __future__ import annotations

from toyspec.host.facts import MountFact
from toyspec.plan import calls, mount_calls
from toyspec.plan.box import Box
from toyspec.plan.tree import join, parent
from toyspec.plan.writer import Writer

_KEPT = ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "nosymfollow")


def restrict(
    w: Writer, box: Box, root: str, path: str, source: str, *, read_only: bool, devices: bool,
    directory: bool = True, executable: bool = True, setuid: bool = False, top: bool = True,
) -> None:  # fmt: skip
    """Remount what was attached at `path`, and every mount below that came along.

    Without `top`, the mount at `path` itself stays writable if it was.
    """
    wanted = (set() if setuid else {"MS_NOSUID"}) | (set() if devices else {"MS_NODEV"})
    wanted |= ({"MS_RDONLY"} if read_only else set()) | (set() if executable else {"MS_NOEXEC"})
    mounts = box.facts.mounts_at(source)
    for number, mount in enumerate(mounts):
        below = "" if number == 0 else mount.point[len(source.rstrip("/")) :].strip("/")
        own = wanted if number or top else wanted - {"MS_RDONLY"}
        flags = ("MS_REMOUNT", "MS_BIND", *sorted(own | inherited(mount)))
        where = join(path, below) if below else path
        if below:
            kind = box.facts.path(mount.point).real_kind
            if kind == "denied":
                continue  # whom the host refuses the way, the box cannot go it either
            # Who may not search it cannot step into it either.
            directory = kind == "directory" and box.facts.path(mount.point).mode & 0o111 == 0o111
        remount(w, root, where, flags, directory=directory)


def inherited(mount: MountFact) -> set[str]:
    """The flags that a remount has to repeat."""
    return {"MS_" + {"ro": "rdonly"}.get(f, f).upper() for f in mount.flags if f in _KEPT}


def remount(w: Writer, root: str, path: str, flags: tuple[str, ...], *, directory: bool) -> None:
    """Remount what is attached at `path` inside `root`; the process ends up inside it."""
    step_into = path if directory else parent(path)
    w.do(
        calls.openat2(root, step_into or ".", "O_PATH", "O_DIRECTORY"),
        "the mount, found inside the root" if directory else "the directory that holds the file",
        yields="inside",
    )
    w.do(calls.fchdir("inside"), "reached by descriptor, not by name")
    name = "." if directory else path.rpartition("/")[2]
    again = mount_calls.mount(None, name, None, flags, None)
    w.do(again, "its own flags and those it inherits, which a user namespace may not drop")
    w.do(calls.close("inside"), "done with it")
