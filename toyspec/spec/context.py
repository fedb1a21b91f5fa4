"""What every part of the building shares: nodes, data, where values came from, what went wrong."""

from __future__ import annotations

from typing import Any

from toyspec.spec.model import Included, Origin
from toyspec.spec.nodes import Key, Mapping, Node, Scalar, dotted, find
from toyspec.spec.shown import quote
from toyspec.spec.source import Report
from toyspec.spec.surroundings import Overrides, Surroundings
from toyspec.spec.values import Values
from toyspec.spec.wrong import Wrong
from toyspec.values import dataclass, field


@dataclass(slots=True)
class Context:
    """One spec on its way from data to Spec."""

    top: Mapping
    data: dict[str, Any]
    values: Values
    report: Report
    surroundings: Surroundings
    overrides: Overrides
    origins: dict[str, Origin] = field(default_factory=dict)
    targets: dict[str, int] = field(default_factory=dict)
    bad: set[Key] = field(default_factory=set)
    included: list[Included] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path in self.values.wrong:
            self.bad.update(path[:n] for n in range(1, len(path) + 1))

    def usable(self, *path: str | int) -> bool:
        """Whether nothing at or below this path is known to be wrong."""
        return path not in self.bad

    def readable(self, key: str) -> bool:
        """Whether a list can be walked: its entries may be wrong, itself not."""
        return (key,) not in self.values.wrong

    def node(self, *path: str | int) -> Node:
        """The node at a path that is known to be there."""
        return find(self.top, path) or self.top

    def origin(self, key: str, node: Node) -> None:
        """Note that the value at a key path was written here."""
        line, column = self.report.source.place(node.start)
        self.origins[key] = Origin(key, line, column)

    def default(self, key: str, rule: str) -> None:
        """Note that a default gave the value, unless the file did."""
        if key not in self.origins:
            self.origins[key] = Origin(key, default=rule)

    def note(self, key: str, rule: str) -> Node | None:
        """The origin of a top-level key: its value in the file, which is returned, or the default's rule."""
        node = self.top.get(key)
        if node is not None:
            self.origin(key, node)
        else:
            self.default(key, rule)
        return node

    def refuse(self, wrong: Wrong, node: Node, *path: str | int) -> None:
        """Note what is wrong with a value."""
        if isinstance(node, Scalar):
            self.values.refuse(node, path, wrong)
            return
        text = self.report.source.text
        line = text.find("\n", node.start, node.end)
        end = max(line if line >= 0 else node.end, node.start + 1)
        self.report.add(node.start, end, wrong.message, wrong.label, wrong.help, dotted(path))

    def claim(
        self, target: str, node: Node, path: Key, start: int = 0, end: int | None = None
    ) -> None:
        """A target belongs to the first entry that names it; another one is refused."""
        if target not in self.targets:
            self.targets[target] = node.start
            return
        line, _ = self.report.source.place(self.targets[target])
        message = f"the target {quote(target)} is here twice"
        self.refuse(Wrong(message, f"first on line {line}", "", start, end), node, *path)
