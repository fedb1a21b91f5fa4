"""What is said when data does not fit the schema: one sentence a case, never jsonschema's own."""

from __future__ import annotations

from typing import Any

from toyspec.spec import durations, etc, hints, words
from toyspec.spec.nodes import Key, Mapping, Node, Scalar, Sequence, dotted, find
from toyspec.spec.scalars import resolve
from toyspec.spec.schema import Misfit
from toyspec.spec.shown import escape, quote
from toyspec.spec.source import Report

_KINDS = {"object": "a mapping", "array": "a list", "string": "a string",
          "boolean": "true or false", "integer": "a whole number", "number": "a number", "null": "nothing"}  # fmt: skip
_NEVER_HOST = {
    "namespaces.network": ("write `network: host`, at the top", ""),
    "namespaces.pid": ("a box sees processes of its own, or of a namespace that it joins", ""),
    "namespaces.user": ("a box never has more than its caller", ""),
}
_HIDEPID = {"0": "off", "1": "noaccess", "2": "invisible", "4": "ptraceable"}
_HIDEPID_HELP = "proc's numbers by name: " + ", ".join(f"{n} is {w}" for n, w in _HIDEPID.items())
_GIT_HELP = "`protected` keeps it read-only in the box, `writable` lets the box commit"
_MAPPINGS = ("required", "additionalProperties")
_SUGGESTIONS = 30
"""Unknown keys for which the nearest known one is looked up; the lookup is slow."""


def explain(found: list[Misfit], top: Mapping, wrong: set[Key], report: Report) -> None:
    """Add a finding for every misfit but those whose place is already known to be wrong."""
    words_left = [_SUGGESTIONS]
    told: set[Key] = set()
    for misfit in found:
        if misfit.path in told:
            continue
        if _as_mapping(misfit, top, report):
            told.add(misfit.path)
            wrong.add(misfit.path)
        elif misfit.validator == "additionalProperties":
            _unknown_keys(misfit, top, wrong, report, words_left)
        elif misfit.path not in wrong:
            wrong.add(misfit.path)
            _misfit(misfit, top, report)


def _misfit(misfit: Misfit, top: Mapping, report: Report) -> None:
    node = find(top, misfit.path) or top
    name = _name(misfit.path)
    if misfit.validator == "required":
        _missing(misfit, node, top, report)
        return
    start, end = _extent(node, report)
    message, label, remedy = _say(misfit, node, name)
    report.add(start, end, message, label, remedy, dotted(misfit.path))


def _say(misfit: Misfit, node: Node, name: str) -> tuple[str, str, str]:
    """Message, label and help for a value that does not fit."""
    value, data = misfit.value, misfit.data
    match misfit.validator:
        case "type":
            return _type(misfit, node, name)
        case "enum" | "const":
            return _choice(misfit, name)
        case "pattern":
            if name in _NEVER_HOST and data == "host":
                return f"{name} cannot be the host's", *_NEVER_HOST[name]
            return f"{name} cannot be {quote(str(data))}", *_pattern(misfit)
        case "minLength" | "minItems":
            return f"{name} is empty", "", hints.example(misfit)
        case "maxLength":
            return f"{name} is longer than {value} characters", "", ""
        case "minimum":
            return f"{name} is less than {value}", "", ""
        case "maximum":
            return f"{name} is more than {value}", "", ""
    return f"{name} does not fit", "", ""


def _type(misfit: Misfit, node: Node, name: str) -> tuple[str, str, str]:
    names = [misfit.value] if isinstance(misfit.value, str) else list(misfit.value)
    data = misfit.data
    place, _ = _where(misfit.path)
    asked = {"binds[]": "a string or a mapping", "root": "a path or a mapping",
             "user": "a string or a mapping", "mounts[].size": "a string or a number",
             "environment": "a list or a mapping", "seccomp": "default, none or a path",
             "env_file": "a path or a list of them", "env_file[]": "a path or a mapping",
             "namespaces.time": "a word, a path or a mapping",
             "cpus": 'a list of CPUs or a range like "0-3"'}.get(
        place, " or ".join(_KINDS[n] for n in names if n != "null"))  # fmt: skip
    message = f"{name} must be {asked}, not {_kind(data)}"
    return message, *hints.of_type(misfit, node, place)


