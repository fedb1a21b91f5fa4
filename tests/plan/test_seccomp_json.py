"""profile.json: read strictly, each problem at its JSON path; selected as docker selects."""

from __future__ import annotations

import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan.profiles import PROFILE
from toyspec.plan.seccomp.select import select
from toyspec.spec.seccomp.docker import Condition, DockerProfile
from toyspec.spec.seccomp.json_reader import read
from toyspec.spec.seccomp.json_values import MAX_SIZE, ProfileError
from toyspec.spec.seccomp.rules import ALLOW, KILL_THREAD, LOG, Action, Comparison, errno

EPERM = errno("EPERM")


def problems(document: object) -> list[tuple[str, str]]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(ProfileError) as caught:
        read(data)
    assert caught.value.problems
    return [(problem.path, problem.message) for problem in caught.value.problems]


def rule(**keys: object) -> dict[str, object]:
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO"} | keys],
    }


def args(**keys: object) -> dict[str, object]:
    return rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"} | keys])


def only(document: dict[str, object]) -> DockerProfile:
    return read(json.dumps(document).encode())


def test_everything_that_dockers_and_podmans_have_is_read() -> None:
    profile = read(PROFILE.encode())
    assert profile.default == EPERM
    assert dict(profile.families) == {"x86_64": ("i386", "x32"), "aarch64": ("arm",)}
    assert len(profile.rules) == 26
    masked = profile.rules[17]
    assert masked.names == ("clone",)
    assert masked.when == (Comparison(0, "&==", 0, 0x7E020000),)
    assert masked.excludes == Condition(("s390", "s390x"), ("CAP_SYS_ADMIN",))
    assert profile.rules[1].includes == Condition(min_kernel=(4, 8))
    assert profile.rules[9].action == errno("EINVAL")


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        (b"\xff", "", "not UTF-8: byte 0"),
        (b"{", "", "not JSON"),
        (b"[]", "", "not an object"),
        (b"[" * 100_000, "", "nested too deeply"),
        (b"1" * 5000, "", "a number is too long"),
        (b" " * (MAX_SIZE + 1), "", "larger than 1 MiB"),
        ({}, "defaultAction", "missing"),
        ({"defaultAction": None}, "defaultAction", "missing"),
        ({"defaultAction": 1}, "defaultAction", "not a string"),
        ({"defaultAction": "SCMP_ACT_ALOW"}, "defaultAction", "unknown action `SCMP_ACT_ALOW`: did"),
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "defaultAction", "no program outside the box"),
        (b'{"defaultAction":"SCMP_ACT_LOG","defaultAction":"SCMP_ACT_LOG"}', "defaultAction", "twice"),
        ({"defaultAction": "SCMP_ACT_LOG", "sycalls": []}, "sycalls", "did you mean `syscalls`?"),
        ({"defaultAction": "SCMP_ACT_LOG", "syscalls": {}}, "syscalls", "not a list"),
        ({"defaultAction": "SCMP_ACT_LOG", "syscalls": [1]}, "syscalls[0]", "not an object"),
        ({"defaultAction": "SCMP_ACT_LOG", "defaultErrnoRet": 1}, "defaultErrnoRet", "has no errno"),
        ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}, "defaultErrnoRet", "to 4095"),
        ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}, "defaultErrnoRet", "whole"),
        ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": "1"}, "defaultErrnoRet", "whole"),
        ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "defaultErrno": "ENOSYS"},
         "defaultErrno", "ENOSYS is 38, not 1"),
        ({"defaultAction": "SCMP_ACT_LOG", "architectures": ["amd64"]}, "architectures[0]",
         "unknown architecture `amd64`"),
        ({"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_X86"],
          "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]}, "archMap", "not both"),
        ({"defaultAction": "SCMP_ACT_LOG", "archMap": [{}]}, "archMap[0].architecture", "missing"),
        ({"defaultAction": "SCMP_ACT_LOG",
          "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["x86"]}]},
         "archMap[0].subArchitectures[0]", "unknown architecture"),
        ({"defaultAction": "SCMP_ACT_LOG", "flags": ["LOG"]}, "flags[0]", "unknown flag"),
        ({"defaultAction": "SCMP_ACT_LOG", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]},
         "flags[0]", "no program outside"),
        ({"defaultAction": "SCMP_ACT_LOG", "listenerPath": "/s"}, "listenerPath", "no program"),
        (rule(names=[]), "syscalls[0].names", "a rule without a call"),
        (rule(names=["raed"]), "syscalls[0].names[0]", "unknown system call `raed`: did you mean `read`"),
        (rule(names=["read", "a_call_of_2040"]), "syscalls[0].names[1]", "unknown system call"),
        (rule(names=[0]), "syscalls[0].names[0]", "not a string"),
        (rule(name="write"), "syscalls[0].name", "not both"),
        (rule(action=None), "syscalls[0].action", "missing"),
        (rule(action="SCMP_ACT_NOTIFY"), "syscalls[0].action", "no program outside"),
        (rule(action="SCMP_ACT_ALLOW", errnoRet=1), "syscalls[0].errnoRet", "has no errno"),
        (rule(errno="EWHAT"), "syscalls[0].errno", "unknown errno `EWHAT`"),
        (rule(errnoRet=1.5), "syscalls[0].errnoRet", "not a whole number"),
        (rule(errnoRet=True), "syscalls[0].errnoRet", "not a whole number"),
        (rule(comment=1), "syscalls[0].comment", "not a string"),
        (rule(priority=1), "syscalls[0].priority", "unknown key"),
        (rule(includes=[]), "syscalls[0].includes", "not an object"),
        (rule(includes={"cap": []}), "syscalls[0].includes.cap", "did you mean `caps`"),
        (rule(includes={"caps": ["SYS_ADMIN"]}), "syscalls[0].includes.caps[0]", "unknown capability"),
        (rule(excludes={"arches": ["x86_64"]}), "syscalls[0].excludes.arches[0]", "unknown arch"),
        (rule(includes={"minKernel": "4"}), "syscalls[0].includes.minKernel", "not a version"),
        (rule(includes={"minKernel": 4.8}), "syscalls[0].includes.minKernel", "not a version"),
        (rule(excludes={"minKernel": "4.x"}), "syscalls[0].excludes.minKernel", "not a version"),
        (args(index=6), "syscalls[0].args[0].index", "from 0 to 5"),
        (args(index=None), "syscalls[0].args[0].index", "missing"),
        (args(value=1 << 64), "syscalls[0].args[0].value", "not a whole number"),
        (args(value=-1), "syscalls[0].args[0].value", "not a whole number"),
        (args(op="=="), "syscalls[0].args[0].op", "unknown operator `==`"),
        (args(op="SCMP_CMP_MASKED"), "syscalls[0].args[0].op", "did you mean `SCMP_CMP_MASKED_EQ`"),
        (args(valueTwo=2), "syscalls[0].args[0].valueTwo", "only SCMP_CMP_MASKED_EQ"),
        (args(valueTwo=2, op="SCMP_CMP_MASKED_EQ"), "syscalls[0].args[0].valueTwo", "never holds"),
        (args(datum=2), "syscalls[0].args[0].datum", "unknown key"),
        (rule(args=[{"index": 0, "value": 3, "op": "SCMP_CMP_GE"},
                    {"index": 0, "value": 9, "op": "SCMP_CMP_LE"}]),
         "syscalls[0].args", "argument 0 is compared twice"),
    ],
)  # fmt: skip
def test_each_problem_has_its_place(document: object, path: str, message: str) -> None:
    found = problems(document)
    assert len(found) == 1, found
    assert found[0][0] == path
    assert message in found[0][1]


