from __future__ import annotations

import pytest

from tests.show.plans import BIND, INIT, plan, step
from toyspec.plan.step import (
    Bpf,
    Data,
    Environment,
    Expect,
    Fd,
    Flags,
    Int,
    Length,
    Null,
    Path,
    Pid,
    Strings,
    Struct,
    Value,
)
from toyspec.show.syscalls import call, syscalls
from toyspec.spec.model import Origin, Variable


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Int(-1), "-1"),
        (Flags(()), "0"),
        (Flags(("MS_BIND", "MS_REC")), "MS_BIND|MS_REC"),
        (Path("/a\nb"), '"/a\\nb"'),
        (Path("/\udcff"), '"/\\xff"'),
        (Fd("AT_FDCWD"), "AT_FDCWD"),
        (Fd(0), "0"),
        (Pid("init"), "pid of init"),
        (Data(("cost $5 ", Variable("TERM"))), '"cost $$5 ${TERM}"'),
        (Strings(("sh", "-c", 'echo "hi"')), '["sh", "-c", "echo \\"hi\\""]'),
        (Strings(()), "[]"),
        (Environment((("A", ("1",)), ("T", (Variable("TERM"),)))), '["A=1", "T=${TERM}"]'),
        (Null(), "NULL"),
        (Struct("int[2]", (("read", Fd("p.read")), ("write", Fd("p.write")))), "[p.read, p.write]"),
        (Struct("sigset_t"), "[]"),
        (Struct("sigset_t", (("signals", Flags(("SIGTTOU",))),)), "[SIGTTOU]"),
        (Struct("sigset_t", (("signals", Flags(("ALL",))),)), "~[]"),
        (Struct("sigaction"), "{sa_handler=SIG_DFL}"),
        (Struct("char[]", (("size", Int(4096)),)), "char[4096]"),
        (Struct("statx"), "struct statx"),
        (Struct("open_how", (("flags", Flags(("O_PATH",))),)), "{flags=O_PATH}"),
        (
            Struct("sock_fprog", (("filter", Bpf(((6, 0, 0, 0x7FFF0000), (0x15, 0, 1, 16)))),)),
            "{filter=[BPF_STMT(0x6, 0x7fff0000), BPF_JUMP(0x15, 0x10, 0, 1)]}",
        ),
    ],
)
def test_every_kind_of_argument(value: Value, shown: str) -> None:
    assert call(step("attach", "setup", "any", {"x": value}, "i", "w", BIND)) == f"any({shown})"


@pytest.mark.parametrize(
    ("text", "shown"),
    [(("0 1000 1\n",), "9"), (("é",), "2"), ((Variable("X"),), "length of buf")],
)
def test_a_length_is_a_number_where_it_can_be(text: tuple[str | Variable], shown: str) -> None:
    made = step(
        "attach", "setup", "write", {"buf": Data(text), "count": Length("buf")}, "i", "w", BIND
    )
    assert call(made).endswith(f", {shown})")


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, "x(7)"),
        ({"yields": "root"}, "x(7) = root"),
        ({"tolerates": ("EEXIST", "ENOENT")}, "x(7) or EEXIST or ENOENT"),
        ({"retries": ("EAGAIN", "EINTR")}, "x(7), again on EAGAIN or EINTR"),
        ({"expects": Expect(errno="EAGAIN")}, "x(7) = -1 EAGAIN"),
        ({"expects": Expect(result=1)}, "x(7) = 1"),
        ({"expects": Expect(result="count")}, "x(7) = 7"),
        ({"expects": Expect(prefix="/")}, 'x(7) gives "/"…'),
        ({"expects": Expect(device="1:3")}, "x(7) is device 1:3"),
        ({"expects": Expect(kind="directory")}, "x(7) is directory"),
        ({"expects": Expect(filesystem="PROC_SUPER_MAGIC")}, "x(7) is PROC_SUPER_MAGIC"),
    ],
)
def test_what_a_step_may_answer(more: dict[str, object], shown: str) -> None:
    assert call(step("attach", "setup", "x", {"count": Int(7)}, "i", "w", BIND, **more)) == shown


def test_a_plan_is_one_line_a_call_with_its_source() -> None:
    lines = syscalls(plan()).splitlines()
    assert lines[0] == "# prepare"
    assert lines[3] == (" 3 monitor supervise(pid of setup, exec.read, go.write)  # default setup")
    assert ' 7 setup   mkdirat(root, "code", 0755) or EEXIST  # dev.yaml:4:9 binds[0]' in lines
    assert lines[-1].endswith("or ENOENT  # dev.yaml:6:7 init")
    assert len([line for line in lines if line[0] != "#"]) == len(plan().steps)


def test_names_that_a_spec_chooses_stay_on_their_line() -> None:
    evil = Origin("files[0]\n# x", 1, 1)
    made = step("attach", "setup", "x", {"a": Path("\x1b[2J\n")}, "i", "w", evil)
    text = syscalls(plan(made, spec_path="a\nb.yaml"))
    assert text.count("\n") == 2
    assert "\x1b" not in text


def test_phases_are_marked_where_they_begin() -> None:
    first = step("attach", "setup", "x", {}, "i", "w", BIND)
    second = step("exec", "init", "y", {}, "i", "w", INIT)
    assert syscalls(plan(first, first, second)).splitlines()[::3] == ["# attach", "# exec"]
