"""HostFacts: everything the planner may know of a machine, as a plain value.

Facts are made by `host.probe`, saved and loaded as JSON, and never guessed: asking for something
that was not probed raises `FactMissing`, so a plan cannot depend on what nobody recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from toyspec.values import dataclass, field, replace

FORMAT = "toyspec-facts"
FORMAT_VERSION = "1.0"

Kind = Literal[
    "directory", "file", "symlink", "character", "block", "fifo", "socket", "missing", "denied"
]


class FactMissing(LookupError):
    """The planner asked for facts that were not recorded: each is ("path", "/x") or so."""

    def __init__(self, *questions: tuple[str, str]) -> None:
        self.question = questions[0]
        self.questions = questions
        super().__init__(f"no fact recorded for {self.question[0]} {self.question[1]}")


class FactsError(ValueError):
    """A facts file that cannot be used, or a machine that boxes are not made for."""


@dataclass(frozen=True, slots=True)
class PathFact:
    """One host path, as lstat(2) sees it, and where it leads.

    `link` is a symlink's text; `real` the path with every symlink resolved by the host's rules,
    and `real_kind` what is there. `device` is `MAJOR:MINOR` of a device node, `size` the bytes of
    a regular file, which the caller may not read where `unreadable`. `denied` is the directory that
    the caller may not search, where that is why nothing is known.
    """

    kind: Kind
    link: str | None = None
    real: str | None = None
    real_kind: Kind = "missing"
    uid: int = -1
    mode: int = 0
    device: str | None = None
    writable: bool = False
    denied: str | None = None
    size: int | None = None
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class MountFact:
    """One mount of the caller's namespace. `flags` are per mount; `device`, `root`: what shows, of which."""

    point: str
    type: str
    flags: tuple[str, ...]
    device: str | None = None
    root: str | None = None


NamespaceKind = Literal["mount", "user", "pid", "network", "uts", "ipc", "cgroup", "time"]


@dataclass(frozen=True, slots=True)
class NamespaceFact:
    """A file that should be a namespace's (ioctl_nsfs(2)). An inode is `MAJOR:MINOR:NUMBER`.

    `owners` are user namespaces, each with the uid that made it: the one that owns this namespace
    (of a user namespace: itself), then its parents, the caller's own last; empty where that is out
    of the caller's reach. `parents` are a pid namespace's, from itself to the caller's own, and
    empty likewise. The maps are a user namespace's, as (inside, outside, count), where the file is
    a process's (`/proc/PID/ns/user`).
    """

    kind: Literal[NamespaceKind, "missing", "denied", "other"]
    inode: str = ""
    owners: tuple[tuple[str, int], ...] = ()
    parents: tuple[str, ...] = ()
    uid_map: tuple[tuple[int, int, int], ...] = ()
    gid_map: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class MapperFact:
    """newuidmap or newgidmap. `privileged`: setuid, or with a capability; `nosuid`: in vain."""

    path: str
    privileged: bool
    nosuid: bool


