"""`git` and `protect`: what of a writable bind the spec opens, or keeps read-only besides."""

from __future__ import annotations

from typing import Literal

from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.nodes import Sequence
from toyspec.spec.protected import DEFAULT, GIT
from toyspec.spec.shown import quote
from toyspec.spec.words import nearest
from toyspec.spec.wrong import Wrong


def git(context: Context) -> Literal["protected", "writable"]:
    """Whether commands of git can write in the box."""
    context.note("git", "git: protected")
    return "writable" if context.data.get("git") == "writable" else "protected"


def protect(context: Context) -> tuple[str, ...]:
    """The names, normal and relative; the word `default` stands for itself."""
    node = context.note("protect", "protect: [default]")
    if node is None:
        return (DEFAULT,)
    if not context.readable("protect") or not isinstance(node, Sequence):
        return ()
    found: dict[str, int] = {}
    for i, (item, text) in enumerate(zip(node.items, context.data["protect"], strict=True)):
        if not context.usable("protect", i):
            continue
        context.origin(f"protect[{i}]", item)
        try:
            name = _name(text)
        except Wrong as wrong:
            context.refuse(wrong.unplaced(), item, "protect", i)
            continue
        if name in found:
            line, _ = context.report.source.place(node.items[found[name]].start)
            twice = Wrong(f"{quote(name)} is here twice", f"first on line {line}")
            context.refuse(twice, item, "protect", i)
        found.setdefault(name, i)
    return tuple(found)


def _name(text: str) -> str:
    if text.startswith(("/", "~")):
        raise Wrong(
            f"{quote(text)} is not relative", "a name inside a writable bind, like `.envrc`"
        )
    if ".." in text.split("/"):
        raise Wrong(f"`..` in {quote(text)}", "write the path that it means")
    name = paths.target("/" + text)[1:]
    if "/" not in text and text != DEFAULT and nearest(text, [DEFAULT]):
        raise Wrong(
            f"{quote(text)} alone would open all that is protected by default",
            f"did you mean `{DEFAULT}`?", f"a file of that name is ./{name}",
        )  # fmt: skip
    if name.partition("/")[0] == GIT:
        raise Wrong(f"{quote(text)} goes without saying", "`git` says what of it is writable")
    return name
