"""What stays read-only in what a box may write, since the host runs what it says.

A protected path is bound on itself, read-only, and every directory between it and the top of the
writable bind is bound on itself too: a mount point cannot be renamed (EBUSY). What no mount can
hold (a name that is not there, a symbolic link) is watched: compared when the box has ended.
"""

from __future__ import annotations

from collections.abc import Iterable

from toyspec.host.facts import FactMissing, HostFacts, Kind, Needs
from toyspec.plan import aliases
from toyspec.plan.sources import real_path
from toyspec.plan.step import Watched
from toyspec.plan.tree import Layer, Node, Tree, TreeError, inside, join
from toyspec.spec.model import Origin, Spec
from toyspec.spec.protected import DEFAULT, GIT, GIT_RUNS, HOME, PROJECT, names
from toyspec.start import places
from toyspec.values import dataclass, field, replace

OWN = Origin("", default="toyspec's own")

_DEEPEST = 16
"""Parts of submodules' paths that are followed."""

_LEVELS = 64
"""Directories on the way to a home: each of them is looked at, and every one above it anew."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A host path that has to stay as it is. `firm`: no spec can open it. `make`: made if missing."""

    path: str
    origin: Origin
    what: str = ""
    firm: bool = False
    make: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A place in the box, and the host path that it shows: read-only, or only held in place."""

    origin: Origin
    path: str
    kind: Kind
    source: str
    writable: bool


@dataclass(slots=True)
class Protection:
    """What has been protected so far. `targets` are the places of the spec's own entries."""

    spec: Spec
    facts: HostFacts
    tree: Tree
    targets: frozenset[str]
    guarded: dict[str, bool] = field(default_factory=dict)  # place: whether it is writable
    watched: dict[str, Watched] = field(default_factory=dict)
    made: dict[str, None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    tells: bool | None = None  # whether the facts say where mounts come from

    def of(self, at: str, layer: Layer, *, project: bool) -> list[Held]:
        """What has to be mounted over the writable `layer` that is attached at `at`, in order.

        `project`: it is a directory that people work in, not one that is made for the box.
        Raises FactMissing with every question; TreeError where the layer is toyspec's own.
        """
        if layer.kind != "bind":
            layer = replace(layer, base=real_path(self.facts, layer.base or "/"))
        base = layer.base or ""
        firm = [*self._firm(), *self._login(base)]
        firm += self._by_other_names(base, [(claim, claim.path) for claim in firm])
        if layer.kind == "volume":
            self._keeps_nothing(base, firm)
            return []
        claims = firm + self._home(base)
        if project:
            claims += self._project(base)
        if self.spec.directory != base or not project:
            claims += self._project(self.spec.directory)
        for claim in claims:
            if claim.firm and _holds(claim.path, base):
                message = f"{base} would be writable, and is {claim.what} ({claim.path})"
                raise TreeError(message, "what lies there runs outside of boxes: leave out `rw`")
        below = {c.path: c for c in reversed(claims) if _holds(base, c.path) and c.path != base}
        self._ask(base, below)
        found = list[Held]()
        for path in sorted(below, key=lambda each: (each.count("/"), each)):
            found += self._hold(at, layer, below[path])
        return found

    def _keeps_nothing(self, volume: str, firm: Iterable[Claim]) -> None:
        """A volume is the box's as a whole: nothing that decides what runs outside may lie in it."""
        for claim in firm:
            if _holds(volume, claim.path):
                message = f"the volume {volume} would be writable, and {claim.path} lies in it"
                remedy = "what lies there runs outside of boxes, or decides what does: move it"
                raise TreeError(message, remedy)

    def _ask(self, base: str, wanted: Iterable[str]) -> None:
        """Every question at once: each round of them is another look at the machine."""
        asked = [each for path in wanted for each in _between(base, path)]
        missing = dict.fromkeys(path for path in asked if path not in self.facts.paths)
        if missing:
            raise FactMissing(*(("path", path) for path in missing))

    def _firm(self) -> list[Claim]:
        """toyspec's own: what decides what it runs next."""
        spec, facts = self.spec, self.facts
        homes = self._homes()
        own = places.own_directories(facts.variable, *homes)
        self._ask("/", [*homes, *own])
        what = "a directory of toyspec's own"
        found = [
            Claim(spelled, OWN, what, firm=True, make=True)
            for path in own
            for spelled in _spellings(facts, path)
        ]
        what = "where toyspec's code runs from"
        found += [Claim(path, OWN, what, firm=True) for path in facts.installation]
        for file in spec_files(spec):
            real = facts.path(file).real
            found += [Claim(path, OWN) for path in dict.fromkeys((file, real)) if path]
        return found

    def _login(self, base: str) -> list[Claim]:
        """Where the states of boxes lie without XDG_RUNTIME_DIR, be it set now or not: asked only of who
        could write there.
        """
        facts = self.facts
        given = places.login_directory(facts.uid)
        if places.runtime_dir(facts.variable) == given:
            return []  # claimed as any other
        if not (_holds(base, given) or _holds(given, base)):
            return []
        self._ask("/", [given])
        seen = facts.path(given)
        if seen.kind != "directory" or seen.uid != facts.uid:
            return []
        return [
            Claim(f"{given}/toyspec", OWN, "a directory of toyspec's own", firm=True, make=True)
        ]

    def _homes(self) -> tuple[str, ...]:
        """HOME, and the account's own, which the next command takes where it comes without HOME."""
        given = (self.facts.home, self.facts.account_home or "")
        homes = tuple(dict.fromkeys(_plain(each) for each in given if each.startswith("/")))
        if any(each.count("/") > _LEVELS for each in homes):
            message = f"a home lies more than {_LEVELS} directories deep: toyspec cannot cover it"
            raise TreeError(message, "have HOME, and the account's home, at a shorter path")
        return homes

    def _home(self, base: str) -> list[Claim]:
        origin, found = self.spec.origin("protect"), list[Claim]()
        for home in dict.fromkeys(real_path(self.facts, each) for each in self._homes()):
            if home == "/":
                continue
            here = [Claim(inside(home, name), origin) for name in names(self.spec.protect, HOME)]
            found += here + self._by_other_names(base, [(claim, home) for claim in here])
        return found

    def _by_other_names(self, base: str, claims: list[tuple[Claim, str]]) -> list[Claim]:
        """The same places where `base` shows them otherwise; of each claim a directory on its way that
        is asked for in its stead.
        """
        if self.tells is None:
            self.tells = aliases.are_known(self.facts)
        if not self.tells:
            return []
        asked = dict.fromkeys((base, *(above for _, above in claims)))
        missing = [path for path in asked if path not in self.facts.mounts]
        if missing:
            raise FactMissing(*(("mounts", path) for path in missing))
        return [
            replace(claim, path=name)
            for claim, above in claims
            for name in aliases.other_names(self.facts, base, claim.path, above)
        ]

    def _project(self, top: str) -> list[Claim]:
        spec = self.spec
        origin = spec.origin("protect")
        wanted = [*names(spec.protect, PROJECT), *(n for n in spec.protect if n != DEFAULT)]
        found = [Claim(inside(top, name), origin) for name in wanted]
        if top.rpartition("/")[2] == GIT:
            return found + self._git(top)
        path = inside(top, GIT)
        fact = self.facts.path(path)
        git = spec.origin("git")
        found += [Claim(each, git) for each in self._submodules(inside(path, "modules"), top)]
        opened = spec.git == "writable" and fact.kind == "directory"
        return found + (self._git(path) if opened else [Claim(path, git)])

    def _submodules(self, modules: str, top: str, deep: int = 0) -> list[str]:
        """The `.git` of every submodule: a mere `git status` at the top runs what it names.

        git keeps their repositories by their names, which are their paths unless somebody chose
        otherwise (gitsubmodules(7)); each may have submodules of its own.
        """
        if deep > _DEEPEST:
            return []
        below = {name: f"{modules}/{name}" for name in self.facts.names_in(modules)}
        unknown = [path for path in below.values() if path not in self.facts.listings]
        if unknown:
            raise FactMissing(*(("listing", path) for path in unknown))
        found = list[str]()
        for name, path in below.items():
            there, place = self.facts.names_in(path), inside(top, name)
            if "HEAD" not in there:  # the first part of a longer path
                found += self._submodules(path, place, deep + 1)
                continue
            found.append(inside(place, GIT))
            if "modules" in there:
                found += self._submodules(f"{path}/modules", place, deep + 1)
        return found

    def _git(self, path: str) -> list[Claim]:
        origin = self.spec.origin("git")
        return [Claim(inside(path, name), origin) for name, _ in GIT_RUNS]

    def _hold(self, at: str, layer: Layer, claim: Claim) -> list[Held]:
        """The way to one path, held, and the path itself, read-only."""
        base, here = layer.base or "", at
        way = list[Held]()
        for path in _between(base, claim.path):
            here = join(here, path.rpartition("/")[2])
            guarded = self.guarded.get(here)
            known = self.tree.nodes.get(here)
            mounted = guarded is None and known is not None and known.layer is not None
            if here in self.targets or mounted or guarded is False:
                return []  # the spec opens it, or it lies in what is held as a whole
            kind = self.tree.look(here).kind
            last = path == claim.path
            if kind == "missing" and claim.make and self._can_make(path):
                self.tree.add(here, Node("directory"))
                self.made[path] = None
                kind = "directory"
            if kind == "symlink":
                return self._link(at, layer, claim, path)
            if kind == "denied":
                self._denied(claim, path)
                return []
            if kind == "missing" or (kind != "directory" and not last):
                self._watch(claim.path, "missing")
                return []
            if last or guarded is None:
                kind = kind if kind == "directory" else "file"
                way.append(Held(claim.origin, here, kind, path, writable=not last))
        self._watch(claim.path, way[-1].kind)
        for held in way:
            under = tuple(inside(each, held.source[len(base) :]) for each in layer.under)
            shown = Layer(layer.kind, held.source, held.writable, under)
            self.guarded[held.path] = held.writable
            self.tree.add(held.path, Node(held.kind, layer=shown))
        return way

    def _denied(self, claim: Claim, path: str) -> None:
        """What the caller may not search, a box of the caller's can open with chmod(2)."""
        if claim.firm:
            denied = self.facts.path(path).denied
            message = f"{denied} may not be searched (no x), and {claim.what} lies behind it"
            raise TreeError(message, f"chmod u+x {denied}, or bind less")

    def _can_make(self, path: str) -> bool:
        above = path.rpartition("/")[0] or "/"
        fact = self.facts.path(above)
        return above in self.made or fact.writable or fact.uid == self.facts.uid

    def _link(self, at: str, layer: Layer, claim: Claim, path: str) -> list[Held]:
        """Nothing can be mounted over a symbolic link: what it leads to is held in its stead."""
        fact = self.facts.path(path)
        if claim.firm:
            message = f"{path} is a symbolic link, which the box could replace, and {claim.what} "
            remedy = "have a directory there, or a bind mount, or bind less"
            raise TreeError(message + "lies behind it", remedy)
        self._watch(path, "symlink")
        self.warnings.append(
            f"{path} is a symbolic link, and nothing can be mounted over one: "
            "the box could put something else there"
        )
        real, base = fact.real or "", layer.base or ""
        if path != claim.path or real == base or not _holds(base, real):
            return []
        self._ask(base, [real])
        return self._hold(at, layer, Claim(real, claim.origin))

    def _watch(self, path: str, kind: Kind) -> None:
        self.watched.setdefault(path, Watched(path, kind))


def needs(spec: Spec) -> Needs:
    """What is asked where something of the host's is writable: the rest follows from the answers."""
    tops = [bind.source for bind in spec.binds if bind.writable and not bind.devices]
    root = spec.root.path if not spec.root.read_only else None
    if not (tops or root or spec.root.upper or any(mount.upper for mount in spec.mounts)):
        kept = any(mount.type == "volume" for mount in spec.mounts)
        return Needs(variables=places.VARIABLES) if kept else Needs()
    wanted = [GIT, *names(spec.protect, PROJECT), *(n for n in spec.protect if n != DEFAULT)]
    wanted += [f"{GIT}/{name}" for name, _ in GIT_RUNS] if spec.git == "writable" else []
    paths = {
        each for top in (*tops, spec.directory) for name in wanted for each in _between(top, inside(top, name))
    }  # fmt: skip
    paths |= set(spec_files(spec))
    modules = frozenset(inside(top, f"{GIT}/modules") for top in (*tops, spec.directory))
    return Needs(paths=frozenset(paths), variables=places.VARIABLES, listings=modules)


def spec_files(spec: Spec) -> tuple[str, ...]:
    """The spec's own file, unless it came through a pipe, and those that are read as parts of it."""
    name = spec.path.rpartition("/")[2]
    own = () if name in ("", "-", "<stdin>") else (inside(spec.directory, name),)
    return (*own, *(each.real for each in spec.included))


def _holds(directory: str, path: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _between(base: str, path: str) -> list[str]:
    """The paths below `base` on the way to `path`, itself included."""
    here, found = base.rstrip("/"), list[str]()
    for part in path[len(here) :].strip("/").split("/"):
        here = f"{here}/{part}"
        found.append(here)
    return found


def _plain(path: str) -> str:
    """An absolute path without what says nothing; `..` does, behind a symbolic link."""
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _spellings(facts: HostFacts, path: str) -> list[str]:
    """`path` with its first directories resolved, one more each time: as binds may show it.

    What leads through `..` is no place in a bind.
    """
    found = {path: None}
    for above in _between("/", path):
        found[inside(real_path(facts, above), path[len(above) :])] = None
    return [each for each in found if ".." not in each.split("/")]
