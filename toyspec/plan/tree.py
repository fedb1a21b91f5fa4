"""The box's tree as the plan will have made it: what is where, and who can change it.

A layer is one mounted filesystem: the box's own (its content is exactly what the plan puts
there), or one that shows the host's (a directory root, a bind, proc, sysfs: its content is asked
of the facts). Targets are resolved here the way openat2's RESOLVE_IN_ROOT will resolve them.
"""

from __future__ import annotations

from typing import Literal

from toyspec.host.facts import HostFacts, Kind
from toyspec.values import dataclass, field

_MOST_LINKS = 40  # as the kernel's MAXSYMLINKS
_WHITEOUT = "0:0"  # overlayfs: this character device says that a name was removed


class TreeError(Exception):
    """A target that cannot be reached inside the box; message and remedy are for people."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Layer:
    """One filesystem of the box. `base` is the host path whose content it shows.

    An overlay shows more than one: what `base` lacks is looked for in `under`, in order.
    """

    kind: Literal["own", "root", "bind", "kernel", "overlay", "volume"]
    base: str | None = None
    writable: bool = True
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """What the plan itself put at a path. A directory with a layer is a mount point."""

    kind: Kind
    link: str | None = None
    layer: Layer | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a target leads. Paths are relative to the box's root, `""` being the root itself.

    `missing` are the path's components that do not exist yet, outermost first; `layer` is the
    one that holds the last component that exists; `links` are symlinks that were followed.
    """

    path: str
    kind: Kind
    missing: tuple[str, ...]
    layer: Layer
    layer_at: str
    links: tuple[str, ...]


@dataclass(slots=True)
class Tree:
    """The tree while it grows: entries are added in the order in which they will be attached."""

    facts: HostFacts
    root: Layer
    nodes: dict[str, Node] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nodes[""] = Node("directory", layer=self.root)

    def layer_of(self, path: str) -> tuple[str, Layer]:
        """The nearest mount point at or above `path`, and its layer."""
        while True:
            node = self.nodes.get(path)
            if node is not None and node.layer is not None:
                return path, node.layer
            path = parent(path)

    def host_path(self, path: str) -> str | None:
        """The host path that `path` shows; None where the box's own content is."""
        at, layer = self.layer_of(path)
        if layer.base is None:
            return None
        return inside(layer.base, path[len(at) :])

    def look(self, path: str) -> Node:
        """What is at `path` itself, without following it."""
        known = self.nodes.get(path)
        if known is not None:
            return known
        at, layer = self.layer_of(path)
        if layer.base is None:
            return Node("missing")
        for base in (layer.base, *layer.under):
            fact = self.facts.path(inside(base, path[len(at) :]))
            if fact.device == _WHITEOUT:
                return Node("missing")
            if fact.kind != "missing":
                return Node(fact.kind, link=fact.link)
        return Node("missing")

    def resolve(self, target: str, *, follow_last: bool = True) -> Resolved:
        """Walk `target` from the root of the box; raises TreeError where that is impossible."""
        waiting = [part for part in target.split("/") if part][::-1]
        path, links = "", list[str]()
        kind: Kind = "directory"
        while waiting:
            part = waiting.pop()
            if part in (".", ".."):
                path = parent(path) if part == ".." else path
                continue
            here = join(path, part)
            node = self.look(here)
            kind = node.kind
            if kind == "symlink" and (waiting or follow_last):
                links.append(here)
                if len(links) > _MOST_LINKS:
                    raise TreeError(f"too many symbolic links on the way to {target}")
                text = node.link or ""
                path = "" if text.startswith("/") else path
                waiting += [piece for piece in text.split("/") if piece][::-1]
                kind = "directory"
                continue
            if kind == "missing":
                return self._missing(target, here, waiting, links)
            if kind == "denied":
                denied = self.facts.path(self.host_path(here) or here).denied
                why = f"{denied} may not be searched by uid {self.facts.uid} (no x)"
                raise TreeError(f"{target} cannot be reached: {why}", f"chmod u+x {denied}")
            if waiting and kind != "directory":
                raise TreeError(f"/{here} is a {kind}, not a directory")
            path = here
        at, layer = self.layer_of(parent(path) if path in self.nodes and path else path)
        return Resolved(path, kind, (), layer, at, tuple(links))

    def _missing(self, target: str, here: str, waiting: list[str], links: list[str]) -> Resolved:
        missing = [here]
        for part in reversed(waiting):
            if part == "..":
                raise TreeError(f"{target} leads through /{missing[-1]}, which does not exist")
            if part != ".":
                missing.append(join(missing[-1], part))
        at, layer = self.layer_of(parent(here))
        return Resolved(missing[-1], "missing", tuple(missing), layer, at, tuple(links))

    def add(self, path: str, node: Node) -> None:
        """Record what the plan puts at `path`; a mount hides what was below."""
        if node.layer is not None:
            for hidden in self.below(path):
                self.nodes.pop(hidden, None)
            self.names.pop(path, None)
        self.nodes[path] = node
        while path and path not in self.names.setdefault(parent(path), set()):
            self.names[parent(path)].add(path)
            path = parent(path)

    def below(self, path: str) -> list[str]:
        """Every path below `path` at which something was put, and those on the way there."""
        found, waiting = list[str](), list(self.names.get(path, ()))
        while waiting:
            here = waiting.pop()
            found.append(here)
            waiting += self.names.get(here, ())
        return found

    def private(self, path: str) -> bool:
        """Whether the whole way to `path` lies in filesystems that only the plan can change."""
        at, layer = self.layer_of(path)
        while layer.kind == "own" and at:
            at, layer = self.layer_of(parent(at))
        return layer.kind == "own"


def inside(base: str, path: str) -> str:
    """`path` inside the host directory `base`."""
    rest = path.strip("/")
    return f"{base.rstrip('/')}/{rest}" if rest else base


def parent(path: str) -> str:
    """The directory that holds `path`; the root's is the root."""
    return path.rpartition("/")[0]


def join(path: str, name: str) -> str:
    """`name` inside `path`."""
    return f"{path}/{name}" if path else name
