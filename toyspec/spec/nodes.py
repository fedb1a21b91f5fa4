"""The YAML document as a graph of nodes, each with the span of text that it came from.

`start` and `end` index the characters of the source. A node that stands where an alias stood has
the alias's span; what is in it keeps its own.
"""

from __future__ import annotations

from toyspec.values import dataclass

MAX_DEPTH = 64
"""How deep lists and mappings may nest."""
Key = tuple[str | int, ...]
"""Where a node is: keys and indices from the top."""


@dataclass(slots=True)
class Scalar:
    """A single value as written. Only a `plain` one (not quoted) may be more than a string."""

    text: str
    start: int
    end: int
    plain: bool


@dataclass(slots=True)
class Sequence:
    """A list."""

    items: list[Node]
    start: int
    end: int


@dataclass(slots=True)
class Mapping:
    """A mapping; its keys are strings, each there once, merge keys already merged."""

    pairs: list[tuple[Scalar, Node]]
    start: int
    end: int

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        return next((value for name, value in self.pairs if name.text == key), None)

    def key(self, key: str) -> Scalar | None:
        """The key itself, with its span, or None."""
        return next((name for name, _ in self.pairs if name.text == key), None)


Node = Scalar | Sequence | Mapping


def find(node: Node, path: Key) -> Node | None:
    """The node at a path, or None."""
    at: Node | None = node
    for step in path:
        if isinstance(at, Mapping) and isinstance(step, str):
            at = at.get(step)
        elif isinstance(at, Sequence) and isinstance(step, int) and step < len(at.items):
            at = at.items[step]
        else:
            return None
    return at


def dotted(path: Key) -> str:
    """A path as people write it: `binds[0].target`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text
