"""What an errno most likely means, for one call, on this host.

Best effort, after the fact: what usually stands behind an errno (sysctls, filters, profiles, mounts,
directories) is looked at, and what was found is said, with what to do about it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.plan.step import Data, Path
from toyspec.run.command import closed_directory
from toyspec.start.command import command

if TYPE_CHECKING:
    from toyspec.plan.step import Step

Cause = tuple[str | None, str | None]
"""A cause and a remedy."""

WITHOUT_TERMINAL = "do without a terminal of its own: -T"
APPARMOR = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
CLONE = "/proc/sys/kernel/unprivileged_userns_clone"
MOST = "/proc/sys/user/max_user_namespaces"
_BINFMT = "/proc/sys/fs/binfmt_misc"
_MOUNTING = ("mount", "move_mount", "open_tree", "mount_setattr", "fsmount", "fsconfig")


def cause_of(step: Step, errno: str) -> Cause:
    """Why `step` failed with `errno`, a name; two times None where nothing is likely."""
    if errno in ("EPERM", "EACCES") and _read(APPARMOR) == "1" and step.phase in _AFTER_UNSHARE:
        return _apparmor()
    if step.call == "unshare" and errno != "ENOSYS":
        return _unshare(errno)
    if errno == "ENOSYS":
        return (
            f"this kernel has no {step.call}(2), or a seccomp filter says so",
            "a newer kernel, or run toyspec outside of the container; `toyspec facts` says more",
        )
    found = _identity(step, errno) if step.phase == "identity" else None
    if found is None and step.item.startswith("sysctl "):
        found = _sysctl(step, errno)
    if found is None and errno == "EPERM":
        found = _not_permitted(step)
    if found is None and errno in ("EACCES", "ENOENT", "ENOTDIR", "ELOOP"):
        found = _path(step, errno)
    if found is None and (step.call == "setns" or errno == "ERANGE"):
        found = _namespace(step, errno)
    if step.call == "keyctl" and errno == "EDQUOT":
        found = _keys()
    if step.yields == "master" and errno == "ENOSPC":
        found = "all ptys are used up (kernel.pty.max, or its devpts' own max)", WITHOUT_TERMINAL
    if found is None and step.call == "clone":
        found = _no_process(errno)
    if found is None and step.call == "pivot_root" and errno == "EINVAL":
        found = (
            "this process's own root is not a mount point: a chroot, or an initramfs",
            "run toyspec outside of it",
        )
    return found or _ELSEWHERE.get(errno, (None, None))


# With Ubuntu's own profile for them, unshare succeeds, and what needs a capability fails later.
_AFTER_UNSHARE = ("namespaces", "identity", "propagation", "root", "attach")

_ELSEWHERE: dict[str, Cause] = {
    "E2BIG": ("this kernel knows a smaller structure for this call: it is too old", None),
    "EEXIST": ("something came to be there while the box was built", "try again"),
    "ENOSPC": ("the filesystem is full, or user.max_mnt_namespaces, fs.mount-max or the like is "
               "reached", "free some room there, or raise the limit"),
    "EDQUOT": ("your quota on that filesystem is used up", "free some room there"),
    "EXDEV": (
        "something is mounted over the host's own /, so that the old root did not go",
        "see /proc/self/mountinfo for a second mount at /, and unmount it",
    ),
    "ENOMEM": ("memory is used up, or the container's limit on it", "free some, then try again"),
    "EMFILE": ("too many descriptors are open (RLIMIT_NOFILE)", "raise it: ulimit -n $(ulimit -Hn)"),
    "ENFILE": ("the whole machine has too many files open (fs.file-max)", None),
    "EROFS": ("the filesystem is read-only", "make the mount point on the host"),
}  # fmt: skip


def _unshare(errno: str) -> Cause:
    if errno == "ENOSPC":
        most = _read(MOST)
        off = most == "0"
        return (
            f"user namespaces are {'off' if off else 'used up'}: user.max_user_namespaces is {most}"
            + ("" if off else ", or another of user.max_*_namespaces; or they are nested 32 deep"),
            "an administrator: sysctl -w user.max_user_namespaces=15000",
        )
    if errno == "EPERM" and _read(CLONE) == "0":
        return (
            "unprivileged user namespaces are off: kernel.unprivileged_userns_clone is 0",
            "an administrator: sysctl -w kernel.unprivileged_userns_clone=1",
        )
    if errno in ("EPERM", "EACCES"):
        return _no_namespaces()
    if errno == "EINVAL":
        return (
            "this kernel was built without one of these namespaces",
            "`ls /proc/self/ns` lists those that it has",
        )
    return _ELSEWHERE.get(errno, (None, None))


def _keys() -> Cause:
    most = _read("/proc/sys/kernel/keys/maxkeys") or "200"
    return (
        f"each box has a keyring, and a user may have {most} keys (kernel.keys.maxkeys): they are "
        "used up",
        "end some boxes, or take the default filter (`seccomp: default`), which makes do without; "
        "an administrator: sysctl -w kernel.keys.maxkeys=2000",
    )


def _no_namespaces() -> Cause:
    if not _is_mapped(os.geteuid()):
        return (
            f"uid {os.geteuid()} stands for no user here: this user namespace does not map it",
            "run toyspec as a user that /proc/self/uid_map names",
        )
    if _is_chroot():
        return "Linux makes no user namespace in a chroot", "run toyspec outside of the chroot"
    if _is_filtered():
        return (
            "a seccomp filter is in force here, as in most containers, and refuses user namespaces",
            "run toyspec outside of the container, or let the container use unshare(2): "
            "docker run --security-opt seccomp=unconfined; in a box of toyspec's: `seccomp: none`",
        )
    return (
        "a chroot or a security module forbids user namespaces here",
        "run toyspec outside of it; the kernel's log (dmesg) may name the module",
    )


def _apparmor() -> Cause:
    machine = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    program = command()
    remedy = f"an administrator, once: {machine}"
    if os.path.basename(program) == "toyspec":  # a profile is found by the path of what is executed
        from shlex import quote

        remedy = (
            "an administrator, once:\n"
            "printf 'abi <abi/4.0>,\\nprofile toyspec %s flags=(unconfined) {\\n  userns,\\n}\\n' "
            f"{quote(program)} |\n"
            "  sudo tee /etc/apparmor.d/toyspec && sudo apparmor_parser -r /etc/apparmor.d/toyspec\n"
            f"or, for the whole machine: {machine}"
        )
    return (
        "AppArmor gives user namespaces to programs with a profile only: "
        "kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu 23.10 and later)",
        remedy,
    )


def _identity(step: Step, errno: str) -> Cause | None:
    if errno == "ENOENT":
        return "there is no /proc where toyspec runs", "mount -t proc proc /proc"
    if errno == "EPERM" and step.call == "write" and os.geteuid() == 0:
        return (
            "only who has CAP_SETFCAP may map uid 0 of the namespace outside (Linux 5.12), and "
            "inside a box root has no capabilities",
            "run toyspec as an ordinary user, or outside of the box",
        )
    return None


def _not_permitted(step: Step) -> Cause | None:
    if step.call in ("fsmount", "fsconfig") and step.phase == "mounts":
        return _covered(step)
    if _is_filtered():
        return (
            f"a seccomp filter is in force here, as in most containers, and may refuse {step.call}(2)",
            "run toyspec outside of the container",
        )
    if step.call in _MOUNTING:
        return (
            "the kernel refuses this mount in a user namespace: it would uncover what is covered, "
            "or drop a flag that is locked",
            None,
        )
    return None


def _covered(step: Step) -> Cause:
    """A fresh proc or sysfs is refused where it would show more than the old (mount_too_revealing)."""
    texts = [part for a in step.args if isinstance(a.value, Data) for part in a.value.text]
    about = " ".join([*map(str, texts), step.item])
    top = "/proc" if "proc" in about else "/sys"
    over = _mounts_below(top)
    if not over:
        return f"Linux refuses a fresh one where the host's own {top} is not fully visible", None
    shown = ", ".join(over[:3]) + ("…" if len(over) > 3 else "")
    return (
        f"parts of the host's {top} are covered ({shown}), as in most containers, and Linux then "
        "refuses a fresh one",
        "run toyspec outside of the container; docker run --security-opt systempaths=unconfined "
        "uncovers them",
    )


def _mounts_below(top: str) -> list[str]:
    """Mount points strictly below `top`, save the one that hides nothing and is on most hosts."""
    lines = (_read("/proc/self/mountinfo") or "").splitlines()
    points = [line.split(" ")[4] for line in lines if line.count(" ") > 4]
    return [point for point in points if point.startswith(top + "/") and point != _BINFMT]


def _path(step: Step, errno: str) -> Cause | None:
    """A path of the host's is looked at again; one in the box is out of sight by now."""
    path = path_of(step)
    if step.call == "chdir":
        if errno == "EACCES":
            return (
                f"uid {os.geteuid()} may not search {path} in the box, or a directory above it",
                "choose another working_dir, or give the directory its x",
            )
        what = "no directory" if errno == "ENOTDIR" else "not there"
        return f"{path} is {what} in the box", "bind something there, or change working_dir"
    if errno == "EACCES":
        if not path.startswith("/"):
            return None
        blocked = closed_directory(path)
        if blocked is None:
            return f"uid {os.geteuid()} may not open {path}", "see its owner and mode"
        return (  # crun #187, #1745
            f"uid {os.geteuid()} may not search the directory {blocked} (no x)",
            f"chmod +x {blocked}, or use a path that leads elsewhere",
        )
    if path.startswith("/") and not os.path.lexists(path):
        return f"{path} went away after it was looked at", "try again"
    if errno == "ELOOP":
        return "a symbolic link is in the way, where a real directory has to be", None
    return f"the box's root has no {path or 'such place'}: it changed while it was built", None