@dataclass(frozen=True, slots=True)
class Needs:
    """What a spec asks of a host: paths (by lstat), mount tables below paths, variables, the names
    in directories, and files of namespaces.
    """

    paths: frozenset[str] = frozenset()
    mounts: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    listings: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            self.paths | other.paths,
            self.mounts | other.mounts,
            self.variables | other.variables,
            self.listings | other.listings,
            self.namespaces | other.namespaces,
        )


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A machine and its caller. Ids are the caller's own, numbers as the kernel prints them.

    `features` says which system calls and flags the kernel knows; `sysctls` holds those that decide over
    user namespaces (None: not there). `terminal`: standard input and output are the caller's controlling
    terminal; `terminal_errors`: and so is standard error; `tty`: one of 0 to 2 that is not that one is some
    terminal. `installation`: the directories that our code runs from, `ignored`: the signals that the
    caller has ignored (nohup(1)), `inherited`: descriptors above 2 that an execve would pass on. `rlimits`,
    `cpus` (sched_getaffinity(2)), `nice` and `oom_score_adj` are the caller's own; `landlock`: the version
    of its interface, 0 where it is missing or off. `own_namespaces`: the inodes of the caller's by kind, of
    all that this kernel has. `mappers`: newuidmap and newgidmap where there, `subuids` and `subgids` the
    caller's ranges as (first, count), `primary_gid`: that of passwd, `account_home`: what stands for HOME.
    """

    arch: str
    kernel: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    user_name: str
    group_name: str
    home: str
    last_capability: int
    no_new_privs: bool
    terminal: bool
    inherited: tuple[int, ...]
    features: Mapping[str, bool]
    sysctls: Mapping[str, str | None]
    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    mappers: Mapping[str, MapperFact] = field(default_factory=dict)
    primary_gid: int | None = None
    subuids: tuple[tuple[int, int], ...] = ()
    subgids: tuple[tuple[int, int], ...] = ()
    paths: Mapping[str, PathFact] = field(default_factory=dict)
    mounts: Mapping[str, tuple[MountFact, ...]] = field(default_factory=dict)
    variables: Mapping[str, str | None] = field(default_factory=dict)
    listings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    namespaces: Mapping[str, NamespaceFact] = field(default_factory=dict)
    own_namespaces: Mapping[str, str] = field(default_factory=dict)
    terminal_errors: bool = True
    cpus: tuple[int, ...] = ()
    nice: int | None = None
    oom_score_adj: int | None = None
    landlock: int | None = None
    tty: bool = False
    ignored: tuple[str, ...] = ()
    installation: tuple[str, ...] = ()
    account_home: str | None = None

    def feature(self, name: str) -> bool:
        """Whether the kernel has `name`; raises FactMissing if that was not asked."""
        try:
            return self.features[name]
        except KeyError:
            raise FactMissing(("feature", name)) from None

    def path(self, path: str) -> PathFact:
        """What is at `path`; raises FactMissing if that was not asked."""
        try:
            return self.paths[path]
        except KeyError:
            raise FactMissing(("path", path)) from None

    def mounts_at(self, path: str) -> tuple[MountFact, ...]:
        """The mount that holds `path`, then those below it; FactMissing if not asked."""
        try:
            return self.mounts[path]
        except KeyError:
            raise FactMissing(("mounts", path)) from None

    def variable(self, name: str) -> str | None:
        """A variable of the caller's environment that the plan itself depends on."""
        try:
            return self.variables[name]
        except KeyError:
            raise FactMissing(("variable", name)) from None

    def names_in(self, path: str) -> tuple[str, ...]:
        """The names in a directory, sorted; FactMissing if not asked."""
        try:
            return self.listings[path]
        except KeyError:
            raise FactMissing(("listing", path)) from None

    def namespace(self, path: str) -> NamespaceFact:
        """The namespace whose file is at `path`; FactMissing if not asked."""
        try:
            return self.namespaces[path]
        except KeyError:
            raise FactMissing(("namespace", path)) from None

    def own_namespace(self, kind: NamespaceKind) -> str | None:
        """The inode of the caller's own; None where the kernel has no such namespaces."""
        if not self.own_namespaces:
            raise FactMissing(("fact", "own_namespaces"))
        return self.own_namespaces.get(kind)

    def rlimit(self, name: str) -> tuple[int, int]:
        """The caller's soft and hard limit (getrlimit(2), in lower case); 2^64 - 1 is unlimited."""
        try:
            soft, hard = self.rlimits[name]
        except KeyError:
            raise FactMissing(("rlimit", name)) from None
        return soft % (1 << 64), hard % (1 << 64)

    def recorded(self, name: Literal["nice", "oom_score_adj", "landlock"]) -> int:
        """A number of the caller's; FactMissing where facts of an older toyspec lack it."""
        found: int | None = getattr(self, name)
        if found is None:
            raise FactMissing(("fact", name))
        return found

    def own_cpus(self) -> tuple[int, ...]:
        """The CPUs that the caller may run on; FactMissing where older facts lack them."""
        if not self.cpus:
            raise FactMissing(("fact", "cpus"))
        return self.cpus

    def merged(self, other: HostFacts) -> HostFacts:
        """These facts, and the answers about paths, mounts and variables of `other`."""
        return replace(
            self,
            paths={**self.paths, **other.paths},
            mounts={**self.mounts, **other.mounts},
            variables={**self.variables, **other.variables},
            listings={**self.listings, **other.listings},
            namespaces={**self.namespaces, **other.namespaces},
        )

    def to_json(self) -> str:
        """The facts as one JSON object, keys sorted, equal facts giving equal bytes."""
        import json
        from dataclasses import asdict

        body = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        body["paths"] = {path: _said(fact) for path, fact in body["paths"].items()}
        body["mounts"] = {path: [*map(_said, each)] for path, each in body["mounts"].items()}
        text = json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        try:
            text.encode()
        except UnicodeEncodeError:  # a name that is no UTF-8, as lone surrogates
            return json.dumps(body, indent=1, sort_keys=True) + "\n"
        return text

    @staticmethod
    def from_json(text: str) -> HostFacts:
        """Facts as `to_json` wrote them; raises FactsError for anything else."""
        import json

        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FactsError(f"not JSON: {error}") from None
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            raise FactsError(f'not a facts file: "format" is not "{FORMAT}"')
        version = str(body.get("format_version"))
        if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
            raise FactsError(f"facts of format version {version}; this toyspec reads 1.x")
        try:
            return _facts(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FactsError(f"a fact is missing or of the wrong type: {error!r}") from None


def _facts(body: dict[str, object]) -> HostFacts:
    from toyspec.host.shape import misfit

    known = {name: body[name] for name in HostFacts.__slots__ if name in body}
    tuples = ("groups", "inherited", "subuids", "subgids", "cpus", "installation", "ignored")
    for name in tuples:
        known[name] = _tuple(known.get(name, ()))
    known["paths"] = {key: _path(value) for key, value in _table(known, "paths").items()}
    known["mounts"] = {
        key: tuple(_mount(mount) for mount in _tuple(value))
        for key, value in _table(known, "mounts").items()
    }
    for key, value in _table(known, "mappers").items():
        _table(known, "mappers")[key] = MapperFact(**value)  # type: ignore[arg-type]  # misfit's
    known["listings"] = {key: _tuple(value) for key, value in _table(known, "listings").items()}
    known["namespaces"] = {
        key: _namespace(value) for key, value in _table(known, "namespaces").items()
    }
    known["rlimits"] = {key: _tuple(value) for key, value in _table(known, "rlimits").items()}
    found = HostFacts(**known)  # type: ignore[arg-type]  # checked below
    wrong = misfit(found)
    if wrong is None and not 0 <= found.last_capability < 64:
        wrong = "last_capability"
    if wrong is not None:
        raise TypeError(wrong)
    return found


def _said(fact: dict[str, object]) -> dict[str, object]:
    """What a reader would not take for granted."""
    return {key: each for key, each in fact.items() if each is not None and each is not False}


def _path(value: object) -> PathFact:
    if not isinstance(value, dict):
        raise TypeError("a path's fact is not an object")
    return PathFact(**value)


def _mount(value: object) -> MountFact:
    if not isinstance(value, dict):
        raise TypeError("a mount is not an object")
    known = {key: value[key] for key in MountFact.__slots__ if key in value}
    return MountFact(**{**known, "flags": tuple(known["flags"])})


def _namespace(value: object) -> NamespaceFact:
    if not isinstance(value, dict):
        raise TypeError("a namespace is not an object")
    known = {key: _tuple(each) if isinstance(each, list) else each for key, each in value.items()}
    return NamespaceFact(**known)  # type: ignore[arg-type]  # `misfit` checks the types


def _table(known: dict[str, object], name: str) -> dict[str, object]:
    table = known.get(name, {})
    if not isinstance(table, dict):
        raise TypeError(f"{name} is not an object")
    return table


def _tuple(value: object) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError("not a list")
    return tuple(_tuple(v) if isinstance(v, list) else v for v in value)
