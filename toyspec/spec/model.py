"""What a box is: the canonical long form of a spec, as frozen values.

Every default is written out. Where each value came from stands in `Spec.origins`, by key path
(`binds[0].target`), so that a step of the plan can name the line that asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from toyspec.values import dataclass, field

if TYPE_CHECKING:
    from toyspec.spec.seccomp.docker import DockerProfile


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: a place in the file, or the name of a default.

    `line` and `column` count from 1; both are 0 where `default` is set.
    """

    path: str
    line: int = 0
    column: int = 0
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A value of the caller's environment, by name; its text is read when the plan is lowered.

    `env_file[0].NAME` is the value of NAME in the spec's first environment file.
    """

    name: str


Text = tuple[str | Variable, ...]
"""Literal text and variables, in order. Only `environment` and `content` keep variables."""

Namespace = Literal["mount", "user", "pid", "network", "uts", "ipc", "cgroup", "time"]
Clock = Literal["monotonic", "boottime"]


@dataclass(frozen=True, slots=True)
class Root:
    """What the box sees as `/`. Host paths are absolute, without `..`.

    An overlay shows `lower` (its first directory on top), or with `lower_host` each top-level
    directory of the host's; what is written goes to `upper`, or into memory where that is None.
    `uncovered` are the directories of a host root that the box may see after all. `size` is a
    tmpfs root's, in bytes.
    """

    kind: Literal["tmpfs", "directory", "overlay", "host"] = "tmpfs"
    path: str | None = None
    create: bool = False
    read_only: bool = False
    old_root: str | None = None
    lower: tuple[str, ...] = ()
    lower_host: bool = False
    upper: str | None = None
    work: str | None = None
    uncovered: tuple[str, ...] = ()
    size: int | None = None


@dataclass(frozen=True, slots=True)
class User:
    """Who init is inside: the caller's own ids, root, or numbers. `ranges`: and every other id of
    the box is one of the caller's sub-ids (subuid(5)).
    """

    kind: Literal["caller", "root", "ids"] = "caller"
    uid: int | None = None
    gid: int | None = None
    ranges: bool = False


@dataclass(frozen=True, slots=True)
class Bind:
    """A host path shown in the box. `source` is absolute and normal, `at` its key path.

    `setuid`: setuid programs in it keep their meaning. Not `recursive`: without what is mounted
    below the source.
    """

    at: str
    source: str
    target: str
    writable: bool = False
    devices: bool = False
    optional: bool = False
    executable: bool = True
    setuid: bool = False
    recursive: bool = True


MountType = Literal[
    "proc", "sysfs", "tmpfs", "dev", "overlay", "devpts", "mqueue", "cgroup2", "volume"
]
HidePid = Literal["off", "noaccess", "invisible", "ptraceable"]


@dataclass(frozen=True, slots=True)
class Mount:
    """A filesystem of the box's own. `size` is in bytes; `mode` holds permission bits.

    `lower`, `upper` and `work` are an overlay's, as a root's; `size`, `mode` and `inodes` a
    tmpfs's; `hidepid` and `subset` a proc's (proc(5)); `name` a volume's.
    """

    at: str
    type: MountType
    target: str
    size: int | None = None
    mode: int | None = None
    lower: tuple[str, ...] = ()
    upper: str | None = None
    work: str | None = None
    read_only: bool = False
    executable: bool = True
    inodes: int | None = None
    hidepid: HidePid | None = None
    subset: Literal["pid"] | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """Something of the box's own making: exactly one of `content`, `source`, `directory` and
    `symlink` is set.

    `source` is a host file whose bytes are copied, absolute and normal; its copy has the file's own
    permission bits where `mode` is None. `optional`: left out where the host lacks the source.
    """

    at: str
    target: str
    content: Text | None = None
    symlink: str | None = None
    mode: int | None = 0o644
    source: str | None = None
    directory: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Env:
    """One variable of the box's environment."""

    at: str
    name: str
    value: Text


