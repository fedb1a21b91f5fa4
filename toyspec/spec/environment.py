"""The box's environment: the defaults, environment files, the spec's entries, the command line's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.model import Env, Origin, Text, User, Variable
from toyspec.spec.nodes import Key, Mapping, Node, Scalar, Sequence
from toyspec.spec.problem import Problem
from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong

if TYPE_CHECKING:
    from toyspec.spec.env_file import Entry

_FAULTS = 20  # of one file that are told
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def environment(
    context: Context, system: str, user: User, values: dict[str, str]
) -> tuple[Env, ...]:
    """Every variable once; a later source replaces the value and keeps the place.

    `values` takes what environment files gave: plans show these by name.
    """
    found = _defaults(context, system, user)
    _files(context, values, found)
    node = context.note("environment", "environment: PATH, HOME and TERM on a terminal")
    if node is not None and context.readable("environment"):
        _entries(context, node, found)
    for name, value in context.overrides.environment:
        _override(context, name, value, found)
    return tuple(found.values())


def home(context: Context, system: str, user: User) -> str:
    """HOME by default: the caller's with the host's system, else /root for root, else `/`."""
    if system == "host":
        return context.surroundings.home
    return "/root" if user.kind == "root" or user.uid == 0 else "/"


def _defaults(context: Context, system: str, user: User) -> dict[str, Env]:
    found: dict[str, Env] = {}

    def default(name: str, value: Text, rule: str) -> None:
        at = f"environment.{name}"
        context.default(at, f"environment: {rule}")
        found[name] = Env(at, name, value)

    path = home(context, system, user)
    default("PATH", (PATH,), f"PATH={PATH}")
    default("HOME", (path,), f"HOME={path}")
    if context.surroundings.terminal and "TERM" in context.surroundings.variables:
        default("TERM", (Variable("TERM"),), "TERM on a terminal")
    return found


def _files(context: Context, values: dict[str, str], found: dict[str, Env]) -> None:
    """Each file in turn: a later one wins. What is wrong in one is said with its own lines."""
    node = context.top.get("env_file")
    if node is None or not context.readable("env_file"):
        context.default("env_file", "env_file: []")
        return
    context.origin("env_file", node)
    data = context.data["env_file"]
    items = node.items if isinstance(node, Sequence) else [node]
    for i, (item, given) in enumerate(
        zip(items, data if isinstance(data, list) else [data], strict=True)
    ):
        path: Key = ("env_file", i) if isinstance(node, Sequence) else ("env_file",)
        if not context.usable(*path):
            continue
        at = f"env_file[{i}]"
        context.origin(at, item)
        for entry in _read(context, item, given, path):
            _file_entry(context, f"{at}.{entry.name}", entry, values, found)


def _read(context: Context, node: Node, given: Any, path: Key) -> list[Entry]:
    from toyspec.spec.env_file import MAX_BYTES, parse

    written = given["path"] if isinstance(given, dict) else given
    required = not isinstance(given, dict) or given.get("required") is not False
    around = context.surroundings
    try:
        where = paths.source(written, around.directory, around.home)
        data = around.read(where, MAX_BYTES)
    except Wrong as wrong:
        context.refuse(wrong.unplaced(), node, *path)
        return []
    except FileNotFoundError:
        if required:
            missing = Wrong(
                f"no environment file {quote(written)}", "it is not there",
                "where it may be missing: {path: …, required: false}",
            )  # fmt: skip
            context.refuse(missing, node, *path)
        return []
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        context.refuse(Wrong(f"environment file {quote(written)}: {reason}"), node, *path)
        return []
    entries, faults = parse(data)
    for fault in faults[:_FAULTS]:
        context.report.outside.append(
            Problem(
                written, fault.line, fault.column, fault.column + 1, fault.message, help=fault.help
            )
        )
    if len(faults) > _FAULTS:
        more = f"and {len(faults) - _FAULTS} more"
        context.report.outside.append(Problem(written, faults[-1].line, 1, 2, more))
    return entries


def _file_entry(
    context: Context, at: str, entry: Entry, values: dict[str, str], found: dict[str, Env]
) -> None:
    """PATH and HOME are text like the spec's own: what the plan is made of depends on them."""
    name, value = entry.name, entry.value
    if value is None:
        if name in context.surroundings.variables:
            found[name] = Env(at, name, (Variable(name),))
        else:
            found.pop(name, None)
    elif name in ("PATH", "HOME"):
        found[name] = Env(at, name, (value,) if value else ())
    else:
        values[at] = value
        found[name] = Env(at, name, (Variable(at),))


def _entries(context: Context, node: object, found: dict[str, Env]) -> None:
    seen: dict[str, int] = {}
    if isinstance(node, Mapping):
        for key, value in node.pairs:
            path: Key = ("environment", key.text)
            if context.usable(*path) and isinstance(value, Scalar):
                alone = context.data["environment"][key.text] is None
                _entry(context, key.text, None if alone else value, path, value, found)
    elif isinstance(node, Sequence):
        for i, item in enumerate(node.items):
            path = ("environment", i)
            if not context.usable(*path) or not isinstance(item, Scalar):
                continue
            name, equals, _ = item.text.partition("=")
            if name in seen:
                line, _column = context.report.source.place(seen[name])
                wrong = Wrong(
                    f"the variable {quote(name)} is here twice",
                    f"first on line {line}",
                    "",
                    0,
                    len(name),
                )
                context.refuse(wrong, item, *path)
            seen.setdefault(name, item.start)
            _entry(context, name, item if equals else None, path, item, found)


def _entry(
    context: Context, name: str, value: Scalar | None, path: Key, at: Scalar, found: dict[str, Env]
) -> None:
    """One entry: its own text, or without one the caller's value if the caller has it."""
    last = path[-1]
    key = f"environment[{last}]" if isinstance(last, int) else f"environment.{last}"
    if "\n" in name:
        context.refuse(Wrong("a newline in a variable's name"), at, *path)
        return
    context.origins.pop(key, None)
    context.origin(key, at)
    if value is None:
        if name in context.surroundings.variables:
            found[name] = Env(key, name, (Variable(name),))
        else:
            found.pop(name, None)
        return
    written = value.text[len(name) + 1 :] if isinstance(last, int) else value.text
    text = context.values.text(path, written)
    if any(isinstance(part, str) and "\0" in part for part in text):
        context.refuse(Wrong("a NUL in a variable's value", "the kernel ends it there"), at, *path)
        return
    found[name] = Env(key, name, text)


def _override(context: Context, name: str, value: str | None, found: dict[str, Env]) -> None:
    import re

    if not re.fullmatch(_NAME, name) or "\0" in (value or ""):
        context.report.add_outside("-e", f"{quote(name)} cannot be a variable's name", "NAME=VALUE")
        return
    at = f"environment.{name}"
    context.origins[at] = Origin(at, default=f"-e {name}")
    if value is not None:
        found[name] = Env(at, name, (value,) if value else ())
    elif name in context.surroundings.variables:
        found[name] = Env(at, name, (Variable(name),))
    else:
        found.pop(name, None)
