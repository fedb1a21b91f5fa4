"""Hosts made of a few words, so that a plan for any machine is a unit test.

`World({"/bin": "-> usr/bin", "/usr/bin": "dir", "/dev/null": "char 1:3"})` answers the planner's needs as
`host.probe` does; directories above what is named are there too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from textwrap import dedent

from toyspec.host.facts import HostFacts, Kind, MountFact, NamespaceFact, Needs, PathFact
from toyspec.plan.planner import gather
from toyspec.plan.step import Data, Fd, Flags, Path, Plan, Step
from toyspec.spec.load import load
from toyspec.spec.model import Spec
from toyspec.spec.surroundings import Surroundings

DIRECTORY = "/home/me/project"

DEVICES = {
    "/dev/null": "char 1:3", "/dev/zero": "char 1:5", "/dev/full": "char 1:7",
    "/dev/random": "char 1:8", "/dev/urandom": "char 1:9", "/dev/tty": "char 5:0",
}  # fmt: skip
MERGED = {
    "/usr/bin": "dir", "/usr/sbin": "dir", "/usr/lib": "dir", "/usr/lib64": "dir",
    "/bin": "-> usr/bin", "/sbin": "-> usr/sbin", "/lib": "-> usr/lib", "/lib64": "-> usr/lib64",
}  # fmt: skip

FACTS = HostFacts(
    arch="x86_64", kernel="6.12.0", uid=1000, gid=1000, groups=(1000,), user_name="me",
    group_name="me", home="/home/me", last_capability=40, no_new_privs=False, terminal=False,
    inherited=(),
    features={
        "openat2": True, "open_tree": True, "mount_setattr": True, "close_range_cloexec": True,
    },
    sysctls={},
)  # fmt: skip

_KINDS: dict[str, Kind] = {
    "dir": "directory", "file": "file", "char": "character", "fifo": "fifo", "denied": "denied",
}  # fmt: skip


@dataclass(slots=True)
class World:
    """A host. Below `mine` the caller owns everything, below `shared` another does; it may write."""

    files: dict[str, str] = field(default_factory=dict)
    facts: HostFacts = FACTS
    mine: tuple[str, ...] = (DIRECTORY,)
    shared: tuple[str, ...] = ()
    table: tuple[MountFact, ...] = (MountFact("/", "ext4", ("relatime",)),)
    asked: list[Needs] = field(default_factory=list)
    spaces: dict[str, NamespaceFact] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def ask(self, needs: Needs) -> HostFacts:
        """As `host.probe.probe`."""
        self.asked.append(needs)
        return replace(
            self.facts,
            paths={path: self.fact(path) for path in needs.paths},
            mounts={path: self.mounts(path) for path in needs.mounts},
            variables={name: self.variables.get(name) for name in needs.variables},
            listings={**self.facts.listings, **{path: self.names(path) for path in needs.listings}},
            namespaces={
                path: self.spaces.get(path, NamespaceFact("missing")) for path in needs.namespaces
            },
        )

    def kind(self, path: str) -> tuple[Kind, str]:
        """What is at `path` itself, and what its word says besides."""
        word, _, rest = self.files.get(path, "").partition(" ")
        if word == "->":
            return "symlink", rest
        if word:
            return _KINDS[word], rest
        below = path.rstrip("/") + "/"
        known = (*self.files, DIRECTORY + "/x", *(mount.point for mount in self.table))
        return ("directory" if any(each.startswith(below) for each in known) else "missing"), ""

    def names(self, path: str) -> tuple[str, ...]:
        """What is in a directory."""
        below = path.rstrip("/") + "/"
        inside = (each[len(below) :] for each in self.files if each.startswith(below))
        return tuple(sorted({each.partition("/")[0] for each in inside if each}))

    def real(self, path: str) -> str | None:
        """Every symlink resolved by the host's rules; None where that leads nowhere."""
        waiting, here = path.strip("/").split("/")[::-1], ""
        for _ in range(200):
            if not waiting:
                return here or "/"
            part = waiting.pop()
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            kind, link = self.kind(f"{here}/{part}")
            if kind == "missing":
                return None
            if kind == "symlink":
                here = "" if link.startswith("/") else here
                waiting += link.strip("/").split("/")[::-1]
            else:
                here = f"{here}/{part}"
        return None

    def fact(self, path: str) -> PathFact:
        """One path."""
        above = self.real(path.rpartition("/")[0] or "/")
        place = f"{(above or '').rstrip('/')}/{path.rpartition('/')[2]}"
        if path.endswith("/.."):
            place = self.real(path) or path
        kind, rest = self.kind(place) if above else ("missing", "")
        if kind == "missing":
            return PathFact("missing")
        if kind == "denied":
            return PathFact("denied", real_kind="denied", denied=path.rpartition("/")[0])
        real = self.real(path)
        end = self.kind(real) if real else ("missing", "")
        mine, shared = (
            any((place + "/").startswith(each + "/") for each in places)
            for places in (self.mine, self.shared)
        )
        return PathFact(
            kind, link=rest if kind == "symlink" else None, real=real, real_kind=end[0],
            uid=self.facts.uid if mine else 0, mode=0o755,
            device=end[1] if end[0] == "character" else None, writable=mine or shared,
        )  # fmt: skip

    def mounts(self, path: str) -> tuple[MountFact, ...]:
        """The mount that holds `path`, and those below it."""
        real = self.real(path) or path
        holders = [m for m in self.table if (real + "/").startswith(m.point.rstrip("/") + "/")]
        below = [m for m in self.table if m.point.startswith(real.rstrip("/") + "/")]
        return (holders[-1], *(mount for mount in below if mount.point != real))

    def spec(self, text: str) -> Spec:
        """A spec in this world: `version: 1` and, if it has none, an init are added."""
        text = "version: 1\n" + dedent(text)
        text += "" if "init:" in text else "\ninit: [/bin/true]\n"
        around = Surroundings(DIRECTORY, self.facts.home, {"TERM": "dumb"}, self.facts.terminal)
        return load(text.encode(), "box.yaml", around)

    def plan(self, text: str) -> Plan:
        """The plan of a spec here."""
        return gather(self.spec(text), self.ask)[1]


def host(files: dict[str, str] | None = None, **changes: object) -> World:
    """A merged-/usr host with devices, the given files, and facts changed."""
    facts = replace(FACTS, **changes)  # type: ignore[arg-type]  # fields of HostFacts, by name
    return World({**MERGED, **DEVICES, "/bin/true": "file", **(files or {})}, facts)


def old(world: World) -> World:
    """The same host on Linux 5.10."""
    features = {**world.facts.features, "mount_setattr": False, "close_range_cloexec": False}
    world.facts = replace(world.facts, kernel="5.10.0", features=features)
    return world


def value(step: Step, name: str) -> object:
    """An argument, as plainly as it can be said."""
    found = next(argument.value for argument in step.args if argument.name == name)
    if isinstance(found, Path):
        return found.value
    if isinstance(found, Flags):
        return found.names
    if isinstance(found, Fd):
        return found.slot
    if isinstance(found, Data):
        return "".join(part if isinstance(part, str) else f"${part.name}" for part in found.text)
    return found


def calls(plan: Plan, *names: str) -> list[Step]:
    """The steps that make one of these calls."""
    return [step for step in plan.steps if step.call in names]