@dataclass(frozen=True, slots=True)
class Ulimit:
    """A resource limit by getrlimit(2)'s name in lower case; None is unlimited."""

    at: str
    name: str
    soft: int | None
    hard: int | None


@dataclass(frozen=True, slots=True)
class IoPriority:
    """ioprio_set(2)'s class, and in best-effort a level from 0 (first) to 7."""

    kind: Literal["best-effort", "idle"]
    level: int


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A sysctl with its dots, the namespace that holds it, and the text to write."""

    at: str
    name: str
    namespace: Literal["network", "ipc", "uts", "user"]
    value: str


@dataclass(frozen=True, slots=True)
class Included:
    """A file that the spec names and that was read with it: `path` as people are shown it.

    `real` is where it lies, absolute; `sha256` is of its bytes, `at` the key path that names it.
    """

    at: str
    path: str
    real: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A seccomp profile of the spec's own, in docker's format; `path` as people are shown it."""

    path: str
    rules: DockerProfile


@dataclass(frozen=True, slots=True)
class Join:
    """A namespace that is there already, by the absolute path of its file (`/proc/123/ns/net`)."""

    at: str
    namespace: Namespace
    path: str


@dataclass(frozen=True, slots=True)
class Spec:
    """One box. `path` is the spec file as the user named it, `directory` its absolute folder.

    `host_namespaces` are neither new nor joined, save that of time: it is new where `time_offsets`
    (nanoseconds) is not None. `detached`: nobody waits for it, and its output is kept. `stop_signal` is
    asked for by its name, SIGRTMIN+N too; `stop_grace_period` is in milliseconds. `env_file` holds what
    environment files gave, by the names that the variables in `environment` have (`env_file[0].TOKEN`).
    `wanted` are variables that may not be empty, each with what the spec says where it is, or "".
    """

    path: str
    directory: str
    sha256: str
    version: int
    name: str
    root: Root
    system: Literal["none", "host"]
    user: User
    host_namespaces: frozenset[Namespace]
    binds: tuple[Bind, ...]
    mounts: tuple[Mount, ...]
    files: tuple[File, ...]
    etc: Literal["auto", "none"] | tuple[str, ...]
    environment: tuple[Env, ...]
    working_dir: str
    hostname: str
    init: tuple[str, ...]
    network: Literal["none", "host"]
    capabilities: tuple[str, ...]
    no_new_privileges: bool
    ulimits: tuple[Ulimit, ...] = ()
    umask: int = 0o022
    oom_score_adj: int | None = None
    nice: int | None = None
    cpus: tuple[int, ...] = ()
    ioprio: IoPriority | None = None
    sysctls: tuple[Sysctl, ...] = ()
    disable_user_namespaces: bool = False
    landlock: bool = False
    seccomp: Literal["default", "none"] | Profile = "default"
    included: tuple[Included, ...] = ()
    masked_paths: tuple[str, ...] | None = None
    read_only_paths: tuple[str, ...] | None = None
    git: Literal["protected", "writable"] = "protected"
    protect: tuple[str, ...] = ("default",)
    reaper: bool = False
    die_with_parent: bool = True
    stop_signal: str = "SIGTERM"
    stop_grace_period: int = 10_000
    groups: Literal["keep", "drop"] = "keep"
    joined: tuple[Join, ...] = ()
    time_offsets: tuple[tuple[Clock, int], ...] | None = None
    detached: bool = False
    env_file: Mapping[str, str] = field(default_factory=dict, repr=False)
    wanted: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def origin(self, path: str) -> Origin:
        """Where the value at `path` came from: its own origin, else its nearest parent's."""
        key = path
        while key:
            found = self.origins.get(key)
            if found is not None:
                return found
            cut = max(key.rfind("."), key.rfind("["))
            key = key[:cut] if cut > 0 else ""
        return Origin(path, default=path)
