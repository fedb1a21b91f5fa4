"""Why a step failed: what the errno most likely means, for this call, on this host.

Read after the fact and best effort: the sysctls, profiles and directories that usually stand
behind an errno are looked at, and what was found is said, with what to do about it.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from toyspec.kernel import errnos
from toyspec.plan.step import Data, Path
from toyspec.run.failure import CANNOT_EXECUTE, FAILED, NOT_FOUND, Failure

if TYPE_CHECKING:
    from toyspec.plan.step import Plan, Step
    from toyspec.run.progress import Progress

Cause = tuple[str | None, str | None]

_APPARMOR = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
_CLONE = "/proc/sys/kernel/unprivileged_userns_clone"
_MOST = "/proc/sys/user/max_user_namespaces"


def explain(plan: Plan, progress: Progress, number: int, errno: int, note: str) -> Failure:
    """The failure of step `number`; errno 0 means that its result was not what it expects."""
    step = plan.steps[number - 1]
    name = errnos.name(errno) if errno else None
    if step.call == "execve":
        return _execve(plan, progress, step, errno, note)
    if name is None:
        return _unexpected(step)
    cause, remedy = _cause(step, name)
    message = f"{step.item or step.phase}: {errnos.text(errno)}"
    return Failure(step, name, message, cause, remedy)


def killed(plan: Plan, progress: Progress, setup: int | None, init: int | None) -> Failure:
    """No step failed, and yet there was no box: a process was ended from outside."""
    role, status = ("init", init)
    if setup is not None and os.WIFSIGNALED(setup):
        role, status = "setup", setup
    at = progress.cells[progress.current_cell("init" if role == "init" else "setup")]
    step = plan.steps[at - 1] if at else None
    how = "ended"
    if status is not None and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        how = f"was ended by {_signal(number)}"
    message = f"{role} {how} before init's command ran"
    cause = "something outside toyspec ended it: the out-of-memory killer, or a person"
    return Failure(step, None, message, cause, "see the kernel's log (dmesg), then try again")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _execve(plan: Plan, progress: Progress, step: Step, errno: int, note: str) -> Failure:
    """Of a search along PATH, the attempt that found something counts, as in execvp(3)."""
    attempts = [each for each in plan.steps if each.call == "execve"]
    denied = [
        a
        for a in attempts
        if progress.when(a.id) and progress.result(a.id) == -errnos.NUMBERS["EACCES"]
    ]
    name = errnos.name(errno)
    argv = attempts[0].item
    path = _path(step)
    if name in ("ENOENT", "ENOTDIR") and denied:
        where = _path(denied[0])
        message = f"{where} may not be executed: {errnos.text(errnos.NUMBERS['EACCES'])}"
        cause = "it is not executable, or a directory on the way may not be searched"
        return Failure(denied[0], "EACCES", message, cause, "chmod +x it", CANNOT_EXECUTE)
    if name in ("ENOENT", "ENOTDIR"):
        if note:
            return Failure(step, name, f"{path} cannot start", note, _interpreter(note), NOT_FOUND)
        word = argv.split(" ")[0]
        if len(attempts) > 1:
            where = ":".join(os.path.dirname(_path(each)) or "/" for each in attempts)
            message, cause = f"no `{word}` in the box", f"searched its PATH: {where}"
        else:
            message, cause = f"no {path} in the box", None
        remedy = "name a command that is in the box's root, or bind what holds it"
        return Failure(step, name, message, cause, remedy, NOT_FOUND)
    message = f"{path} cannot be executed: {errnos.text(errno)}"
    if name == "ENOEXEC":
        return Failure(step, name, message, note or None, "a script begins with #!", CANNOT_EXECUTE)
    if name == "EACCES":
        cause = "it is not executable, is no regular file, or lies on a noexec mount"
        return Failure(step, name, message, cause, "chmod +x it, or name its interpreter", 126)
    if name == "E2BIG":
        cause = "arguments and environment together are larger than the stack limit allows"
        return Failure(step, name, message, cause, "shorten them", CANNOT_EXECUTE)
    return Failure(step, name, message, note or None, None, CANNOT_EXECUTE)


def _interpreter(note: str) -> str:
    if "Windows line ends" in note:
        return "convert the file to Unix line ends"
    if "interpreter" in note:
        return "bind the directory that holds the interpreter, or use a static program"
    return "use a program built for this machine"


def _path(step: Step) -> str:
    """The path that a call names, if it names one."""
    for argument in step.args:
        if isinstance(argument.value, Path) and argument.value.value:
            return argument.value.value
    return ""


def _unexpected(step: Step) -> Failure:
    expects = step.expects
    if expects is not None and expects.errno == "EAGAIN":
        who = "the monitor" if step.role == "setup" else "setup"
        return Failure(step, None, f"{who} was gone before {step.role} stood")
    if expects is not None and expects.device is not None:
        message = f"{step.item}: the host's node is not device {expects.device}"
        remedy = "mend the host's /dev: something else lies where the device should be"
        return Failure(step, None, message, None, remedy)
    if expects is not None and expects.prefix is not None:
        message = f"{step.item}: it is not inside the box's root"
        return Failure(step, None, message, None, "choose a working_dir that exists in the box")
    if expects is not None and expects.filesystem is not None:
        message = f"{step.item}: the host's /proc is not procfs at this place"
        return Failure(step, None, message, "something is mounted over it", "unmount it")
    if step.call == "read":
        message = "the monitor went away before it said go"
        return Failure(step, None, message)
    return Failure(step, None, f"{step.item}: the call returned what the plan does not expect")


def _cause(step: Step, name: str) -> Cause:
    if step.call == "unshare":
        return _unshare(name)
    if step.phase == "identity":
        return _identity(step, name)
    if step.call in ("fsmount", "fsconfig") and name == "EPERM" and step.phase == "mounts":
        return _masked(step)
    if step.call == "pivot_root" and name == "EINVAL":
        return (
            "this process's own root is not a mount point: a chroot, or an initramfs",
            "run toyspec outside of the chroot",
        )
    if name in ("ENOSYS", "E2BIG"):
        return f"this kernel has no {step.call}(2), or a filter says so", "see `toyspec facts`"
    if name == "EPERM" and step.call in ("mount", "move_mount", "open_tree", "mount_setattr"):
        return _mount_refused()
    path = _path(step)
    if name == "EACCES" and path.startswith("/"):
        return _ancestor(path)
    if name in ("ENOENT", "ENOTDIR", "ELOOP"):
        return _vanished(step, name)
    if name == "EEXIST":
        return "something came to be there while the box was built", "try again"
    if name in ("ENOSPC", "EDQUOT"):
        return "the filesystem that it is written to is full", "free some room there"
    if name == "EXDEV":
        return (
            "something is mounted over the host's own /, so that the old root did not go",
            "see /proc/self/mountinfo for a second mount at /, and unmount it",
        )
    if name in ("ENOMEM", "EAGAIN"):
        return "memory, or a limit on processes (RLIMIT_NPROC, pids.max), is used up", None
    if name in ("EMFILE", "ENFILE"):
        return "too many descriptors are open (RLIMIT_NOFILE)", "raise it: ulimit -n 4096"
    if name == "EROFS":
        return "the filesystem is read-only", "make the mount point on the host"
    return None, None


def _unshare(name: str) -> Cause:
    if name == "ENOSPC":
        most = _read(_MOST)
        return (
            f"user namespaces are used up or off: user.max_user_namespaces is {most}"
            " (or they are nested 32 deep)",
            "an administrator: sysctl -w user.max_user_namespaces=15000",
        )
    if name == "EPERM" and _read(_CLONE) == "0":
        return (
            "unprivileged user namespaces are off: kernel.unprivileged_userns_clone is 0",
            "an administrator: sysctl -w kernel.unprivileged_userns_clone=1",
        )
    if name in ("EPERM", "EACCES"):
        if _read(_APPARMOR) == "1":
            return _apparmor()
        return (
            "something forbids user namespaces here: a container's seccomp filter, a chroot, "
            "or a security module",
            "run it outside of the container, or let the container make user namespaces",
        )
    if name == "EINVAL":
        return "this kernel lacks one of the namespaces, or the process has threads", None
    return None, None


def _identity(step: Step, name: str) -> Cause:
    if name in ("EPERM", "EACCES") and _read(_APPARMOR) == "1":
        return _apparmor()
    if name == "EPERM":
        return "the kernel refuses this id map: a sandbox around toyspec, or a nested box", None
    if name == "ENOENT":
        return "there is no /proc where toyspec runs", "mount proc on /proc"
    del step
    return None, None


def _apparmor() -> Cause:
    return (
        "AppArmor gives user namespaces to programs with a profile only: "
        "kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu 23.10 and later)",
        'an administrator, once: see README, "Ubuntu 23.10 and later"; or, for the whole machine, '
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    )


def _masked(step: Step) -> Cause:
    kind = next((a.value.text[0] for a in step.args if isinstance(a.value, Data)), "")
    over = _over("/proc" if "proc" in f"{kind} {step.item}" else "/sys")
    if over:
        return (
            f"parts of the host's {over[0]} are covered ({', '.join(over[1:4])}…), "
            "as in most containers, and Linux then refuses a fresh one",
            "run toyspec outside of the container, or leave the mount out of the spec",
        )
    return "Linux refuses a fresh proc or sysfs where the host's own is not fully visible", None


def _over(top: str) -> list[str]:
    points = []
    for line in (_read("/proc/self/mountinfo") or "").splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and fields[4].startswith(top + "/"):
            points.append(fields[4])
    return [top, *points] if points else []


def _mount_refused() -> Cause:
    if _read(_APPARMOR) == "1":
        return _apparmor()
    return (
        "the kernel refuses this mount in a user namespace: it would uncover what is covered, "
        "or drop a flag that is locked",
        None,
    )


def _ancestor(path: str) -> Cause:
    """The directory on the way that the caller may not search (crun #187, #1745)."""
    here = ""
    for part in path.strip("/").split("/"):
        above = here or "/"
        if os.path.isdir(above) and not os.access(above, os.X_OK):
            return (
                f"uid {os.getuid()} may not search the directory {above} (no x)",
                f"chmod +x {above}, or use a path that leads elsewhere",
            )
        here = f"{here}/{part}"
    return f"uid {os.getuid()} may not open {path}", "see its owner and mode"


def _vanished(step: Step, name: str) -> Cause:
    path = _path(step)
    if step.call == "chdir":
        return f"the box has no directory {path}", "bind something there, or change working_dir"
    if path.startswith("/") and not os.path.lexists(path):
        return f"{path} went away after it was looked at", "try again"
    if name == "ELOOP":
        return "a symbolic link is in the way, where a real directory has to be", None
    return f"the box's root has no {path or 'such place'}: it changed while it was built", None


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


__all__ = ["FAILED", "explain", "killed"]