def test_all_problems_at_once() -> None:
    document = rule(action="ALLOW", args=[{"index": 9, "value": -1, "op": "EQ"}], extra=1)
    assert [path for path, _ in problems(document)] == [
        "syscalls[0].extra", "syscalls[0].action", "syscalls[0].args[0].index",
        "syscalls[0].args[0].value", "syscalls[0].args[0].op",
    ]  # fmt: skip


def test_many_problems_take_no_time_and_little_room() -> None:
    import time

    names = [f"call_{number}" * 5 for number in range(10_000)]
    begin = time.perf_counter()
    assert len(problems(rule(names=names))) == 100
    assert time.perf_counter() - begin < 5


def test_the_old_format_and_empty_conditions() -> None:
    profile = only({
        "defaultAction": "SCMP_ACT_KILL", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
        "syscalls": [{"name": "read", "action": "SCMP_ACT_ALLOW", "args": []},
                     {"names": ["write"], "action": "SCMP_ACT_LOG", "args": None, "comment": "",
                      "includes": {}, "excludes": None}],
    })  # fmt: skip
    assert profile.default == KILL_THREAD
    assert [(one.names, one.action, one.when) for one in profile.rules] == [
        (("read",), ALLOW, ()), (("write",), LOG, ()),
    ]  # fmt: skip
    assert select(profile, "x86_64", (), (6, 1)).architectures == ("x86_64", "x32")
    assert select(profile, "aarch64", (), (6, 1)).architectures == ("aarch64",)


