"""`root`: what the box sees as `/`, and what an overlay is made of."""

from __future__ import annotations

from typing import Any

from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.model import Root
from toyspec.spec.nodes import Key, Mapping
from toyspec.spec.numbers import size
from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong

_KINDS = ("tmpfs", "directory", "overlay", "host")
_BELONGS = {  # which kinds of root a key goes with
    "path": ("directory",), "create": ("directory",), "old_root": ("directory",),
    "lower": ("overlay",), "upper": ("overlay",), "work": ("overlay",),
    "uncover": ("host",), "size": ("tmpfs",), "read_only": ("tmpfs", "directory", "overlay"),
}  # fmt: skip


def root(context: Context) -> Root:
    """The root, every path absolute; an empty tmpfs where the spec says nothing."""
    data = context.data.get("root")
    node = context.node("root")
    if data is None or not context.usable("root"):
        return Root()
    if isinstance(data, str):
        if data in _KINDS:
            label = f"write ./{data}" if data == "directory" else f"{{type: {data}}} or ./{data}"
            context.refuse(Wrong(f"{quote(data)} as a root reads as a path", label), node, "root")
        return Root("directory", _path(context, data, ("root",)))
    if isinstance(node, Mapping):
        for key, value in node.pairs:
            context.origin(f"root.{key.text}", value)
    implied = "directory" if "path" in data else "overlay" if "lower" in data else "tmpfs"
    kind = data.get("type", implied)
    for name in data:
        if name in _BELONGS and kind not in _BELONGS[name] and isinstance(node, Mapping):
            article = "an" if kind == "overlay" else "a"
            label = f"for {_listed(_BELONGS[name])} roots"
            wrong = Wrong(f"{article} {kind} root has no `{name}`", label)
            context.refuse(wrong, node.key(name) or node, "root", name)
            return Root()
    read_only: bool = data.get("read_only", False)
    if kind == "directory":
        if "path" not in data:
            context.refuse(Wrong("a directory root has a `path`"), node, "root")
            return Root()
        path = _path(context, data["path"], ("root", "path"))
        create = data.get("create", False)
        return Root("directory", path, create, read_only, _old_root(context, data))
    if kind == "overlay":
        if "lower" not in data:
            context.refuse(
                Wrong("an overlay has a `lower`", "a directory, or `host`"), node, "root"
            )
            return Root()
        whole = data["lower"] == "host"
        lower, upper, work = overlay(context, data, ("root",), whole=whole)
        return Root(
            "overlay", read_only=read_only, lower=lower, lower_host=whole, upper=upper, work=work
        )
    if kind == "host":
        if context.data.get("system") == "host":
            wrong = Wrong("a host root shows the host's system already", "leave out `system`")
            context.refuse(wrong, context.node("system"), "system")
        return Root("host", read_only=True, uncovered=tuple(data.get("uncover", ())))
    try:
        return Root(read_only=read_only, size=size(data.get("size")))
    except Wrong as wrong:
        context.refuse(wrong.unplaced(), context.node("root", "size"), "root", "size")
        return Root()


def _listed(kinds: tuple[str, ...]) -> str:
    return " and ".join((", ".join(kinds[:-1]), kinds[-1])) if len(kinds) > 1 else kinds[0]


def overlay(
    context: Context, data: Any, at: Key, *, whole: bool = False
) -> tuple[tuple[str, ...], str | None, str | None]:
    """An overlay's lower directories, its upper, and its work directory.

    `whole`: `lower` is the word `host`.
    """
    given = data["lower"]
    lower: list[str] = []
    if not whole:
        several = isinstance(given, list)
        for number, text in enumerate(given if several else [given]):
            where = (*at, "lower", number) if several else (*at, "lower")
            path = _path(context, text, where, overlaid=True)
            if path in lower:
                context.refuse(Wrong("the same directory twice"), context.node(*where), *where)
            lower.append(path)
    if "upper" not in data:
        if "work" in data:
            wrong = Wrong("`work` without `upper`", "in memory, neither is needed")
            context.refuse(wrong, context.node(*at, "work"), *at, "work")
        return tuple(lower), None, None
    upper = _path(context, data["upper"], (*at, "upper"), overlaid=True)
    if "work" not in data:
        return tuple(lower), upper, upper + ".work"
    return tuple(lower), upper, _path(context, data["work"], (*at, "work"), overlaid=True)


def _path(context: Context, text: str, at: Key, *, overlaid: bool = False) -> str:
    surroundings = context.surroundings
    try:
        path = paths.source(text, surroundings.directory, surroundings.home)
        if path == "/" and overlaid:
            raise Wrong(
                "the host's own `/` cannot be a layer of an overlay",
                "mounts below it are locked to it",
                "`lower: host` overlays each of its top-level directories",
            )
        if path == "/":
            raise Wrong(
                "the host's own `/` cannot be a box's root", "its mounts are locked to it",
                "`root: {type: host}` shows it read-only; `system: host` shows the host's system "
                "in a root of the box's own",
            )  # fmt: skip
    except Wrong as wrong:
        context.refuse(wrong.unplaced(), context.node(*at), *at)
        return "/"
    return path


def _old_root(context: Context, data: dict[str, str]) -> str | None:
    if "old_root" not in data:
        return None
    try:
        path = paths.target(data["old_root"])
        if path.count("/") != 1:
            raise Wrong("the old root's place is a directory directly in the root", "like /tmp")
    except Wrong as wrong:
        context.refuse(wrong.unplaced(), context.node("root", "old_root"), "root", "old_root")
        return None
    return path
