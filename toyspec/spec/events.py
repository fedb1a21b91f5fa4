"""libyaml's events to nodes, without recursion and within bounds.

The events cost constant work each; composing and constructing, where YAML's bombs go off, are not
used. Everything that an alias stands for is counted again at the alias, so that no later walk can
be longer than `MAX_NODES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from toyspec.spec.nodes import MAX_DEPTH, Mapping, Node, Scalar, Sequence
from toyspec.spec.shown import quote
from toyspec.spec.source import Alias, Report
from toyspec.values import dataclass, field

MAX_NODES = 200_000
"""Keys and values in a file, aliases expanded."""


class Stop(Exception):
    """Nothing more can be read; the report says why."""


@dataclass(slots=True)
class _Open:
    """A collection that is being read. `height` counts the levels below it."""

    node: Sequence | Mapping
    anchor: str | None
    count: int
    key: Scalar | None = None
    height: int = 0
    merges: list[tuple[Scalar, Node]] = field(default_factory=list)


@dataclass(slots=True)
class _Anchored:
    node: Node
    count: int
    height: int


def read(report: Report) -> Node | None:
    """The document's top node; None where it is empty. Raises Stop where the rest is lost."""
    return _Reader(report).document()


class _Reader:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.text = report.source.text
        self.anchors: dict[str, _Anchored] = {}
        self.open: list[_Open] = []
        self.count = 0
        self.top: Node | None = None
        self.quoted = (0, 0)  # where the last quoted scalar lies: errors after it name it

    def document(self) -> Node | None:
        """Walk the events of the one document."""
        from yaml import YAMLError
        from yaml.events import (
            AliasEvent,
            DocumentEndEvent,
            MappingEndEvent,
            MappingStartEvent,
            ScalarEvent,
            SequenceEndEvent,
            SequenceStartEvent,
            StreamEndEvent,
        )

        self._refuse_directives(0)
        act: dict[type, Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            SequenceStartEvent: self._sequence,
            MappingStartEvent: self._mapping,
            SequenceEndEvent: self._end,
            MappingEndEvent: self._end,
            AliasEvent: self._alias,
            DocumentEndEvent: self._document_end,
        }
        try:
            next_event = _events(self.text)
            while type(event := next_event()) is not StreamEndEvent:
                step = act.get(type(event))
                if step is not None:
                    step(event)
        except (YAMLError, ValueError, OverflowError) as error:
            # The pure parser lets chr()'s ValueError and OverflowError out for "\Uffffffff".
            from toyspec.spec.syntax import explain

            opened = self.open[-1].node.start if self.open else 0
            explain(error, self.report, self.quoted, opened)
            raise Stop from None
        return self.top

    def _scalar(self, event: Any) -> None:
        tag = event.tag
        plain = event.implicit[0]
        if not plain:
            self.quoted = (event.start_mark.index, event.end_mark.index)
        if tag is not None:
            plain = False
            if tag not in ("!", "tag:yaml.org,2002:str"):
                self._refuse_tag(event)
        if event.anchor is not None:
            self._refuse_reopening(event)
        start = event.start_mark.index
        if tag is not None or event.anchor is not None:
            start = max(event.end_mark.index - len(event.value), start)
        node = Scalar(event.value, start, event.end_mark.index, plain)
        self._count(1, start)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(node, 1, 0)
        self._place(node, 0)

    def _sequence(self, event: Any) -> None:
        self._open(event, Sequence([], event.start_mark.index, event.end_mark.index))

    def _mapping(self, event: Any) -> None:
        self._open(event, Mapping([], event.start_mark.index, event.end_mark.index))

    def _open(self, event: Any, node: Sequence | Mapping) -> None:
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self._refuse_tag(event)
        self._count(1, node.start)
        if len(self.open) >= MAX_DEPTH:
            self._stop(node.start, f"nested more than {MAX_DEPTH} levels deep")
        if event.anchor is not None:
            self._refuse_reopening(event)
            self.anchors.pop(event.anchor, None)
        self.open.append(_Open(node, event.anchor, self.count - 1))

    def _end(self, event: Any) -> None:
        done = self.open.pop()
        done.node.end = max(event.end_mark.index, done.node.start)
        if isinstance(done.node, Mapping):
            self._close(done, done.node)
        if done.anchor is not None:
            self.anchors[done.anchor] = _Anchored(
                done.node, self.count - done.count, done.height + 1
            )
        self._place(done.node, done.height + 1)

    def _alias(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        known = self.anchors.get(event.anchor)
        if known is None:
            if any(level.anchor == event.anchor for level in self.open):
                self._stop(start, f"the alias *{event.anchor} is inside what it stands for", end)
            self._stop(start, f"no anchor &{event.anchor} before this alias", end)
            return
        self._count(known.count, start)
        if len(self.open) + known.height > MAX_DEPTH:
            self._stop(start, f"nested more than {MAX_DEPTH} levels deep through this alias", end)
        target = known.node
        self.report.aliases.append(Alias(event.anchor, start, target.start, target.end))
        node: Node
        if isinstance(target, Scalar):
            node = Scalar(target.text, start, end, target.plain)
        elif isinstance(target, Sequence):
            node = Sequence(target.items, start, end)
        else:
            node = Mapping(target.pairs, start, end)
        self._place(node, known.height)

    def _place(self, node: Node, height: int) -> None:
        """Put a finished node where it belongs."""
        if not self.open:
            self.top = node
            return
        level = self.open[-1]
        level.height = max(level.height, height)
        if isinstance(level.node, Sequence):
            level.node.items.append(node)
        elif level.key is None:
            level.key = self._as_key(node)
        else:
            key, level.key = level.key, None
            if key.text == "<<" and key.plain:
                level.merges.append((key, node))
            else:
                level.node.pairs.append((key, node))

    def _as_key(self, node: Node) -> Scalar:
        from toyspec.spec.scalars import resolve

        if not isinstance(node, Scalar):
            self.report.add(node.start, node.end, "a list or mapping as a key", "keys are words")
            return Scalar("x-", node.start, node.end, False)
        if node.plain and not isinstance(resolve(node.text), str):
            shown = node.text or "an empty key"
            self.report.add(
                node.start, node.end, f"the key {quote(shown)} is not a string", "quote it"
            )
        return node

    def _close(self, level: _Open, node: Mapping) -> None:
        """Refuse keys that are there twice, then merge what `<<` asks for: own keys win."""
        seen: dict[str, Scalar] = {}
        pairs: list[tuple[Scalar, Node]] = []
        for key, value in node.pairs:
            first = seen.setdefault(key.text, key)
            if first is not key:
                line, _ = self.report.source.place(first.start)
                self.report.add(
                    key.start, key.end, f"the key {quote(key.text)} is here twice",
                    f"first on line {line}",
                )  # fmt: skip
            else:
                pairs.append((key, value))
        if len(level.merges) > 1:
            key = level.merges[1][0]
            self.report.add(
                key.start, key.end, "the key `<<` is here twice", "one `<<: [*a, *b]` merges both"
            )
        for _, value in level.merges[:1]:
            for merged in value.items if isinstance(value, Sequence) else [value]:
                if not isinstance(merged, Mapping):
                    self.report.add(
                        merged.start, merged.end, "`<<` merges mappings only",
                        "an alias of a mapping, or a list of such",
                    )  # fmt: skip
                    continue
                for key, inner in merged.pairs:
                    if key.text not in seen:
                        seen[key.text] = key
                        pairs.append((key, inner))
        node.pairs = pairs

    def _count(self, more: int, at: int) -> None:
        self.count += more
        if self.count > MAX_NODES:
            self._stop(at, f"more than {MAX_NODES} keys and values, aliases expanded")

    def _refuse_tag(self, event: Any) -> None:
        self.report.add(
            event.start_mark.index, event.end_mark.index, f"the tag {quote(event.tag.replace('tag:yaml.org,2002:', '!!'))}",
            "tags mean nothing here", "quote a value that is to be a string",
        )  # fmt: skip

    def _refuse_reopening(self, event: Any) -> None:
        """An anchor named like one that is still open would make its cycles look like aliases."""
        if any(level.anchor == event.anchor for level in self.open):
            self._stop(
                event.start_mark.index, f"the anchor &{event.anchor} inside the one of this name"
            )

    def _refuse_directives(self, index: int) -> None:
        """Refuse `%TAG` and `%YAML`, which mean nothing here and cost libyaml quadratic time."""
        import re

        head = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*").match(self.text, index)
        at = head.end() if head else index
        if self.text.startswith("%", at):
            self._stop(at, "a YAML directive", label="specs are YAML 1.2, without directives")

    def _document_end(self, event: Any) -> None:
        """Nothing may follow: looked at here, since libyaml would parse directives first."""
        import re

        index = event.end_mark.index
        rest = re.compile(r"(?:\s|\.\.\.(?=\s|$)|(?<=\s)#[^\n]*)*").match(self.text, index)
        at = rest.end() if rest else index
        if at < len(self.text):
            self._stop(at, "a second document", label="a file holds one spec")

    def _stop(self, at: int, message: str, end: int = 0, label: str = "") -> None:
        self.report.add(at, max(end, at + 1), message, label)
        raise Stop


def _events(text: str) -> Callable[[], Any]:
    """A function that returns the next event: libyaml's, or the pure parser's without it."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs hide it
    except ImportError:
        return pure_events(text)
    parser = CParser(text.encode())
    return cast("Callable[[], Any]", parser.get_event)


def pure_events(text: str) -> Callable[[], Any]:
    """The same from PyYAML's parser in Python, which is ten times as slow."""
    from yaml import SafeLoader

    return SafeLoader(text).get_event
