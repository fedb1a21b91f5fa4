"""Step and Plan: one system call in one process, and the ordered list of them.

Arguments are symbolic and typed, in the kernel's order. What is known only at run time (a
descriptor, a pid) is named by a slot: a step's `yields` fills it, an `Fd` or `Pid` uses it.
"""

from __future__ import annotations

from typing import Literal

from toyspec.host.facts import Kind
from toyspec.spec.model import Origin, Text
from toyspec.values import dataclass

Phase = Literal[
    "prepare", "namespaces", "identity", "propagation", "root", "attach",
    "init", "mounts", "pivot", "seal", "confine", "exec",
]  # fmt: skip
PHASES: tuple[Phase, ...] = (
    "prepare", "namespaces", "identity", "propagation", "root", "attach",
    "init", "mounts", "pivot", "seal", "confine", "exec",
)  # fmt: skip
Role = Literal["monitor", "setup", "init", "uidmap", "gidmap", "command"]
ROLES: tuple[Role, ...] = ("monitor", "setup", "init", "uidmap", "gidmap", "command")
HELPERS: tuple[Role, ...] = ("uidmap", "gidmap")
"""They become newuidmap and newgidmap, outside of the box's user namespace."""
INSIDE: tuple[Role, ...] = ("init", "command")
"""The last of these that a plan has becomes the box's command: `command` where init is a reaper."""


@dataclass(frozen=True, slots=True)
class Int:
    """A plain number, the kernel's own meaning (bytes, counts, modes)."""

    value: int


@dataclass(frozen=True, slots=True)
class Flags:
    """Names of constants, or octal permission bits (`0644`), or-ed together; none is 0."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """A path, as the kernel gets it. Undecodable bytes are surrogate-escaped."""

    value: str


@dataclass(frozen=True, slots=True)
class Fd:
    """A descriptor: `AT_FDCWD`, 0 to 2, or the slot of an earlier step."""

    slot: str | int


@dataclass(frozen=True, slots=True)
class Pid:
    """The pid of a role, as the process that makes the call knows it (clone's own result)."""

    role: Role


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes given to the kernel (write's buffer, a mount's options). NUL-terminated in memory."""

    text: Text


@dataclass(frozen=True, slots=True)
class Length:
    """The number of bytes of another argument's text: known once its variables are."""

    of: str


@dataclass(frozen=True, slots=True)
class Bpf:
    """Classic BPF, one (code, jt, jf, k) per instruction: only a field of `sock_fprog`."""

    instructions: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Struct:
    """A kernel structure by name, with the fields that are not zero.

    Of kind `int[2]` the fields `read` and `write` are slots that pipe2 fills. An empty `fields`
    on an output structure (`statx`, `char[]` with its `size`) is a zeroed buffer.
    """

    name: str
    fields: tuple[tuple[str, Int | Flags | Fd | Pid | Data | Bpf], ...] = ()


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number that is known only at run time, as decimal text: what the slot of a step holds."""

    slot: str


@dataclass(frozen=True, slots=True)
class Strings:
    """An argv: NUL-terminated strings, then a null pointer."""

    values: tuple[str | Decimal, ...]


@dataclass(frozen=True, slots=True)
class Environment:
    """An envp. Values that a variable gives are shown by the variable's name only."""

    entries: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class Null:
    """A null pointer."""


Value = Int | Flags | Path | Fd | Pid | Data | Length | Struct | Strings | Environment | Null


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument under the name that the man page gives it."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Expect:
    """What a result must look like; exactly one field is set.

    `errno`: the call must fail with it. `result`: it must return this number, or what the argument
    of this name holds (`count`: nothing was written short). `prefix`: the
    text that it wrote must begin so. `device`: statx says a character device `MAJOR:MINOR`.
    `kind`: statx says this file type (`directory`, `file`). `filesystem`: fstatfs says this
    magic, by its constant's name (`PROC_SUPER_MAGIC`). `inode`: statx says this file and no other,
    `MAJOR:MINOR:NUMBER` of its device and inode. `status`: the wait status that wait4 wrote is this
    (0: the process ended with the exit status 0).
    """

    errno: str | None = None
    result: int | str | None = None
    prefix: str | None = None
    device: str | None = None
    kind: str | None = None
    filesystem: str | None = None
    status: int | None = None
    inode: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One system call in one process.

    `item` is what the step is a part of ("bind /usr at /usr, read-only"): consecutive steps of
    one item fold into one line of the plan. `why` is one sentence. `tolerates` are errnos that
    count as success, `retries` those that are tried again at once. `yields` is the slot that
    the result fills; of `clone` it is the role whose process begins there.

    The call `supervise` is not the kernel's: from there on the role's process only waits,
    polls, relays, signals, cleans up, and looks at what the plan watches. Its arguments name what it does that with.
    """

    id: int
    phase: Phase
    role: Role
    call: str
    args: tuple[Argument, ...]
    item: str
    why: str
    origin: Origin
    tolerates: tuple[str, ...] = ()
    retries: tuple[str, ...] = ()
    expects: Expect | None = None
    yields: str | None = None


@dataclass(frozen=True, slots=True)
class Exposed:
    """A host path that the box can write, or a device it can open."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the box can touch, and which defaults the spec weakened (one phrase each)."""

    writable: tuple[Exposed, ...]
    network: str
    environment: tuple[str, ...]
    terminal: bool
    real_root: bool
    weakened: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """A host path that is looked at (lstat) before `go` and when the box has ended.

    `kind`: what the plan found there. What is `missing`, or a symbolic link, the box could put
    something in place of; what is there is protected, unless someone outside of the box moves it.
    """

    path: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Stopping:
    """What the monitor does with a wish that the box should end: this signal to init, and SIGKILL so many
    milliseconds later. `signal` is a name of signal(7), or SIGRTMIN+N, 34 and upwards.
    """

    signal: str = "SIGTERM"
    grace: int = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """The finished list. `host` holds the facts that mattered, as names and printable values."""

    box: str
    spec_path: str
    spec_sha256: str
    arch: str
    host: tuple[tuple[str, str | int | bool | None], ...]
    steps: tuple[Step, ...]
    exposure: Exposure
    unresolved: tuple[str, ...]
    warnings: tuple[str, ...]
    watched: tuple[Watched, ...] = ()
    spec_files: tuple[tuple[str, str], ...] = ()
    """Files that the spec names and that were read with it: path and sha256."""
    stopping: Stopping = Stopping()