def _sysctl(step: Step, errno: str) -> Cause | None:
    """Sysctls differ from kernel to kernel, and so do the values that each takes (proc_sys(5))."""
    if step.call == "openat2" and errno == "ENOENT":
        return (
            "this kernel has no such sysctl in the box's namespaces",
            "check the name; `ls /proc/sys/net` in a box shows those of the network",
        )
    if step.call == "openat2" and errno in ("EACCES", "EPERM"):
        return "this kernel lets no box write it", "leave it out"
    if step.call == "write" and errno in ("EINVAL", "ERANGE"):
        return "the kernel does not take that value", "give one of the kind and range it has"
    return None


def _namespace(step: Step, errno: str) -> Cause | None:
    if errno == "ERANGE" and step.call == "write" and step.phase == "namespaces":
        return (
            "a clock would stand before zero, or too far on: a negative offset cannot be more than "
            "the machine has been up",
            "a smaller offset; `cat /proc/uptime` says how long that is",
        )
    if errno == "EPERM":
        return (
            "joining takes CAP_SYS_ADMIN over the user namespace that owns it, and in your own",
            "join the user namespace that owns it, too",
        )
    if errno == "EINVAL":
        return (
            "Linux lets nobody in here: it is no namespace of this kind, or not below yours",
            None,
        )
    return None


def _no_process(errno: str) -> Cause | None:
    if errno == "EAGAIN":
        import resource

        limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        most = "unlimited" if limit == resource.RLIM_INFINITY else limit
        return (
            f"no process more may be made: RLIMIT_NPROC is {most}, for all of uid {os.getuid()}'s "
            "together; or the pids limit of a container or a login session is reached",
            "end some, or raise the limit: ulimit -u",
        )
    return None


def path_of(step: Step) -> str:
    """The path that a call names; empty if it names none."""
    for argument in step.args:
        if isinstance(argument.value, Path) and argument.value.value:
            return argument.value.value
    return ""


def _is_mapped(uid: int) -> bool:
    lines = [line.split() for line in (_read("/proc/self/uid_map") or "").splitlines()]
    return not lines or any(int(first) <= uid < int(first) + int(n) for first, _, n in lines)


def _is_chroot() -> bool:
    """No mount is at this process's `/`. A chroot to a mount point is not seen."""
    lines = (_read("/proc/self/mountinfo") or "").splitlines()
    return bool(lines) and not any(line.split(" ")[4] == "/" for line in lines)


def _is_filtered() -> bool:
    return "\nSeccomp:\t2\n" in (_read("/proc/self/status") or "")


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None