def _choice(misfit: Misfit, name: str) -> tuple[str, str, str]:
    data = misfit.data
    options = [misfit.value] if misfit.validator == "const" else list(misfit.value)
    place, _ = _where(misfit.path)
    if isinstance(data, str):
        word = words.known(f"{place}=", data)
        if word is not None:
            message, label = words.message(word)
            return f"{name}: {message}", label, ""
    if place == "etc[]" and isinstance(data, str):
        return etc.unknown(data)
    if place == "etc[]":
        return f"{name} must be a name, not {_kind(data)}", "", "known: " + ", ".join(etc.NAMES)
    shown = quote(data) if isinstance(data, str) else _kind(data)
    known = _either([str(option) for option in options])
    if misfit.path == ("version",):
        if data == "1":
            return "version must be the number 1, not a string", "write it without quotes", ""
        remedy = "it is the version of toyspec's format, not of Compose's"
        return f"version must be 1, not {shown}", "write `version: 1`", remedy
    label = ""
    if isinstance(data, str):
        guess = words.nearest(data, [str(option) for option in options])
        label = f"did you mean `{guess}`?" if guess else ""
    elif isinstance(data, bool) or data is None:
        label = "write the word"
    message = f"{name} must be {known}, not {shown}"
    if place == "mounts[].hidepid" and str(data) in _HIDEPID:
        return message, f"write {_HIDEPID[str(data)]}", _HIDEPID_HELP
    return message, label, _GIT_HELP if place == "git" else ""


