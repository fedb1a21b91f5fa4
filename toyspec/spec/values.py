"""Nodes to plain data, as the schema sees it: variables filled in, scalars typed.

What a schema must not see goes another way: `x-` keys are not read, short binds stay as written,
the values of `environment` are their own text, `init` knows no variables.
"""

from __future__ import annotations

from collections.abc import Mapping as Variables
from typing import Any

from toyspec.spec.interpolation import as_text, substitute, wanted
from toyspec.spec.model import Text
from toyspec.spec.nodes import Key, Mapping, Node, Scalar, Sequence, dotted, find
from toyspec.spec.scalars import Value, resolve
from toyspec.spec.shown import quote
from toyspec.spec.source import Report
from toyspec.spec.wrong import Wrong


class Values:
    """The data of a spec, the texts that keep variables, and the paths that already went wrong.

    `wanted` are those of the texts' variables that must not be empty, each with its message or "".
    """

    def __init__(self, report: Report, variables: Variables[str, str]) -> None:
        self.report = report
        self.variables = variables
        self.wrong: set[Key] = set()
        self.texts: dict[Key, Text] = {}
        self.wanted: dict[str, str] = {}
        self.top: Mapping | None = None

    def read(self, top: Mapping, known: frozenset[str]) -> dict[str, Any]:
        """Plain data for the whole document; what is under unknown keys is not read."""
        self.top = top
        return {
            key.text: self._top(key.text, node) if key.text in known else None
            for key, node in top.pairs
        }

    def _top(self, key: str, node: Node) -> Any:
        if key in ("init", "requires"):
            return self._data(node, (key,), literal=True)
        if key == "environment":
            return self._environment(node)
        if key == "binds" and isinstance(node, Sequence):
            return [
                resolve_scalar(item) if isinstance(item, Scalar) else self._data(item, (key, i))
                for i, item in enumerate(node.items)
            ]
        return self._data(node, (key,))

    def _data(self, node: Node, path: Key, *, literal: bool = False) -> Any:
        if isinstance(node, Scalar):
            return resolve_scalar(node) if literal else self._scalar(node, path)
        if isinstance(node, Sequence):
            return [self._data(n, (*path, i), literal=literal) for i, n in enumerate(node.items)]
        data: dict[str, Any] = {}
        for key, inner in node.pairs:
            if key.text.startswith("x-"):
                data[key.text] = None
            else:
                data[key.text] = self._data(inner, (*path, key.text), literal=literal)
        return data

    def _scalar(self, node: Scalar, path: Key) -> Value:
        if "$" not in node.text:
            return resolve(node.text) if node.plain else node.text
        if len(path) == 3 and path[0] == "files" and path[2] == "content":
            return self._text(node, path)
        try:
            text = substitute(node.text, self.variables)
        except Wrong as wrong:
            self.refuse(node, path, wrong)
            return node.text
        return resolve(text) if node.plain and text else text

    def _text(self, node: Scalar, path: Key) -> str:
        """A value whose variables stay: the schema sees its text as written."""
        if "$" in node.text:
            try:
                self._keep(path, node.text)
            except Wrong as wrong:
                self.refuse(node, path, wrong)
        return node.text

    def _keep(self, path: Key, written: str) -> None:
        self.texts[path] = as_text(written, self.variables)
        for name, message in wanted(written, self.variables).items():
            self.wanted[name] = message or self.wanted.get(name, "")

    def text(self, path: Key, written: str) -> Text:
        """The text of a value that may hold variables."""
        return self.texts.get(path, (written,) if written else ())

    def _environment(self, node: Node) -> Any:
        path: Key
        if isinstance(node, Mapping):
            data: dict[str, Any] = {}
            for key, value in node.pairs:
                path = ("environment", key.text)
                data[key.text] = self._environment_value(value, path)
            return data
        if not isinstance(node, Sequence):
            return self._data(node, ("environment",))
        entries: list[Any] = []
        for i, item in enumerate(node.items):
            path = ("environment", i)
            if not isinstance(item, Scalar) or (item.plain and resolve(item.text) is None):
                entries.append(self._data(item, path))
                continue
            name, equals, _ = item.text.partition("=")
            if "$" in name:
                wrong = Wrong("a variable in a variable's name", "write the name", "", 0, len(name))
                self.refuse(item, path, wrong)
            elif equals and "$" in item.text:
                self._entry(item, path, len(name) + 1)
            entries.append(item.text)
        return entries

    def _entry(self, item: Scalar, path: Key, begin: int) -> None:
        try:
            self._keep(path, item.text[begin:])
        except Wrong as wrong:
            end = None if wrong.end is None else wrong.end + begin
            moved = Wrong(wrong.message, wrong.label, wrong.help, wrong.start + begin, end)
            self.refuse(item, path, moved)

    def _environment_value(self, node: Node, path: Key) -> Any:
        if not isinstance(node, Scalar):
            return self._data(node, path)
        if node.plain and node.text in ("", "null"):
            return None
        if node.plain and resolve(node.text) is None:
            shown = quote(node.text)
            wrong = Wrong(
                f"{shown} is YAML's null", "quote it, or leave it out to take the caller's value"
            )
            self.refuse(node, path, wrong)
            return node.text
        return self._text(node, path)

    def refuse(self, node: Scalar, path: Key, wrong: Wrong) -> None:
        """Note what is wrong with a value, under the very characters where they can be told."""
        self.wrong.add(path)
        if self.report.is_full:
            self.report.dropped += 1  # one of thousands: where it stands is not asked
            return
        start, end = span(self.report.source.text, node, wrong.start, wrong.end)
        help_ = wrong.help
        if help_.startswith("write ${") and node.plain and self._is_in_brackets(path):
            help_ += ", and the whole in quotes"
        self.report.add(start, end, wrong.message, wrong.label, help_, dotted(path))

    def _is_in_brackets(self, path: Key) -> bool:
        """Whether what holds a value is written as `[…]` or `{…}`, where a brace needs quotes."""
        holder = find(self.top, path[:-1]) if self.top is not None else None
        return holder is not None and self.report.source.text[holder.start : holder.start + 1] in (
            "[",
            "{",
        )


def resolve_scalar(node: Scalar) -> Value:
    """A scalar's value, without variables."""
    return resolve(node.text) if node.plain else node.text


def span(text: str, node: Scalar, start: int, end: int | None) -> tuple[int, int]:
    """Where a piece of a scalar's text lies in the source; the whole of it if it is folded."""
    whole = (node.start, max(node.end, node.start + 1))
    if end is None:
        return whole
    for quoted in (0, 1):
        begin = node.start + quoted
        if text.startswith(node.text, begin) and begin + len(node.text) == node.end - quoted:
            return begin + start, begin + max(end, start + 1)
    return whole


def whole(data: Any) -> Any:
    """`data` with `1.0` as 1: an integer to JSON Schema, and no text or operand that Linux takes."""
    if isinstance(data, dict):
        return {key: whole(value) for key, value in data.items()}
    if isinstance(data, list):
        return [whole(value) for value in data]
    return int(data) if isinstance(data, float) and data.is_integer() else data
