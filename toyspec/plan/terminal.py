"""The box's own terminal: a pty of its own devpts, where the caller has a terminal.

Init opens it, hands its master to the monitor, and whoever executes the box's command takes it. The
monitor passes on what is typed at the caller's terminal and what the box writes to its own: of the
caller's terminal the box has no descriptor (CVE-2017-5226, pty(7)).
"""

from __future__ import annotations

from collections.abc import Sequence

from toyspec.plan import calls, filesystems, joining, mount_calls, pty_calls
from toyspec.plan.box import Box
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer
from toyspec.spec.model import Mount

_PTMX = "dev/pts/ptmx"
_CONSOLE = "dev/console"
_MADE, _AT_CONSOLE = "a terminal of its own", "/dev/console is that terminal"
_TAKEN = "a session of its own, on its own terminal"
ITEMS = frozenset((_MADE, _AT_CONSOLE, _TAKEN))
"""Of init's steps those that are about it."""
_STREAMS = ("standard input", "standard output", "standard error")


def pair(w: Writer) -> None:
    """By the monitor, before it forks: a way for init to hand over the master."""
    w.about("socket pair: terminal")
    why = "over it init hands the monitor the master of the box's terminal"
    w.do(pty_calls.socketpair("SOCK_SEQPACKET", "terminal"), why, yields="terminal")


def has_devpts(box: Box) -> bool:
    """Whether /dev/pts is a devpts of the box's own, and nothing lies over it."""
    if joining.joins(box.spec, "mount") is not None:
        return False  # whose it is there, no plan can tell
    found = False
    for placed in box.layout.placed:
        thing = placed.entry.thing
        if placed.path == "dev" and isinstance(thing, Mount):
            found = thing.type == "dev"
        elif placed.path == "dev/pts" and isinstance(thing, Mount):
            found = thing.type == "devpts"
        elif placed.path in ("dev", "dev/pts", _PTMX):
            found = False
    masked = [cover.path for cover in box.layout.covers if cover.masked]
    return found and not any((_PTMX + "/").startswith(path + "/") for path in masked)


def has_console(box: Box) -> bool:
    """Whether the `dev` at /dev has a place for it, and it a path in the box."""
    own = [placed.entry.thing for placed in box.layout.placed if placed.path == "dev"]
    made = bool(own) and isinstance(own[-1], Mount) and own[-1].type == "dev"
    over = any(placed.path == _CONSOLE for placed in box.layout.placed)
    return box.facts.terminal and made and not over and has_devpts(box)


def open_own(w: Writer, box: Box) -> None:
    """By init, in the finished box and while it has its capabilities."""
    if not box.facts.terminal:
        return
    open_pty(w, None if has_devpts(box) else filesystems.terminals(box))
    if has_console(box):
        _console(w)


def open_pty(w: Writer, private: Sequence[tuple[str, str]] | None) -> None:
    """A pty, whose master goes to the monitor; its other side is the slot `slave`.

    Of the devpts at /dev/pts; or of one that is mounted nowhere, with these `private` options.
    """
    w.about(_MADE, purpose="yours stays outside")
    flags = ("O_RDWR", "O_NOCTTY", "O_NONBLOCK")
    if private is None:
        opened = calls.openat2(calls.CWD, f"/{_PTMX}", *flags, resolve=calls.NO_SYMLINKS)
        w.do(opened, "a new pty of the box's own devpts: its master", yields="master")
    else:
        _private(w, private)
        w.do(calls.openat("devpts", "ptmx", *flags), "a new pty: its master", yields="master")
        w.do(calls.close("devpts"), "done with it")
    why = "it is one of a devpts, whatever has that name"
    w.do(calls.fstatfs("master"), why, expects=Expect(filesystem="DEVPTS_SUPER_MAGIC"))
    w.do(pty_calls.unlock("master"), "or nobody could open the other side")
    why = "the other side, the box's, by its master and not by a name (CVE-2025-52565)"
    w.do(pty_calls.slave_of("master"), why, yields="slave")
    handed = pty_calls.send("terminal.write", "master", "slave")
    why = "from here on the monitor passes on what is typed and what is written"
    w.do(handed, why, expects=Expect(result=1))
    w.do(calls.close("terminal.write"), "done with it")
    w.do(calls.close("master"), "the monitor alone holds it: nobody in the box")


def _private(w: Writer, options: Sequence[tuple[str, str]]) -> None:
    """A devpts that is mounted nowhere."""
    w.do(mount_calls.fsopen("devpts"), "the box has no /dev/pts of its own", yields="fs")
    for key, text in options:
        w.do(mount_calls.fsconfig_string("fs", key, text), f"{key} is {text}")
    w.do(mount_calls.fsconfig_create("fs"), "made, for this one pty")
    made = mount_calls.fsmount("fs", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NOEXEC")
    w.do(made, "as a mount that is nowhere", yields="devpts")
    w.do(calls.close("fs"), "done with it")


def _console(w: Writer) -> None:
    """By descriptor and through no symlink: nothing else may come in its place (CVE-2025-52565)."""
    w.about(_AT_CONSOLE)
    clone = mount_calls.open_tree_clone("slave", "", recursive=False)
    w.do(clone, "its node, as a mount of its own", yields="node")
    at = calls.openat2(calls.CWD, f"/{_CONSOLE}", "O_PATH", resolve=calls.NO_SYMLINKS)
    w.do(at, "the mount point that was made for it", yields="at")
    w.do(mount_calls.move_mount("node", "at"), "onto it, descriptor to descriptor")
    w.do(calls.close("at"), "done with it")
    w.do(calls.close("node"), "done with it")


def take(w: Writer, *, terminal: bool, errors: bool = False) -> None:
    """By the process that executes the box's command: a session of its own, on that `terminal`.

    `errors`: standard error is one of the streams that become it.
    """
    if not terminal:
        w.about("a session of its own")
        w.do(calls.setsid(), "no controlling terminal to push input into (CVE-2017-5226)")
        return
    w.about(_TAKEN)
    w.do(calls.setsid(), "your terminal is not this session's: nothing can be pushed into it")
    w.do(pty_calls.control("slave"), "^C, ^Z and the like reach the box's own processes")
    for fd, name in enumerate(_STREAMS if errors else _STREAMS[:2]):
        w.do(pty_calls.dup3("slave", fd), f"{name} is the box's terminal, not yours")
