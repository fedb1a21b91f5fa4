"""The attempts, as a table: what is tried, in which box, how the host sees it, what is switched off.

`switched_off` says in words which walls were taken away until the attempt succeeded: where several
stand behind each other, all of them are named. An `Off` runs the weakened box, either from a weaker
spec or from the plan's JSON with steps taken out (`weakened.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from tests.escape import weakened as no
from tests.escape.weakened import Edit
from tests.escape.world import OWN, SIGNALLED, TRACED, World

Proof = Callable[[World, str], bool]
"""Whether an attempt succeeded, judged by the host; with what the attacker says it got."""

BINDS: Final = """\
version: 1
system: host
working_dir: /tmp
binds:
  - ./attacker.py:/dev/shm/attacker.py
  - ./ro:/ro
  - ./ro/file:/alone
  - ./rw:/rw:rw
  - ./ro:/rw/inner
  - /dev:/devices
"""
SPECS: Final[dict[str, str]] = {
    "binds": BINDS,
    "root of the box": BINDS + "user: root\n",
    "no namespaces": BINDS + "disable_user_namespaces: true\n",
    "host root": "version: 1\nroot: {type: host, uncover: [PLACE]}\n"
    "binds: [./attacker.py:/dev/shm/attacker.py]\n",
    "home": "version: 1\nsystem: host\nbinds: [./attacker.py:/dev/shm/attacker.py, ./home:/victim:rw]\n",
    "covered host root": "version: 1\nroot: {type: host}\nbinds: [./attacker.py:/dev/shm/attacker.py]\n",
    "read-only root": "version: 1\nsystem: host\nroot: {path: ./bare, read_only: true}\n"
    "binds: [./attacker.py:/dev/shm/attacker.py]\n",
    "overlay": "version: 1\nsystem: host\nroot: {lower: ./lower}\n"
    "binds: [./attacker.py:/dev/shm/attacker.py]\n",
}
"""Boxes by name; `PLACE` is the top-level directory that the world lies in."""


@dataclass(frozen=True, slots=True)
class Off:
    """How a protection is switched off: lines added to the spec, or edits of its plan."""

    says: str
    spec: str = ""
    edits: tuple[Edit, ...] = ()
    by: Literal["caller", "root", "no box"] = "caller"
    """Who can do it: the caller, only root, or nobody: the kernel refuses it outside of boxes too."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """`name` is a function of `attacker.py`; `user`: what is switched off where an ordinary user calls,
    if that differs; `ways`: calls each of which has to succeed once nothing is in the way; `needs`: a
    path without which nothing can be shown; `harmless`: it may say that it got something."""

    name: str
    box: str
    proof: Proof
    off: Off
    user: Off | None = None
    ways: str = ""
    needs: str = ""
    harmless: bool = False

    def switched_off(self, who: str) -> Off:
        return self.user if who == "user" and self.user else self.off


def changed(*names: str) -> Proof:
    """These files or directories of the host, and what is below them, are not as they were."""
    return lambda world, _: any(path.startswith(names) for path in world.changed())


def read(world: World, got: str) -> bool:
    return world.secret in got


def planted(world: World, _: str) -> bool:
    """There is something in a directory of toyspec's own."""
    return any(any((world.top / "home" / place / "toyspec").iterdir()) for place in OWN.values())


def says(word: str) -> Proof:
    """Only the attacker can tell."""
    return lambda _, got: word in got


def reached(name: str) -> Proof:
    return lambda world, _: world.reached(name)


def ended(victim: str, number: int) -> Proof:
    return lambda world, _: world.ended_by(victim) == number


FILE: Final = "open append reopen truncate chmod utime setxattr"
DIRECTORY: Final = f"{FILE} create temporary mkdir symlink fifo link rename unlink"
WRITABLE: Final = Off("MOUNT_ATTR_RDONLY of every bind", edits=(no.writable_binds,))
ADMIN: Final = Off("no capabilities: SYS_ADMIN is held", "capabilities: [SYS_ADMIN]\n")
MIGHTY: Final = Off("no capabilities: all are held", edits=(no.bounding_set, no.held_capabilities))
"""SYS_ADMIN alone is refused where root runs the box."""
COVERS: Final = Off("what is mounted over protected paths", edits=(no.covers,))
MASKS: Final = Off("what is mounted over proc", edits=(no.masks,))
NOBODY: Final = Off("nothing of toyspec's: file modes refuse every ordinary user", by="no box")
OLD_ROOT: Final = Off("the detaching of the old root", edits=(no.old_root,))

