"""What the view writes for an item: paths quoted where they need it, a bind's mode before them.

An item is one string, in which a path could pose as the words around it. Which part of it is the
path is taken from the arguments of the item's own steps, never guessed where it is ambiguous.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from toyspec.plan.step import Fd, Path, Step, Strings
from toyspec.show.text import escape, path
from toyspec.spec.shown import is_seen

_MODES = ("read-only", "writable")
_TOLD = ("with devices", "with setuid programs", "noexec", "without submounts")
_TYPES = (
    "proc", "sysfs", "tmpfs", "dev", "overlay", "devpts", "mqueue", "cgroup2",
)  # fmt: skip
_PLACES = tuple(f"{closed}{name} at " for name in _TYPES for closed in ("", "read-only "))
_GUARDS = ("protected ", "held in place ")
_NAMED = ("file ", "working directory ", "root directory ")


class Shown(NamedTuple):
    """An item in words. `kind`: what it and alike ones begin with, in the plural; `names`: the rest.

    `kind` is empty where the item is like no other.
    """

    text: str
    kind: str = ""
    names: str = ""


def shown(steps: list[Step]) -> Shown:
    """What is written for the steps of one item."""
    item = steps[0].item
    bind = _bind(item)
    if bind is not None:
        mode, more, rest = bind
        names = _pair(rest, " at ", _sources(steps))
        return Shown(f"{mode} bind{more} {names}", f"{mode} binds{more}", names)
    if item.startswith("symlink "):
        names = _link(item.removeprefix("symlink "), _contents(steps))
        return Shown(f"symlink {names}", "symlinks", names)
    if item.startswith("file "):
        names = _one(item.removeprefix("file "))
        return Shown(f"file {names}", "files", names)
    for begin in _GUARDS:
        if item.startswith(begin):
            names = _one(item.removeprefix(begin))
            return Shown(begin + names, begin.strip(), names)
    for begin in (*_PLACES, *_NAMED):
        if item.startswith(begin):
            return Shown(begin + _one(item.removeprefix(begin)))
    for argv in (arg.value for arg in steps[0].args if isinstance(arg.value, Strings)):
        words = [each for each in argv.values if isinstance(each, str)]
        if item == " ".join(words):
            return Shown(" ".join(map(path, words)))
    return Shown(escape(item))


def _bind(item: str) -> tuple[str, str, str] | None:
    """Mode, what else is told, and the paths of `MODE bind TOLD… SOURCE at TARGET`, or of
    `bind …, MODE`.
    """
    for mode in _MODES:
        if item.startswith(f"{mode} bind "):
            more, rest = "", item.removeprefix(f"{mode} bind ")
            for told in _TOLD:
                if rest.startswith(f"{told} "):
                    more, rest = f"{more} {told}", rest.removeprefix(f"{told} ")
            return mode, more, rest
        for more in (f" {_TOLD[0]}", ""):
            end = f", {mode},{more}" if more else f", {mode}"
            if item.startswith("bind ") and item.endswith(end):
                return mode, more, item.removeprefix("bind ").removesuffix(end)
    return None


def _sources(steps: list[Step]) -> list[str]:
    """Paths that are looked up in the host's tree: one of them is what is bound."""
    return [
        name.value.value
        for step in steps
        for where, name in pairwise(step.args)
        if isinstance(where.value, Fd)
        and where.value.slot == "AT_FDCWD"
        and isinstance(name.value, Path)
    ]


def _contents(steps: list[Step]) -> list[str]:
    """What symlinks hold that are made here."""
    first = [step.args[0].value for step in steps if step.call == "symlinkat"]
    return [value.value for value in first if isinstance(value, Path)]


def _one(text: str) -> str:
    """A path that may be quoted already, by the planner."""
    return text if text.startswith('"') and is_seen(text) else path(text)


def _pair(rest: str, between: str, sources: list[str]) -> str:
    """`SOURCE at TARGET`, or SOURCE alone."""
    if rest.startswith('"'):
        return escape(rest)
    if rest in sources:
        return path(rest)
    for source in sources:
        if rest.startswith(f"{source}{between}/"):
            return path(source) + between + path(rest.removeprefix(source + between))
    source, found, target = rest.partition(between)
    if not found:
        return path(rest)
    return path(rest) if between in target else path(source) + between + _one(target)


def _link(rest: str, contents: list[str]) -> str:
    """`TARGET to CONTENT`."""
    if rest.startswith('"'):
        return escape(rest)
    for content in contents:
        if rest.endswith(f" to {content}"):
            return f"{path(rest.removesuffix(f' to {content}'))} to {path(content)}"
    target, found, content = rest.partition(" to ")
    if not found or " to " in content:
        return path(rest)
    return f"{path(target)} to {_one(content)}"
