"""Capabilities, limits and sysctls: what a spec may say, and how it is told what it may not."""

from __future__ import annotations

import pytest

from tests.spec.loading import HEAD, problems, spec
from toyspec.kernel import flags
from toyspec.spec.confinement import CAPABILITIES
from toyspec.spec.model import IoPriority, Origin, Sysctl, Ulimit
from toyspec.spec.schema import schema


def test_the_names_are_the_kernel_s() -> None:
    assert tuple(f"CAP_{name}" for name in CAPABILITIES) == flags.CAPABILITIES
    limits = schema()["definitions"]["box"]["properties"]["ulimits"]["properties"]
    assert tuple(name.upper() for name in limits) == flags.RLIMITS


def test_capabilities_with_or_without_the_prefix_in_the_kernel_s_order() -> None:
    found = spec(HEAD + "capabilities: [NET_RAW, CAP_CHOWN]\n")
    assert found.capabilities == ("CAP_CHOWN", "CAP_NET_RAW")
    assert found.origin("capabilities[1]") == Origin("capabilities[1]", 3, 25)


def test_limits() -> None:
    text = "ulimits: {nofile: 5, core: unlimited, stack: {soft: 1, hard: unlimited}, x-why: 1}\n"
    assert spec(HEAD + text).ulimits == (
        Ulimit("ulimits.nofile", "nofile", 5, 5),
        Ulimit("ulimits.core", "core", None, None),
        Ulimit("ulimits.stack", "stack", 1, None),
    )


@pytest.mark.parametrize(("text", "bits"), [("'0077'", 0o77), ('"027"', 0o27)])
def test_umask(text: str, bits: int) -> None:
    assert spec(f"{HEAD}umask: {text}\n").umask == bits
    assert spec(HEAD).umask == 0o022


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("[3, 1]", (1, 3)), ('"0-2, 8"', (0, 1, 2, 8)), ('"5"', (5,)), ("1-1", (1,)), ("[1.0]", (1,))],
)
def test_cpus(text: str, cpus: tuple[int, ...]) -> None:
    assert spec(f"{HEAD}cpus: {text}\n").cpus == cpus


def test_scheduling() -> None:
    found = spec(HEAD + "nice: 3\noom_score_adj: -7\nioprio: {class: idle}\n")
    assert (found.nice, found.oom_score_adj, found.ioprio) == (3, -7, IoPriority("idle", 0))
    assert spec(HEAD + "ioprio: {class: best-effort}\n").ioprio == IoPriority("best-effort", 4)
    assert (spec(HEAD).nice, spec(HEAD).cpus, spec(HEAD).ioprio) == (None, (), None)


def test_sysctls_know_their_namespace() -> None:
    found = spec(
        HEAD + "sysctls: {net.core.somaxconn: 5, kernel.sem: '1 2', fs.mqueue.msg_max: 1, "
        "kernel.domainname: d, user.max_pid_namespaces: 0}\n"
    )
    assert found.sysctls[0] == Sysctl(
        "sysctls.net.core.somaxconn", "net.core.somaxconn", "network", "5"
    )
    assert [each.namespace for each in found.sysctls] == ["network", "ipc", "ipc", "uts", "user"]
    assert found.origin("sysctls.kernel.sem").column == 46


@pytest.mark.parametrize(
    ("text", "column", "message", "label"),
    [
        ("capabilities: [ALL]", 16, "`ALL` is no capability", "name each one that the box needs"),
        ("capabilities: [net_raw]", 16, "`net_raw` is no capability", "did you mean `NET_RAW`?"),
        ("capabilities: [NETADMIN]", 16, "`NETADMIN` is no capability", "did you mean `NET_ADMIN`?"),
        ("capabilities: [FLYING]", 16, "`FLYING` is no capability", "see capabilities(7)"),
        ("capabilities: [KILL, CAP_KILL]", 22, "the capability `KILL` is here twice",
         "first on line 3"),
        ("capabilities: KILL", 15, "capabilities must be a list, not a string", "write [KILL]"),
        ("ulimits: {nofile: 4g}", 19, "ulimits.nofile cannot be `4g`",
         "a whole number, or `unlimited`"),
        ("ulimits: {as: {soft: 2, hard: 1}}", 15, "the soft limit is above the hard one",
         "soft: at most hard"),
        ("ulimits: {as: {soft: unlimited, hard: 1}}", 15, "the soft limit is above the hard one",
         "soft: at most hard"),
        ("ulimits: {no_file: 1}", 11, "unknown key `no_file`", "did you mean `nofile`?"),
        ("umask: 077", 8, "umask must be a string, not the number 77", 'quote it: "077"'),
        ("umask: '1022'", 8, "umask cannot be `1022`", 'three octal digits in quotes, like "0077"'),
        ("nice: -1", 7, "nice is less than 0", ""),
        ("oom_score_adj: 1001", 16, "oom_score_adj is more than 1000", ""),
        ("cpus: 1.5", 7, 'cpus must be a list of CPUs or a range like "0-3", not the number 1.5',
         'numbers and ranges, like "0-3,8"'),
        ("cpus: 3-1", 7, "`3-1` runs backwards", "the lower number comes first"),
        ("cpus: '1024'", 7, "the CPU 1024 is more than 1023", "CPUs count from 0"),
        ("cpus: []", 7, "cpus is empty", ""),
        ("ioprio: {class: realtime}", 17,
         "ioprio.class must be best-effort or idle, not `realtime`", ""),
        ("ioprio: {class: idle, level: 3}", 30, "the class idle has no `level`", "leave it out"),
        ("sysctls: {vm.swappiness: 1}", 11, "`vm.swappiness` is the whole machine's",
         "no namespace holds it"),
        ("sysctls: {kernel.hostname: x}", 11, "kernel.hostname has a key of its own", "`hostname`"),
        ("sysctls: {net/core/somaxconn: 1}", 11, "`net/core/somaxconn` is a path",
         "write `net.core.somaxconn`"),
        ("sysctls: {net..x: 1}", 11, "`net..x` is no sysctl",
         "names with dots, like net.ipv4.ip_forward"),
        ("sysctls: {net.x: ''}", 18, "`net.x` cannot be ``", "one line of text"),
        ("sysctls: {net.x: true}", 18, "sysctls.net.x must be a string or a whole number, not true",
         'quote it: "true"'),
        ("capabilities: [SYS_RESOURCE]\ndisable_user_namespaces: true", 26,
         "`disable_user_namespaces` with the capability SYS_RESOURCE", "it could undo it"),
        ("sysctls: {user.max_user_namespaces: 9}\ndisable_user_namespaces: true", 26,
         "`disable_user_namespaces` sets user.max_user_namespaces", "it is set twice"),
        ("cpuset: '0'", 1, "`cpuset` is Compose's word", 'here: `cpus`: [0, 1] or "0-1"'),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, column: int, message: str, label: str) -> None:
    (problem,) = problems(HEAD + text + "\n")
    assert (problem.column, problem.message, problem.label) == (column, message, label)


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    found = spec(f"{HEAD}nice: 5.0\noom_score_adj: 100.0\nsysctls: {{net.ipv4.ip_forward: 1.0}}\n")
    assert (repr(found.nice), repr(found.oom_score_adj)) == ("5", "100")
    assert [each.value for each in found.sysctls] == ["1"]