ATTEMPTS: Final[tuple[Attempt, ...]] = (
    # Read-only
    Attempt("write_bind", "binds", changed("ro"), WRITABLE, ways=DIRECTORY),
    Attempt("write_file_bind", "binds", changed("ro"), WRITABLE, ways=FILE),
    Attempt("write_inside_writable", "binds", changed("ro"), WRITABLE, ways=DIRECTORY),
    Attempt("plant_in_cache", "binds", changed("rw/cache"), COVERS, ways=DIRECTORY),
    Attempt("plant_hook", "binds", changed("rw/.git"), COVERS, ways=DIRECTORY),
    Attempt("replace_protected", "binds", changed("rw/cache", "rw/.git"), COVERS,
            ways="/rw/cache/toyspec /rw/cache /rw/.git/hooks /rw/.git"),
    Attempt("write_outside", "host root", changed("ro"), WRITABLE, ways=DIRECTORY),
    Attempt("write_root", "read-only root", changed("bare/file", "bare/other", "bare/new"), WRITABLE,
            ways=DIRECTORY),
    Attempt("write_lower", "overlay", changed("lower"),
            Off("the overlay", "root: {path: ./lower}\n"), harmless=True),
    Attempt("plant", "home", planted, Off("the covers of toyspec's own", edits=(no.own_directories,)),
            ways=" ".join(OWN.values())),
    Attempt("remount", "binds", changed("ro"), MIGHTY, ADMIN),
    Attempt("unmount", "binds", read, MIGHTY, ADMIN),
    Attempt("bind_again", "binds", read, MIGHTY, ADMIN),
    # Devices, setuid programs, capabilities
    Attempt(
        "make_device", "binds", says("zeros"),
        Off("the user namespace, both sets of capabilities, nodev", by="root",
            edits=(no.user_namespace, no.bounding_set, no.held_capabilities, no.device_mounts)),
    ),
    Attempt("bound_device", "binds", says("zeros"), Off("nodev", edits=(no.device_binds,))),
    Attempt(
        "setuid_program", "binds", says("effective uid"),
        Off("the user namespace, nosuid, no_new_privs", by="root",
            edits=(no.user_namespace, no.setuid_binds, no.new_privileges)),
    ),
    Attempt(
        "root_in_name", "root of the box", lambda _, got: int(got or "0", 16) != 0,
        Off("the dropping of the bounding set and of what is held",
            edits=(no.bounding_set, no.held_capabilities)),
    ),
    Attempt(
        "new_user_namespace", "no namespaces", lambda _, got: int(got or "0", 16) != 0,
        Off("disable_user_namespaces, and the filter", "disable_user_namespaces: false\n"),
    ),
    # Processes of the host
    Attempt(
        "signal_host", "binds", ended("signal_host", SIGNALLED),
        Off("the pid namespace", edits=(no.pid_namespace,)),
    ),
    Attempt(
        "trace_host", "binds", ended("trace_host", TRACED),
        Off("the pid and the user namespace, both sets of capabilities", by="root",
            edits=(no.pid_namespace, no.user_namespace, no.bounding_set, no.held_capabilities)),
    ),
    Attempt(
        "root_of_others", "binds", read,
        Off("the pid and the user namespace, a proc of its own, both sets of capabilities", by="root",
            edits=(no.own_proc, no.user_namespace, no.bounding_set, no.held_capabilities)),
    ),
    # The root
    Attempt("above", "binds", read, OLD_ROOT),
    Attempt(
        "pivot_out", "binds", read,
        Off(OLD_ROOT.says + "; " + MIGHTY.says, edits=(*MIGHTY.edits, no.old_root)),
        Off(OLD_ROOT.says + "; " + ADMIN.says, ADMIN.spec, (no.old_root,)),
    ),
    Attempt(
        "double_chroot", "binds", read,
        Off("chroot instead of pivot_root, a root that is not attached over /, SYS_CHROOT is held", "capabilities: [SYS_CHROOT]\n",
            (no.chroot_for_pivot,)),
    ),
    # The kernel's files
    Attempt("core_pattern", "binds", says("written"), MASKS, NOBODY),
    Attempt("proc_sys", "binds", says("written"), MASKS, NOBODY),
    Attempt("proc_irq", "binds", says("written"), MASKS, NOBODY),
    Attempt("sysrq_trigger", "binds", says("opened"), MASKS, NOBODY, needs="/proc/sysrq-trigger"),
    Attempt("another_proc", "binds", says("written"), MASKS, NOBODY),
    # What is inherited, and what is shared
    Attempt("session_keyring", "binds", says("key "), Off("the keyring, and the filter", edits=(no.keyring,))),
    Attempt("abstract_socket", "binds", reached("abstract_socket"),
            Off("the network namespace", "network: host\n")),
    Attempt("loopback", "binds", reached("loopback"),
            Off("the network namespace", "network: host\n")),
    Attempt("shared_memory", "binds", read,
            Off("the ipc namespace", "namespaces: {ipc: host}\n")),
    Attempt("file_socket", "covered host root", reached("file_socket"),
            Off("the cover", "root: {type: host, uncover: [PLACE]}\n")),
    Attempt("leaked_descriptor", "binds", read,
            Off("close_range", edits=(no.descriptors,))),
)  # fmt: skip
