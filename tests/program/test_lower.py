"""What a plan becomes: numbers, operands, bytes; and what it cannot become."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests.program.samples import box, close, execve, pipe2, plan, read, step, write
from toyspec.kernel.call import Arena, syscall
from toyspec.plan.step import (
    Bpf,
    Data,
    Expect,
    Fd,
    Flags,
    Int,
    Length,
    Null,
    Path,
    Step,
    Struct,
)
from toyspec.program.lower import LowerError, lower
from toyspec.program.program import (
    ADDRESS,
    CELL,
    IMMEDIATE,
    SUPERVISE,
    ZERO,
    Instruction,
    Program,
    accepted,
    arguments,
)
from toyspec.spec.model import Variable

if TYPE_CHECKING:
    from collections.abc import Mapping

MACHINE = os.uname().machine


def lowered(*steps: Step, variables: Mapping[str, str] | None = None) -> Program:
    return lower(plan(steps), variables or {})


def only(*steps: Step) -> tuple[Instruction, bytes]:
    """The last of the monitor's instructions, and the data from its first address on."""
    program = lowered(*steps)
    made = program.roles["monitor"][-1]
    at = next((number for kind, number in made.operands if kind == ADDRESS), 0)
    return made, program.data[at:]


def run(program: Program) -> list[int]:
    """The monitor's results, each of which the program accepts."""
    arena = Arena(program.data, program.pointers)
    results = []
    for each in program.roles["monitor"]:
        result = syscall(each.number, *arguments(each, arena.address, arena.cells))
        assert accepted(each, result, arena.memory), (each, result)
        if each.cell >= 0:
            arena.cells[each.cell >> 2] = result
        results.append(result)
    return results


@pytest.mark.skipif(MACHINE not in ("x86_64", "aarch64"), reason="no table for it")
def test_a_lowered_plan_runs() -> None:
    steps = [
        pipe2("p", "O_CLOEXEC", "O_NONBLOCK"),
        read("p.read", 8, expects=Expect(errno="EAGAIN")),
        write("p.write", "hé ", Variable("WHO"), expects=Expect(result="count")),
        read("p.read", 64, expects=Expect(prefix="hé th")),
        step(
            "openat", ("dirfd", Fd("AT_FDCWD")), ("path", Path("/dev/null")),
            ("flags", Flags(("O_RDWR", "O_CLOEXEC"))), yields="null",
        ),
        step(
            "statx", ("dirfd", Fd("null")), ("path", Path("")), ("flags", Flags(("AT_EMPTY_PATH",))),
            ("mask", Flags(("STATX_TYPE",))), ("statxbuf", Struct("statx")),
            expects=Expect(device="1:3"),
        ),
        step(
            "openat2", ("dirfd", Fd("AT_FDCWD")), ("path", Path("/proc")),
            ("how", Struct("open_how", (("flags", Flags(("O_PATH", "O_DIRECTORY", "O_CLOEXEC"))),))),
            ("size", Length("how")), yields="proc",
        ),
        step(
            "fstatfs", ("fd", Fd("proc")), ("buf", Struct("statfs")),
            expects=Expect(filesystem="PROC_SUPER_MAGIC"),
        ),
        step(
            "statx", ("dirfd", Fd("proc")), ("path", Path("self")), ("flags", Flags(())),
            ("mask", Flags(("STATX_TYPE",))), ("statxbuf", Struct("statx")),
            expects=Expect(kind="directory"),
        ),
        step("mkdirat", ("dirfd", Fd("AT_FDCWD")), ("path", Path("/")), ("mode", Flags(("0755",))),
             tolerates=("EEXIST",)),
        close("p.read"), close("p.write"), close("null"), close("proc"),
    ]  # fmt: skip
    results = run(lower(plan(steps, MACHINE), {"WHO": "there"}))
    assert results[2] == results[3] == len("hé there".encode())
    assert results[-4:] == [0, 0, 0, 0]


