"""A well-formed plan passes; each way of being wrong is found, at its step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.program.samples import (
    box,
    clone,
    close,
    execve,
    pipe2,
    plan,
    read,
    step,
    supervise,
)
from toyspec.plan.step import (
    Bpf,
    Expect,
    Fd,
    Flags,
    Int,
    Length,
    Path,
    Pid,
    Plan,
    Step,
    Struct,
)
from toyspec.program.verify import MalformedPlanError, verify


def test_a_box_is_well_formed() -> None:
    verify(plan(box()))
    verify(plan(box(), "aarch64"))


def with_step(index: int, new: Step) -> Plan:
    steps = box()
    steps.insert(index, new)
    return plan(steps)


def how(*fields: tuple[str, Int | Flags | Fd]) -> Step:
    return step("openat2", ("dirfd", Fd(0)), ("path", Path("p")), ("how", Struct("open_how", fields)),
                ("size", Int(24)))  # fmt: skip


def test_ids_count_from_one() -> None:
    good = plan(box())
    with pytest.raises(MalformedPlanError, match="the id should be 1"):
        verify(replace(good, steps=good.steps[1:]))


def test_the_architecture_is_known() -> None:
    with pytest.raises(MalformedPlanError, match="architecture riscv64") as caught:
        verify(plan(box(), "riscv64"))
    assert caught.value.step == 0


WRONG: list[tuple[Plan, int, str]] = [
    (with_step(0, close("go.read")), 1, "go.read is not filled"),
    (with_step(2, step("close", ("fd", Fd("late")))), 3, "late is not filled"),
    (with_step(0, close(0, "setup")), 1, "setup does not exist yet"),
    (with_step(5, close(0)), 6, "monitor only supervises"),
    (with_step(6, clone("setup", "setup")), 7, "no role that is new"),
    (with_step(2, clone("monitor", "monitor")), 3, "no role that is new"),
    (with_step(2, step("clone", ("flags", Flags(())))), 3, "clone yields None"),
    (with_step(6, pipe2("late", role="setup")), 0, ""),
    (with_step(10, read("late.read", 1, "init")), 11, "late.read is not filled"),
    (with_step(2, step("setpgid", ("pid", Pid("setup")), ("pgid", Int(0)))), 3, "pid:setup"),
    (with_step(5, step("setpgid", ("pid", Pid("setup")), ("pgid", Int(0)), role="setup")), 6,
     "pid:setup"),
    (with_step(11, close(0, "init")), 12, "init does not end with execve"),
    (plan(box()[:4]), 4, "monitor does not end with supervise"),
    (plan([clone("setup", "monitor"), supervise("setup", "monitor")]), 0, "setup does not end"),
    (with_step(0, step("reboot")), 1, "unknown call reboot"),
    (with_step(0, step("close")), 1, "0 arguments"),
    (with_step(0, step("close", ("df", Fd(0)))), 1, "df where fd belongs"),
    (with_step(0, step("close", ("fd", Int(0)))), 1, "Int where fd belongs"),
    (with_step(0, step("unshare", ("flags", Flags(("CLONE_NEW",))))), 1, "unknown flag CLONE_NEW"),
    (with_step(0, step("unshare", ("flags", Int(1)))), 1, "Int where flags:unshare belongs"),
    (with_step(0, step("umask", ("mask", Flags(("0999",))))), 1, "unknown flag 0999"),
    (with_step(0, how(("mood", Int(1)))), 1, "open_how has no field mood"),
    (with_step(0, how(("flags", Int(1)))), 1, "Int in open_how.flags"),
    (with_step(0, how(("resolve", Flags(("O_PATH",))))), 1, "unknown flag O_PATH"),
    (with_step(0, step("chdir", ("path", Struct("statx")))), 1, "statx where path belongs"),
    (with_step(0, step("seccomp", ("operation", Flags(())), ("flags", Flags(())),
                       ("args", Struct("sock_fprog", (("len", Bpf(())),))))), 1, "where count"),
    (with_step(0, step("write", ("fd", Fd(1)), ("buf", Path("x")), ("count", Int(1)))), 1,
     "Path where bytes belongs"),
    (with_step(0, step("getcwd", ("buf", Struct("char[]")), ("size", Length("buff")))), 1, "buff"),
    (with_step(0, step("setsid", tolerates=("EWHAT",))), 1, "unknown errno EWHAT"),
    (with_step(0, step("setsid", retries=("EWHAT",))), 1, "unknown errno EWHAT"),
    (with_step(0, step("setsid", expects=Expect())), 1, "exactly one thing"),
    (with_step(0, step("setsid", expects=Expect(errno="EPERM", result=1))), 1, "exactly one thing"),
    (with_step(0, step("setsid", expects=Expect(errno="EWHAT"))), 1, "unknown errno EWHAT"),
    (with_step(0, step("setsid", expects=Expect(result="count"))), 1, "which is no argument"),
    (with_step(0, step("setsid", phase="lunch")), 1, "unknown phase lunch"),
    (with_step(0, replace(execve("/x"), role="nobody")), 1, "unknown role nobody"),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "at", "reason"), WRONG, ids=[case[2] for case in WRONG])
def test_what_is_wrong_is_found(wrong: Plan, at: int, reason: str) -> None:
    if not reason:
        verify(wrong)
        return
    with pytest.raises(MalformedPlanError) as caught:
        verify(wrong)
    assert (caught.value.step, reason in caught.value.reason) == (at, True), caught.value


def test_a_child_has_what_was_filled_before_its_clone_and_nothing_later() -> None:
    steps = box()
    steps.insert(2, pipe2("late"))
    verify(plan(steps))
    steps[2], steps[3] = steps[3], steps[2]
    verify(plan(steps))
    steps.insert(6, close("late.read", "setup"))
    with pytest.raises(MalformedPlanError, match=r"late\.read is not filled"):
        verify(plan(steps))