def test_errnos_by_number_and_by_name() -> None:
    assert only(rule()).rules[0].action == EPERM
    for keys in ({"errnoRet": 22}, {"errno": "EINVAL"}, {"errnoRet": 22, "errno": "EINVAL"}):
        assert only(rule(**keys)).rules[0].action == errno("EINVAL")
    assert only(rule(action="SCMP_ACT_TRACE", errnoRet=65535)).rules[0].action == Action(
        "trace", 65535
    )


HOSTS: Final = ("x86_64", "aarch64")


@pytest.mark.parametrize(
    ("includes", "excludes", "host", "held", "kernel", "there"),
    [
        ({}, {}, "x86_64", (), (5, 10), True),
        ({"arches": ["amd64"]}, {}, "x86_64", (), (5, 10), True),
        ({"arches": ["amd64"]}, {}, "aarch64", (), (5, 10), False),
        ({"arches": ["arm", "arm64"]}, {}, "aarch64", (), (5, 10), True),
        ({"arches": ["x86"]}, {}, "x86_64", (), (5, 10), False),  # of the host, not of the call
        ({"caps": ["CAP_BPF"]}, {}, "x86_64", (), (5, 10), False),
        ({"caps": ["CAP_BPF"]}, {}, "x86_64", ("CAP_BPF",), (5, 10), True),
        ({"caps": ["CAP_BPF", "CAP_SYSLOG"]}, {}, "x86_64", ("CAP_BPF",), (5, 10), False),
        ({"minKernel": "5.9"}, {}, "x86_64", (), (5, 10), True),
        ({"minKernel": "5.10"}, {}, "x86_64", (), (5, 10), True),
        ({"minKernel": "5.11"}, {}, "x86_64", (), (5, 10), False),
        ({"minKernel": "4.99"}, {}, "x86_64", (), (5, 10), True),
        ({"minKernel": "6.0"}, {}, "x86_64", (), (5, 10), False),
        ({}, {"caps": ["CAP_BPF", "CAP_SYSLOG"]}, "x86_64", ("CAP_BPF",), (5, 10), False),
        ({}, {"caps": ["CAP_BPF"]}, "x86_64", ("CAP_SYSLOG",), (5, 10), True),
        ({}, {"arches": ["amd64"]}, "x86_64", (), (5, 10), False),
        ({}, {"minKernel": "5.10"}, "x86_64", (), (5, 10), False),
        ({}, {"minKernel": "5.11"}, "x86_64", (), (5, 10), True),
        ({"arches": ["amd64"]}, {"caps": ["CAP_BPF"]}, "x86_64", ("CAP_BPF",), (5, 10), False),
    ],
)
def test_conditions(
    includes: object, excludes: object, host: str, held: tuple[str, ...], kernel: tuple[int, int],
    there: bool,
) -> None:  # fmt: skip
    profile = select(only(rule(includes=includes, excludes=excludes)), host, held, kernel)
    assert bool(profile.rules) is there


@pytest.mark.parametrize(
    ("default", "newer"),
    [("ERRNO", True), ("KILL", True), ("KILL_PROCESS", True), ("TRAP", True), ("ALLOW", False),
     ("LOG", False), ("TRACE", False)],
)  # fmt: skip
def test_new_calls_are_enosys_where_the_default_is_no(default: str, newer: bool) -> None:
    profile = select(only({"defaultAction": f"SCMP_ACT_{default}"}), "x86_64", (), (6, 1))
    assert profile.newer == (errno("ENOSYS") if newer else None)
    assert profile.architectures == ("x86_64",)


def test_flags_are_passed_on() -> None:
    flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
    profile = only({"defaultAction": "SCMP_ACT_ALLOW", "flags": flags})
    assert select(profile, "x86_64", (), (6, 1)).flags == tuple(flags)


def test_a_host_of_another_architecture() -> None:
    with pytest.raises(KeyError):
        select(read(PROFILE.encode()), "riscv64", (), (6, 1))


def read_or_refused(data: bytes) -> DockerProfile | None:
    """The one or the other, and nothing else."""
    try:
        return read(data)
    except ProfileError as error:
        if not error.problems:
            raise
        return None


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    read_or_refused(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_CMP_EQ", "read", "amd64"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "defaultAction", "syscalls", "names", "name", "action", "args", "index", "op", "value",
        "valueTwo", "includes", "excludes", "caps", "arches", "minKernel", "archMap", "errnoRet",
        "architecture", "subArchitectures", "architectures", "flags", "defaultErrnoRet", "x",
    ]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_any_json(value: object) -> None:
    found = read_or_refused(json.dumps(value).encode())
    for host in HOSTS if found is not None else ():
        assert found is not None
        select(found, host, (), (6, 1))