def test_roles_slots_and_the_pseudo_call() -> None:
    program = lower(plan(box()), {"TERM": "dumb"})
    assert {role: len(made) for role, made in program.roles.items()} == {
        "monitor": 5, "setup": 3, "init": 3,
    }  # fmt: skip
    slots = program.slots
    assert slots.keys() == {
        "go.read", "go.write", "exec.read", "exec.write", "pid:setup", "pid:init",
    }  # fmt: skip
    assert slots["go.write"] == slots["go.read"] + 4
    pipe, _, fork, _, last = program.roles["monitor"]
    assert pipe.operands[:2] == ((ADDRESS, slots["go.read"]), (IMMEDIATE, 0o2000000))
    assert (fork.child, fork.cell, fork.operands[0]) == (
        "setup", slots["pid:setup"], (IMMEDIATE, 17),
    )  # fmt: skip
    assert last.number == SUPERVISE
    assert dict(zip(last.names, last.operands, strict=False)) == {
        "child": (CELL, slots["pid:setup"]), "exec": (CELL, slots["exec.read"]),
        "go": (CELL, slots["go.write"]),
    }  # fmt: skip
    assert program.data[slots["go.read"] :][:8] == b"\xff" * 8
    assert struct.unpack_from("<i", program.data, slots["pid:init"]) == (0x7FFFFFFF,)


def test_equal_data_is_there_once() -> None:
    program = lower(plan(box()), {"TERM": "dumb"})
    first, second = program.roles["init"][1:]
    assert first.operands[0] != second.operands[0]
    assert first.operands[1:] == second.operands[1:]
    assert first.tolerates == (2,)
    assert program.data.count(b"TERM=dumb\0") == 1


def test_outputs_have_their_own_bytes_unless_they_are_written_whole() -> None:
    stat = step(
        "statx", ("dirfd", Fd("AT_FDCWD")), ("path", Path("/")), ("flags", Flags(())),
        ("mask", Flags(())), ("statxbuf", Struct("statx")),
    )  # fmt: skip
    of_files = step("fstatfs", ("fd", Fd(3)), ("buf", Struct("statfs")))
    where = step(
        "getcwd", ("buf", Struct("char[]", (("size", Int(4096)),))), ("size", Length("buf"))
    )
    one, other, third = lowered(stat, stat, of_files).roles["monitor"]
    assert one.operands == other.operands
    assert abs(one.operands[4][1] - third.operands[1][1]) >= 120
    one, other = lowered(where, where).roles["monitor"]
    assert abs(one.operands[0][1] - other.operands[0][1]) >= 4096


def test_argv_points_to_its_strings_and_ends_in_null() -> None:
    program = lower(plan(box()), {"TERM": "dumb"})
    data = program.data
    pointers = dict(program.pointers)
    _, (_, argv), (_, envp), *_ = program.roles["init"][1].operands

    def texts(at: int) -> list[bytes]:
        found = []
        while at in pointers:
            found.append(data[pointers[at] :].split(b"\0")[0])
            at += 8
        assert data[at : at + 8] == bytes(8)
        return found

    assert argv % 8 == envp % 8 == 0
    assert texts(argv) == [b"sh"]
    assert texts(envp) == [b"PATH=/usr/bin", b"TERM=dumb"]


def test_the_same_plan_gives_the_same_program() -> None:
    assert lower(plan(box()), {"TERM": "x"}) == lower(plan(box()), {"TERM": "x"})


def test_architectures_differ_in_numbers_flags_and_the_order_of_clone() -> None:
    steps = [
        step("openat", ("dirfd", Fd(0)), ("path", Path("x")), ("flags", Flags(("O_NOFOLLOW",)))),
        step(
            "clone", ("flags", Flags(())), ("stack", Null()), ("parent_tid", Null()),
            ("child_tid", Int(1)), ("tls", Int(2)), yields="setup",
        ),
    ]  # fmt: skip
    x86, arm = (lower(plan(steps, arch), {}).roles["monitor"] for arch in ("x86_64", "aarch64"))
    assert (x86[0].number, arm[0].number) == (257, 56)
    assert x86[0].operands[2] == (IMMEDIATE, 0o400000)
    assert arm[0].operands[2] == (IMMEDIATE, 0o100000)
    assert [number for _, number in x86[1].operands] == [0, 0, 0, 1, 2, 0]
    assert [number for _, number in arm[1].operands] == [0, 0, 0, 2, 1, 0]


