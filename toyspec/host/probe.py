"""The only look at the machine before a run: it answers needs, and changes nothing.

Features are learnt by calls that cannot succeed, ids and sysctls by reading. What only an
attempt can tell (AppArmor's veto) stays unknown here.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable

from toyspec.host import mountinfo, namespace_files, subids
from toyspec.host.facts import HostFacts, Kind, MountFact, Needs, PathFact
from toyspec.kernel import features
from toyspec.kernel.flags import RLIMITS, flags

_SYSCTLS = (
    "user.max_user_namespaces",
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
)
_SYSTEM = {"/", "/usr", "/usr/local"}
_KINDS: tuple[tuple[int, Kind], ...] = (
    (stat.S_IFDIR, "directory"),
    (stat.S_IFREG, "file"),
    (stat.S_IFLNK, "symlink"),
    (stat.S_IFCHR, "character"),
    (stat.S_IFBLK, "block"),
    (stat.S_IFIFO, "fifo"),
    (stat.S_IFSOCK, "socket"),
)


def probe(needs: Needs, *, printing: bool = False) -> HostFacts:
    """Everything that `needs` asks, and what every plan depends on.

    `printing`: standard output takes the plan or the facts, and will not be the box's.
    """
    system = os.uname()
    arch = system.machine
    uid, gid = os.getuid(), os.getgid()
    user, home = _account(uid)
    return HostFacts(
        arch=arch,
        kernel=system.release,
        uid=uid,
        gid=gid,
        groups=tuple(sorted(os.getgroups())),
        user_name=user,
        group_name=_group(gid),
        home=os.environ.get("HOME") or home,
        last_capability=int(_read("/proc/sys/kernel/cap_last_cap") or "40"),
        no_new_privs=_status("NoNewPrivs") == "1",
        terminal=terminal(printing=printing),
        foreground=foreground(),
        installation=_installation(),
        ignored=_ignored(arch),
        tty=any(os.isatty(fd) for fd in ((0, 2) if printing else (0, 1, 2))),
        console=console(),
        inherited=inherited(),
        features={
            "openat2": features.openat2(arch),
            "open_tree": features.open_tree(arch),
            "mount_setattr": features.mount_setattr(arch),
            "close_range_cloexec": features.close_range_cloexec(arch),
            "seccomp_filter": features.seccomp_filter(arch),
        },
        sysctls={name: _read("/proc/sys/" + name.replace(".", "/")) for name in _SYSCTLS},
        rlimits=_rlimits(),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        landlock=features.landlock(arch),
        nice=os.getpriority(os.PRIO_PROCESS, 0),
        oom_score_adj=_number("/proc/self/oom_score_adj"),
        mappers=subids.mappers(),
        primary_gid=subids.primary_gid(uid),
        subuids=subids.ranges("/etc/subuid", user, uid),
        subgids=subids.ranges("/etc/subgid", user, uid),
        paths={path: path_fact(path) for path in sorted(needs.paths)},
        mounts=_mounts(needs.mounts),
        variables={name: os.environ.get(name) for name in sorted(needs.variables)},
        listings={path: _names(path) for path in sorted(needs.listings)},
        namespaces={path: namespace_files.fact(path) for path in sorted(needs.namespaces)},
        own_namespaces=namespace_files.own(),
    )


def terminal(*, printing: bool = False) -> bool:
    """Input and output are our controlling terminal: only of that one the foreground is told.

    `printing`: input alone counts, so that `plan | less` shows what `up` does on this terminal.
    """
    out = 0 if printing else 1
    try:
        return os.isatty(0) and os.isatty(out) and os.tcgetpgrp(0) == os.tcgetpgrp(out)
    except OSError:
        return False


def foreground() -> bool:
    """Our process group is the terminal's foreground: a background job must not take it."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def console() -> str | None:
    """The device node of the terminal that is standard input; None where this namespace has none."""
    try:
        return os.ttyname(0)
    except OSError:
        return None


def inherited() -> tuple[int, ...]:
    """Descriptors above 2 that an execve passes on."""
    found = []
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return ()
    for name in names:
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:
            continue  # the one that listed the directory
    return tuple(sorted(found))


def _ignored(arch: str) -> tuple[str, ...]:
    """What an execve passes on as ignored; Python's own two are reset in every box."""
    mask = int(_status("SigIgn") or "0", 16)
    found = [name for name, number in flags("signal", arch).items() if mask >> (number - 1) & 1]
    return tuple(name for name in found if name not in ("SIGPIPE", "SIGXFSZ"))


