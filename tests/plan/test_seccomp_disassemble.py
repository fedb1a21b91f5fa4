"""A filter as text: names, labels, one instruction a line; and any filter at all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toyspec.plan.seccomp.assemble import assemble
from toyspec.plan.seccomp.default import default_profile
from toyspec.plan.seccomp.disassemble import disassemble
from toyspec.plan.seccomp.profile import Profile, Rule
from toyspec.plan.seccomp.terminal import refuse_terminal_input
from toyspec.spec.seccomp.rules import ALLOW, Action, Comparison, errno

RULES = (
    Rule(("write",), errno("EPERM"), (Comparison(0, "==", 1 << 32 | 2),)),
    Rule(("kill",), Action("trace", 3)),
    Rule(("clone",), ALLOW, (Comparison(0, "&==", 0x100, 0x300),)),
)

SMALL = """\
        load  arch
        if ==  x86_64                             → x86_64    else 22
x86_64  load  number
        if >=  fork (57)                          → 4         else 9
4       if >=  uname (63)                         → 5         else 7
5       if >=  x32's                              → 6         else 21
6       if >=  0xffffffff                         → 21        else 22
7       if >=  kill (62)                          → 8         else 21
8       return  trace 3
9       if >=  open (2)                           → 10        else 15
10      if >=  clone (56)                         → 11        else 21
11      load  argument 0
        and  0x300
        if ==  0x100                              → 14        else 21
14      return  allow
15      if >=  write (1)                          → 16        else 21
16      load  argument 0, high half
        if ==  1                                  → 18        else 21
18      load  argument 0
        if ==  2                                  → 20        else 21
20      return  errno EPERM
21      return  errno ENOSYS
22      return  kill process
"""


def test_a_small_filter() -> None:
    assert disassemble(assemble(Profile(("x86_64",), errno("ENOSYS"), RULES))) == SMALL


def test_two_architectures() -> None:
    text = disassemble(assemble(Profile(("x86_64", "i386"), errno("ENOSYS"), RULES)))
    for shown in ("i386    load  number", "write (1)", "write (4)", "kill (62)", "kill (37)"):
        assert shown in text


def test_labels_are_where_jumps_lead() -> None:
    for filter_ in (assemble(default_profile("x86_64")), assemble(default_profile("aarch64"))):
        lines = disassemble(filter_).splitlines()
        assert len(lines) == len(filter_)
        labels = {line.split()[0]: at for at, line in enumerate(lines) if line[0] != " "}
        for at, (line, (code, yes, no, k)) in enumerate(zip(lines, filter_, strict=True)):
            words = line.split()
            if "→" in words:
                assert labels[words[words.index("→") + 1]] == at + 1 + yes
                assert labels[words[-1]] == at + 1 + no
            elif "goto" in words:
                assert labels[words[-1]] == at + 1 + k
            else:
                assert code in (0x20, 0x06, 0x54)


def test_calls_are_named_for_the_architecture_that_makes_them() -> None:
    text = disassemble(refuse_terminal_input("x86_64"))
    assert text.count("ioctl (16)") == 1
    assert text.count("ioctl (54)") == 1
    text = disassemble(assemble(default_profile("aarch64")))
    x86 = disassemble(assemble(default_profile("x86_64")))
    assert "ioctl (29)" in text
    assert "ioctl (16)" in x86
    assert "errno EAFNOSUPPORT" in x86
    assert disassemble(()) == ""


instructions = st.tuples(
    st.sampled_from([0x20, 0x06, 0x54, 0x05, 0x15, 0x25, 0x35, 0x45, 0x00, 0x87, 0xFF]),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, (1 << 32) - 1) | st.integers(0, 64),
)


@given(st.lists(instructions, max_size=20).map(tuple))
def test_any_instructions(filter_: tuple[tuple[int, int, int, int], ...]) -> None:
    assert disassemble(filter_).count("\n") == len(filter_)