def test_structures_to_the_byte() -> None:
    how = (("flags", Flags(("O_CREAT", "O_CLOEXEC"))), ("mode", Flags(("0644",))),
           ("resolve", Flags(("RESOLVE_IN_ROOT",))))  # fmt: skip
    attr = (("attr_set", Flags(("MOUNT_ATTR_RDONLY",))), ("propagation", Flags(("MS_PRIVATE",))))
    cases: list[tuple[Step, bytes]] = [
        (
            step("openat2", ("dirfd", Fd(0)), ("path", Path("p")), ("how", Struct("open_how", how)),
                 ("size", Int(24))),
            b"p\0" + bytes(6) + struct.pack("<QQQ", 0o2000100, 0o644, 0x10),
        ),
        (
            step("mount_setattr", ("dirfd", Fd(0)), ("path", Path("")), ("flags", Flags(())),
                 ("attr", Struct("mount_attr", attr)), ("size", Length("attr"))),
            bytes(8) + struct.pack("<QQQQ", 1, 0, 1 << 18, 0),
        ),
        (
            step("rt_sigprocmask", ("how", Flags(("SIG_SETMASK",))),
                 ("set", Struct("sigset_t", (("signals", Flags(("ALL",))),))), ("oldset", Null()),
                 ("sigsetsize", Int(8))),
            b"\xff" * 8,
        ),
        (
            step("rt_sigprocmask", ("how", Flags(("SIG_BLOCK",))),
                 ("set", Struct("sigset_t", (("signals", Flags(("SIGTTOU", "SIGHUP"))),))),
                 ("oldset", Null()), ("sigsetsize", Int(8))),
            struct.pack("<Q", 1 << 21 | 1),
        ),
        (
            step("rt_sigaction", ("signum", Flags(("SIGPIPE",))), ("act", Struct("sigaction")),
                 ("oldact", Null()), ("sigsetsize", Int(8))),
            bytes(32),
        ),
        (
            step("ioctl", ("fd", Fd(3)), ("request", Flags(("SIOCSIFFLAGS",))),
                 ("argp", Struct("ifreq", (("ifr_name", Data(("lo",))),
                                           ("ifr_flags", Flags(("IFF_UP", "IFF_RUNNING"))))))),
            struct.pack("<16sH22x", b"lo", 0x41),
        ),
        (
            step("ioctl", ("fd", Fd(0)), ("request", Flags(("TIOCSPTLCK",))),
                 ("argp", Struct("int"))),
            bytes(4),
        ),
        (
            step("capset",
                 ("hdrp", Struct("__user_cap_header_struct",
                                 (("version", Flags(("_LINUX_CAPABILITY_VERSION_3",))),))),
                 ("datap", Struct("__user_cap_data_struct",
                                  (("effective", Flags(("CAP_DAC_OVERRIDE", "CAP_BPF"))),
                                   ("inheritable", Flags(("CAP_SYSLOG",))))))),
            struct.pack("<Ii6I", 0x20080522, 0, 2, 0, 0, 1 << 7, 0, 1 << 2),
        ),
    ]  # fmt: skip
    for given, wanted in cases:
        _, data = only(given)
        assert data == wanted, given.call


def test_a_filter_is_counted_and_pointed_to() -> None:
    bpf = Bpf(((0x20, 0, 0, 4), (0x06, 1, 2, 0x7FFF0000)))
    program = lowered(
        step("seccomp", ("operation", Flags(("SECCOMP_SET_MODE_FILTER",))), ("flags", Flags(())),
             ("args", Struct("sock_fprog", (("filter", bpf),))))
    )  # fmt: skip
    at = program.roles["monitor"][0].operands[2][1]
    assert struct.unpack_from("<H", program.data, at) == (2,)
    ((pointer, target),) = program.pointers
    assert pointer == at + 8
    assert program.data[target : target + 16] == struct.pack(
        "<HBBIHBBI", 0x20, 0, 0, 4, 0x06, 1, 2, 0x7FFF0000
    )


def sent(*slots: str) -> Step:
    fields = [(f"rights[{at}]", Fd(slot)) for at, slot in enumerate(slots)]
    message = Struct("msghdr", (("msg_iov", Data(("xy",))), *fields))
    return step("sendmsg", ("sockfd", Fd(3)), ("msg", message), ("flags", Int(0)))