def _installation() -> tuple[str, ...]:
    """Where this package and all that it imports lie, and the command that starts it.

    An environment or an interpreter of somebody's own counts as a whole, the system's only by its
    modules. A command's directory is searched for modules too: below a home it counts.
    """
    found = {os.path.dirname(os.path.dirname(os.path.realpath(__file__)))}
    found |= {os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)}
    if found & _SYSTEM:
        found -= _SYSTEM
        modules = [each for each in sys.path if each.endswith("-packages")]
        found |= {os.path.realpath(each) for each in (os.path.dirname(os.__file__), *modules)}
    script = os.path.abspath(sys.argv[0])
    if os.path.basename(script) == "toyspec" and os.path.isfile(script):
        own = script.startswith(os.path.expanduser("~/"))
        found.add(os.path.realpath(os.path.dirname(script) if own else script))
    return tuple(sorted(found))


def path_fact(path: str) -> PathFact:
    """One path by lstat(2), and where it leads by the host's rules."""
    try:
        seen = os.lstat(path)
    except PermissionError:
        return PathFact("denied", real_kind="denied", denied=_denied(path))
    except (OSError, ValueError):
        return PathFact("missing")
    kind = _kind(seen)
    if kind != "symlink":
        return _found(path, kind, seen, None, path, seen)
    try:
        link = os.readlink(path)
    except OSError:
        return PathFact("missing")  # no symlink any more: whatever is there changes as we look
    try:
        return _found(path, kind, seen, link, os.path.realpath(path, strict=True), os.stat(path))
    except PermissionError:
        return PathFact(kind, link=link, uid=seen.st_uid, denied=_denied(_real(path)))
    except OSError:
        return PathFact(kind, link=link, uid=seen.st_uid)


def _found(
    path: str, kind: Kind, seen: os.stat_result, link: str | None, real: str, end: os.stat_result
) -> PathFact:
    real = _real(path) if link is None else real
    device = f"{os.major(end.st_rdev)}:{os.minor(end.st_rdev)}"
    return PathFact(
        kind,
        link=link,
        real=real,
        real_kind=_kind(end),
        uid=seen.st_uid,
        mode=stat.S_IMODE(end.st_mode),
        device=device if _kind(end) in ("character", "block") else None,
        writable=os.access(path, os.W_OK, effective_ids=True),
        size=end.st_size if _kind(end) == "file" else None,
        unreadable=not os.access(path, os.R_OK, effective_ids=True),
    )


def _real(path: str) -> str:
    """Where `path` leads; `path` itself where a symlink on the way changes while it is read."""
    try:
        return os.path.realpath(path)
    except OSError:
        return path


def _kind(seen: os.stat_result) -> Kind:
    form = stat.S_IFMT(seen.st_mode)
    return next((kind for bits, kind in _KINDS if bits == form), "file")


def _denied(path: str) -> str:
    """The outermost directory on the way to `path` that the caller may not search."""
    here = ""
    for part in path.strip("/").split("/"):
        here = f"{here}/{part}"
        try:
            os.lstat(here)
        except PermissionError:
            return here.rpartition("/")[0] or "/"
        except OSError:
            break
    return os.path.dirname(path) or "/"


def _mounts(paths: Iterable[str]) -> dict[str, tuple[MountFact, ...]]:
    wanted = sorted(paths)
    if not wanted:
        return {}
    table = mountinfo.visible(_bytes("/proc/self/mountinfo"))
    real = {path: _real(path) for path in wanted}
    real |= {path: path for path in real.values()}
    return {path: mountinfo.below(table, where) for path, where in real.items()}


def _names(path: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.listdir(path)))
    except OSError:
        return ()


def _read(path: str) -> str | None:
    try:
        return _bytes(path).decode("utf-8", "replace").strip()
    except OSError:
        return None


def _number(path: str) -> int | None:
    text = _read(path)
    return int(text) if text else None


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _status(key: str) -> str | None:
    for line in (_read("/proc/self/status") or "").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return value.strip()
    return None


def _rlimits() -> dict[str, tuple[int, int]]:
    import resource

    return {name.lower(): resource.getrlimit(number) for number, name in enumerate(RLIMITS)}


def _account(uid: int) -> tuple[str, str]:
    """The caller's name and home, from /etc/passwd or whatever else names users here."""
    import pwd

    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return str(uid), "/"
    return entry.pw_name, entry.pw_dir


def _group(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