def _either(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _pattern(misfit: Misfit) -> tuple[str, str]:
    """Label and help."""
    rule = str(misfit.schema.get("patternErrorMessage", "this does not fit"))
    if misfit.path == ("stop_grace_period",) and (better := durations.meant(str(misfit.data))):
        return better, rule
    return rule, _pattern_help(misfit)


def _pattern_help(misfit: Misfit) -> str:
    data = str(misfit.data)
    place, key = _where(misfit.path)
    if key == "mode" and data.startswith(("0o", "0O")):
        return f'write "{escape(data[2:])}"'
    if place == "user":
        return "names are not looked up" if data.isidentifier() else ""
    if place == "mounts[].size" and data.endswith("%"):
        return "a share of the memory: not yet"
    if place == "environment[]" and ":" in data and "=" not in data:
        return "write NAME=VALUE"
    if data.startswith(("./", "~", "../")) and "absolute" in str(misfit.schema):
        return "paths of the box have no home and no working directory"
    return ""


def _missing(misfit: Misfit, node: Node, top: Mapping, report: Report) -> None:
    for key in misfit.value:
        if isinstance(misfit.data, dict) and key in misfit.data:
            continue
        if not misfit.path:
            first = top.pairs[0][0] if top.pairs else node
            report.add(
                first.start, max(first.end, first.start + 1), f"the key `{key}` is missing",
                f"begin with `{key}: 1`" if key == "version" else "", "", key,
            )  # fmt: skip
            continue
        start, end = _extent(node, report)
        path = dotted((*misfit.path, key))
        report.add(start, end, f"{_name(misfit.path)} has no `{key}`", "", "", path)


def _as_mapping(misfit: Misfit, top: Mapping, report: Report) -> bool:
    """`- /a: /b` and `- CI: 1`: a space after the colon has made a mapping of a string."""
    node = find(top, misfit.path)
    if len(misfit.path) != 2 or not isinstance(node, Mapping) or len(node.pairs) != 1:
        return False
    key, value = node.pairs[0]
    if not isinstance(value, Scalar):
        return False
    place, _ = _where(misfit.path)
    if (
        place == "binds[]"
        and misfit.validator in _MAPPINGS
        and key.text not in misfit.schema["properties"]
    ):
        right = f"{key.text}:{value.text}"
    elif place == "environment[]" and misfit.validator == "type":
        right = f"{key.text}={value.text}"
    elif place == "init[]" and misfit.validator == "type":
        right = report.source.text[key.start : max(value.end, key.end)]
    else:
        return False
    start, end = key.start, max(value.end, key.end)
    report.add(
        start, end, "a space after the colon makes this a mapping",
        f"write {quote(right)}" if place != "init[]" else f"quote it: {hints.flow([right])[1:-1]}",
        key=dotted(misfit.path),
    )  # fmt: skip
    return True


def _unknown_keys(
    misfit: Misfit, top: Mapping, wrong: set[Key], report: Report, left: list[int]
) -> None:
    node = find(top, misfit.path)
    if not isinstance(node, Mapping):
        return
    place, _ = _where(misfit.path)
    if place == "environment":
        _bad_names(misfit, node, wrong, report)
        return
    candidates = list(misfit.schema.get("properties", {}))
    for key, _value in node.pairs:
        if key.text in candidates or key.text.startswith("x-"):
            continue
        wrong.add((*misfit.path, key.text))
        if key.text not in misfit.data or (key.plain and not isinstance(resolve(key.text), str)):
            continue
        message, label, remedy = _unknown(key.text, place, candidates, left)
        report.add(
            key.start, max(key.end, key.start + 1), message, label, remedy,
            dotted((*misfit.path, key.text)),
        )  # fmt: skip


def _unknown(key: str, place: str, candidates: list[str], left: list[int]) -> tuple[str, str, str]:
    word = words.known(place, key)
    if word is None and place == "":
        word = words.known("", key.lstrip("-").lower())
    guess = words.folded(key, candidates)
    if word is None and guess is None and place == "":
        word = words.otherwise(key)
    if word is not None:
        return *words.message(word), ""
    if guess is None and left[0] > 0:
        left[0] -= 1
        guess = words.nearest(key, candidates)
    if guess:
        return f"unknown key {quote(key)}", f"did you mean `{guess}`?", ""
    if place == "":
        return f"unknown key {quote(key)}", "", "keys of your own begin with `x-`"
    where = place.replace("[]", "")
    return f"unknown key {quote(key)}", f"known in {where}: {', '.join(candidates)}", ""


def _bad_names(misfit: Misfit, node: Mapping, wrong: set[Key], report: Report) -> None:
    import re

    for key, _ in node.pairs:
        if not re.search(r"^[A-Za-z_][A-Za-z0-9_]*$", key.text) and key.text in misfit.data:
            wrong.add(("environment", key.text))
            report.add(
                key.start, max(key.end, key.start + 1),
                f"{quote(key.text)} cannot be a variable's name", "letters, digits and `_`",
            )  # fmt: skip


def _extent(node: Node, report: Report) -> tuple[int, int]:
    """What to mark: a scalar whole, of a collection its first line."""
    end = max(node.end, node.start + 1)
    if isinstance(node, Mapping | Sequence):
        text = report.source.text
        line = text.find("\n", node.start, end)
        if line >= 0:
            end = line
        end = max(len(text[node.start : end].rstrip()) + node.start, node.start + 1)
        if isinstance(node, Mapping) and node.pairs and text[node.start : node.start + 1] != "{":
            end = min(end, max(node.pairs[0][0].end, node.start + 1))
    return node.start, end


def _name(path: Key) -> str:
    return escape(dotted(path)) if path else "the spec"


def _where(path: Key) -> tuple[str, str]:
    """The path with its indices left out (`binds[].target`), and its last key."""
    text = ""
    for step in path:
        text += "[]" if isinstance(step, int) else f".{step}" if text else str(step)
    last = path[-1] if path else ""
    return text, str(last)


def _kind(data: Any) -> str:
    if isinstance(data, bool):
        return str(data).lower()
    if data is None:
        return "null"
    if isinstance(data, (int, float)):
        return f"the number {str(data)[:24]}"
    if isinstance(data, str):
        return "a string"
    return "a list" if isinstance(data, list) else "a mapping"