def test_descriptors_go_with_a_message() -> None:
    """Their cells lie in its control message, where the kernel reads them (cmsg(3))."""
    opened = [step("openat", *OPENED, ("flags", Flags(("O_PATH",))), yields=name) for name in "ab"]
    program = lowered(*opened, sent("a", "b"))
    kind, at = program.roles["monitor"][2].operands[1]
    assert kind == ADDRESS
    targets = dict(program.pointers)
    vector, control = targets[at + 16], targets[at + 32]
    assert program.data[at : at + 56] == struct.pack("<QQQQQQQ", 0, 0, 0, 1, 0, 24, 0)
    assert program.data[vector : vector + 16] == struct.pack("<QQ", 0, 2)
    assert program.data[targets[vector] :][:3] == b"xy\0"
    assert program.data[control : control + 24] == struct.pack("<Qiiii", 24, 1, 1, -1, -1)
    assert [program.slots[name] for name in "ab"] == [control + 16, control + 20]
    with pytest.raises(LowerError, match="no slot of its own"):
        lowered(*opened, sent("a", "a"))


def rule(slot: str, *access: str) -> Step:
    fields = (("allowed_access", Flags(access)), ("parent_fd", Fd(slot)))
    return step(
        "landlock_add_rule", ("ruleset_fd", Fd(3)),
        ("rule_type", Flags(("LANDLOCK_RULE_PATH_BENEATH",))),
        ("rule_attr", Struct("landlock_path_beneath_attr", fields)), ("flags", Int(0)),
    )  # fmt: skip


def test_a_descriptor_in_a_structure_is_kept_there() -> None:
    opened = step("openat", *OPENED, ("flags", Flags(("O_PATH",))), yields="place")
    write = rule("place", "LANDLOCK_ACCESS_FS_WRITE_FILE")
    program = lowered(opened, write, close(2), opened, write)
    rules = [each for each in program.roles["monitor"] if each.call == "landlock_add_rule"]
    (at,) = {each.operands[2] for each in rules}
    assert at == (ADDRESS, program.slots["place"] - 8)
    assert program.data[at[1] : at[1] + 12] == struct.pack("<Qi", 2, -1)
    with pytest.raises(LowerError, match="kept in another structure"):
        lowered(opened, write, rule("place", "LANDLOCK_ACCESS_FS_REMOVE_DIR"))


def test_bytes_that_are_no_text() -> None:
    made, data = only(step("chdir", ("path", Path("/a\udcff"))))
    assert data == b"/a\xff\0"
    assert made.operands[1:] == (ZERO,) * 5
    made, data = only(write(1, "a\0b"))
    assert (data, made.operands[2]) == (b"a\0b\0", (IMMEDIATE, 3))
    program = lowered(write(1, Variable("V")), variables={"V": "\udc80"})
    assert program.data == b"\x80\0"


OPENED = ("dirfd", Fd(0)), ("path", Path("p"))
WRONG: list[tuple[Step, str]] = [
    (write(1, Variable("ABSENT")), "write: the variable ABSENT is not set"),
    (step("chdir", ("path", Path("a\0b"))), "NUL"),
    (step("chdir", ("path", Path("\ud800"))), "has no bytes"),
    (step("chdir", ("path", Data(("a\0b",)))), "NUL"),
    (execve("/bin/sh", "a\0b"), "NUL"),
    (step("chdir"), "0 arguments, of 1 to 1"),
    (step("chdir", ("path", Path("/")), ("more", Int(1))), "2 arguments"),
    (step("chdir", ("way", Path("/"))), "way where path belongs"),
    (step("reboot"), "unknown name reboot"),
    (step("unshare", ("flags", Flags(("CLONE_NEWFOO",)))), "unknown name CLONE_NEWFOO"),
    (step("chdir", ("path", Flags(("O_PATH",)))), "names where path belongs"),
    (step("umask", ("mask", Flags(("0888",)))), "unknown name 0888"),
    (step("close", ("fd", Int(1 << 64))), "does not fit in 8 bytes"),
    (step("chdir", ("path", Struct("statx"))), "statx where path belongs"),
    (step("openat2", *OPENED, ("how", Struct("open_how", (("mood", Int(1)),))), ("size", Int(24))),
     "unknown name mood"),
    (step("openat2", *OPENED, ("how", Struct("open_how", (("mode", Int(1 << 64)),))),
          ("size", Int(24))), "does not fit in 8 bytes"),
    (step("mount_setattr", *OPENED, ("flags", Flags(())),
          ("attr", Struct("mount_attr", (("userns_fd", Fd("slot")),))), ("size", Int(32))),
     "mount_attr.userns_fd needs a number that is known beforehand"),
    (step("ioctl", ("fd", Fd(0)), ("request", Flags(("SIOCSIFFLAGS",))),
          ("argp", Struct("ifreq", (("ifr_name", Data(("a-very-long-name",))),)))), "cannot hold"),
    (step("sethostname", ("name", Data(("n",))), ("len", Length("nam"))), "length of nam"),
    (step("clone", ("flags", Flags(()))), "yields None"),
    (step("close", ("fd", Fd(0)), tolerates=("ENOTHING",)), "unknown name ENOTHING"),
    (step("close", ("fd", Fd(0)), expects=Expect(kind="file")), "expects something of statx"),
    (step("close", ("fd", Fd(0)), expects=Expect(result="count")), "unknown name count"),
    (step("close", ("fd", Fd("s")), expects=Expect(result="fd")), "no number"),
    (step("pipe2", ("pipefd", Struct("int[2]")), ("flags", Flags(()))), "needs the slots"),
    (pipe2("p", "O_APPEND"), "unknown name O_APPEND"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "reason"), WRONG, ids=lambda each: getattr(each, "call", None))
