"""Binds, mounts and files: everything of a spec that has a target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toyspec.spec import binds as short_form
from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.interpolation import substitute
from toyspec.spec.model import Bind, File, Mount
from toyspec.spec.mounts import mount
from toyspec.spec.nodes import Key, Mapping, Node, Scalar, Sequence
from toyspec.spec.numbers import mode as _mode
from toyspec.spec.wrong import Wrong

_KINDS = ("content", "source", "directory", "symlink")


def binds(context: Context) -> tuple[Bind, ...]:
    """The binds, in the file's order."""
    found = []
    for i, at, node, data in _items(context, "binds"):
        try:
            if isinstance(node, Scalar):
                found.append(_short(context, at, node, ("binds", i)))
            elif isinstance(node, Mapping):
                found.append(_long(context, at, node, data, ("binds", i)))
        except Wrong as wrong:
            context.refuse(wrong, node, "binds", i)
    return tuple(found)


def _items(context: Context, key: str) -> list[tuple[int, str, Node, Any]]:
    """A list's entries in which nothing is wrong so far: index, key path, node, data."""
    if not context.readable(key):
        return []
    node = context.top.get(key)
    if not isinstance(node, Sequence):
        context.default(key, f"{key}: []")
        return []
    context.origin(key, node)
    items = []
    for i, (item, data) in enumerate(zip(node.items, context.data[key], strict=True)):
        if not context.usable(key, i):
            continue
        at = f"{key}[{i}]"
        context.origin(at, item)
        if isinstance(item, Mapping):
            for name, value in item.pairs:
                if not name.text.startswith("x-"):
                    context.origin(f"{at}.{name.text}", value)
        items.append((i, at, item, data))
    return items


def _short(context: Context, at: str, node: Scalar, path: Key) -> Bind:
    surroundings = context.surroundings
    short = short_form.split(node.text)
    text = _fill(context, short.source)
    try:
        source = paths.source(text, surroundings.directory, surroundings.home)
    except Wrong as wrong:
        raise _at(wrong, short.source) from None
    part = short.target or short.source
    if short.target is not None:
        text = _fill(context, short.target)
    elif not text.startswith("/"):
        raise Wrong(
            "no target", "only an absolute source may stand alone: SOURCE:TARGET", "",
            short.source.start, short.source.end,
        )  # fmt: skip
    try:
        target = paths.entry(text)
    except Wrong as wrong:
        raise _at(wrong, part) from None
    context.claim(target, node, path, part.start, part.end)
    given = short.options
    return Bind(
        at, source, target, "rw" in given, "dev" in given, "optional" in given,
        executable="noexec" not in given, setuid="suid" in given, recursive="norec" not in given,
    )  # fmt: skip


def _fill(context: Context, part: short_form.Part) -> str:
    if "$" not in part.text:
        return part.text
    try:
        return substitute(part.text, context.surroundings.variables)
    except Wrong as wrong:
        end = part.start + (wrong.end if wrong.end is not None else len(part.text))
        raise Wrong(
            wrong.message, wrong.label, wrong.help, part.start + wrong.start, end
        ) from None  # fmt: skip


def _at(wrong: Wrong, part: short_form.Part) -> Wrong:
    return Wrong(wrong.message, wrong.label, wrong.help, part.start, max(part.end, part.start + 1))


def _long(context: Context, at: str, node: Mapping, data: Any, path: Key) -> Bind:
    surroundings = context.surroundings
    source = _checked(
        context, node, path, "source",
        lambda: paths.source(data["source"], surroundings.directory, surroundings.home),
    )  # fmt: skip
    if "target" in data:
        target = _target(context, node, data["target"], path)
    elif data["source"].startswith("/"):
        target = _checked(context, node, path, "source", lambda: paths.entry(data["source"]))
        context.claim(target, node, path)
    else:
        raise Wrong("no `target`", "only an absolute source may stand alone")
    writable = not data.get("read_only", True)
    return Bind(
        at, source, target, writable, data.get("dev", False), data.get("optional", False),
        data.get("exec", True), data.get("suid", False), data.get("recursive", True),
    )  # fmt: skip


def _checked(context: Context, node: Mapping, path: Key, key: str, check: Callable[[], str]) -> str:
    """A key's checked value; what is wrong with it is noted at the value, and `/` stands in."""
    try:
        value = check()
    except Wrong as wrong:
        whole = Wrong(wrong.message, wrong.label, wrong.help)
        context.refuse(whole, node.get(key) or node, *path, key)
        return "/"
    return value


def _target(context: Context, node: Mapping, text: str, path: Key) -> str:
    target = _checked(context, node, path, "target", lambda: paths.entry(text))
    if target != "/":
        context.claim(target, node.get("target") or node, (*path, "target"))
    return target


def mounts(context: Context) -> tuple[Mount, ...]:
    """The mounts, in the file's order."""
    found = []
    for i, at, node, data in _items(context, "mounts"):
        if isinstance(node, Mapping):
            try:
                found.append(mount(context, at, node, data, ("mounts", i), _target))
            except Wrong as wrong:
                context.refuse(wrong, node, "mounts", i)
    return tuple(found)


def files(context: Context) -> tuple[File, ...]:
    """The files, directories and symlinks, in the file's order."""
    found = []
    for i, at, node, data in _items(context, "files"):
        if isinstance(node, Mapping):
            try:
                found.append(_file(context, at, node, data, ("files", i)))
            except Wrong as wrong:
                context.refuse(wrong, node, "files", i)
    return tuple(found)


def _file(context: Context, at: str, node: Mapping, data: Any, path: Key) -> File:
    kinds = [key for key in _KINDS if key in data and data[key] is not False]
    if len(kinds) != 1:
        listed = " and ".join(f"`{key}`" for key in kinds)
        label = f"here: {listed}" if kinds else "none of them is here"
        raise Wrong("a file has one of `content`, `source`, `directory` and `symlink`", label)
    if "optional" in data and kinds != ["source"]:
        wrong = Wrong(f"`optional` goes with `source`, not with `{kinds[0]}`")
        context.refuse(wrong, node.key("optional") or node, *path, "optional")
    target = _target(context, node, data["target"], path)
    if "symlink" in data:
        if "mode" in data:
            wrong = Wrong("a symlink has no `mode`", "the kernel gives it none")
            context.refuse(wrong, node.key("mode") or node, *path, "mode")
        link = data["symlink"]
        _checked(context, node, path, "symlink", lambda: paths.link(link))
        return File(at, target, symlink=link)
    mode = _mode(data.get("mode"))
    if kinds == ["directory"]:
        if mode is None:
            context.default(f"{at}.mode", "files: mode 0755 of a directory")
        return File(at, target, directory=True, mode=0o755 if mode is None else mode)
    if kinds == ["source"]:
        if mode is None:
            context.default(f"{at}.mode", "files: a copy has the mode of its source")
        around = context.surroundings
        source = _checked(
            context, node, path, "source",
            lambda: paths.source(data["source"], around.directory, around.home),
        )  # fmt: skip
        optional = data.get("optional", False)
        return File(at, target, source=source, mode=mode, optional=optional)
    content = context.values.text((*path, "content"), data["content"])
    if any(not isinstance(part, str) for part in content):
        context.origin(f"{at}.content", context.node(*path, "content"))
    if mode is None:
        context.default(f"{at}.mode", "files: mode 0644")
        return File(at, target, content)
    return File(at, target, content, mode=mode)
