"""init: the fork whose child is PID 1 of the box."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import calls, detached, helpers
from toyspec.plan.box import Box
from toyspec.plan.joining import new
from toyspec.plan.step import Expect, Flags, Int, Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Origin, Spec


def needs(spec: Spec) -> Needs:
    """Nothing."""
    return Needs()


def steps(box: Box) -> list[Step]:
    """Fork; init ties its life to setup's, setup closes what would keep pipes open."""
    w = Writer("init", "setup")
    first = "pid" in new(box.spec)
    what = "fork PID 1 of the box" if first else "fork init into the joined pid namespace"
    w.about(what, box.origin("init"), purpose="its end is the end of the box")
    make_alive(w)
    why = "the first process after unshare is the box's PID 1" if first else "not its PID 1"
    fork(w, why, terminal=box.facts.terminal)
    if box.spec.detached:
        detached.hand_over(w)
    own_group(w)
    supervise(w, box.origin("init"))
    helpers.become_user(w, box)
    die_with_setup(w)
    if box.spec.detached:
        detached.take(w)
    return w.steps


def make_alive(w: Writer) -> None:
    """The pipe by which init knows whether setup lives."""
    alive = calls.pipe2("alive", "O_CLOEXEC", "O_NONBLOCK")
    w.do(
        alive, "closes when setup ends; getppid cannot tell across a pid namespace", yields="alive"
    )


def fork(w: Writer, why: str, *, terminal: bool = False) -> None:
    """Init begins, and setup closes what would keep pipes open. `terminal`: the box has its own."""
    w.do(calls.clone(), why, yields="init")
    w.do(calls.close("alive.read"), "setup only holds the other end")
    w.do(calls.close("exec.write"), "or no end of file would ever come")
    w.do(calls.close("go.read"), "init alone waits there")
    if terminal:
        w.do(calls.close("terminal.write"), "init alone hands something over")


def own_group(w: Writer) -> None:
    """Of setup's."""
    w.about("setup out of the caller's process group")
    why = "a SIGKILL of the caller's whole group leaves setup to end the box"
    w.do(calls.setpgid(Int(0), Int(0)), why)


def supervise(w: Writer, origin: Origin | None = None) -> None:
    """The rest of setup's life."""
    w.about("setup waits for init", origin)
    ended = Flags(("SIGCONT",))  # which also wakes it where somebody stopped it
    why = "setup outlives the monitor by one kill, of an init that cleared its own PDEATHSIG"
    w.do(calls.prctl("PR_SET_PDEATHSIG", ended), why)
    why = "from here on setup waits for init, and ends it where the monitor is gone"
    w.do(calls.supervise("init"), why)


def die_with_setup(w: Writer) -> None:
    """Init ties its life to setup's; a change of ids has to come before."""
    w.about("init dies with setup", role="init")
    death = Flags(("SIGKILL",))
    w.do(calls.prctl("PR_SET_PDEATHSIG", death), "init, and so the box, is killed when setup ends")
    w.do(calls.close("alive.write"), "only setup holds the end that tells of its life")
    w.do(
        calls.read("alive.read", 1),
        "an empty pipe whose writer lives: setup did not end before the line above",
        expects=Expect(errno="EAGAIN"),
    )