def test_what_cannot_be_lowered_names_its_step(wrong: Step, reason: str) -> None:
    with pytest.raises(LowerError) as caught:
        lowered(close(2), wrong)
    assert caught.value.step == 2
    assert reason in caught.value.reason
    assert str(caught.value).startswith("step 2: ")


def test_a_slot_that_lies_elsewhere_cannot_be_an_end_of_a_pipe() -> None:
    duplicate = step("fcntl", ("fd", Fd(0)), ("cmd", Flags(("F_DUPFD",))), yields="p.write")
    with pytest.raises(LowerError, match="side by side"):
        lowered(duplicate, pipe2("p"))


def test_what_is_expected_becomes_numbers() -> None:
    steps = [
        read(0, 1, expects=Expect(result=1)),
        write(1, "four", expects=Expect(result="count")),
        read(0, 8, expects=Expect(errno="EAGAIN"), retries=("EINTR",)),
    ]
    one, four, again = lowered(*steps).roles["monitor"]
    assert (one.fails, one.result, one.memory) == (0, 1, ())
    assert (four.fails, four.result, four.memory) == (0, 4, ())
    assert (again.fails, again.result, again.retries) == (11, None, (4,))


@pytest.mark.parametrize(
    ("fields", "result", "fine"),
    [
        ({}, 0, True),
        ({}, 7, True),
        ({}, -2, False),
        ({"tolerates": (2,)}, -2, True),
        ({"fails": 11}, -11, True),
        ({"fails": 11}, 0, False),
        ({"fails": 11}, -4, False),
        ({"result": 1}, 1, True),
        ({"result": 1}, 0, False),
        ({"memory": ((1, b"\xf0", b"\x20"),)}, 0, True),
        ({"memory": ((1, b"\xf0", b"\x21"),)}, 0, False),
        ({"memory": ((0, b"\xff\xff", b"\x00\x22"),)}, 0, False),
        ({"memory": ((1, b"\xf0", b"\x21"),), "tolerates": (2,)}, -2, True),
    ],
)
def test_what_is_accepted(fields: dict[str, Any], result: int, fine: bool) -> None:
    empty: dict[str, Any] = {"fails": 0, "result": None, "memory": (), "tolerates": ()}
    made = Instruction(
        step=1, call="close", number=3, operands=(ZERO,) * 6, names=(), retries=(), cell=-1,
        child=None, **{**empty, **fields},
    )  # fmt: skip
    assert accepted(made, result, b"\x00\x21") is fine


def test_nothing_that_costs_is_imported() -> None:
    import subprocess
    import sys
    from pathlib import Path as Place

    code = """
import sys
import toyspec.program.lower, toyspec.program.verify, toyspec.kernel.errnos
heavy = {"ctypes", "json", "yaml", "jsonschema", "rich", "argparse", "mmap"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    root = Place(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
