"""What to write where a value is of the wrong type: a label and a help, which fit what stands there."""

from __future__ import annotations

from functools import cache
from typing import Any

from toyspec.spec import durations, signals, words
from toyspec.spec.accept import Acceptor
from toyspec.spec.nodes import Node, Scalar
from toyspec.spec.schema import Misfit, schema
from toyspec.spec.shown import escape, quote

_YES = ("yes", "on", "true", "y", "1", "always", "enable", "enabled")
_NO = ("no", "off", "false", "n", "0", "never", "disable", "disabled", "none")
_REAPERS = ("tini", "dumb-init", "catatonit", "docker-init", "init", "s6-svscan")
_PROTECT = {"default": "[default]", "none": "[]"}
_CALLERS = ("host", "caller", "inherit", "keep", "all", "auto", "*")
_LONG = 60  # letters that are not written once more


def of_type(misfit: Misfit, node: Node, place: str) -> tuple[str, str]:
    """Label and help for a value whose type is not the one of its place."""
    data = misfit.data
    names = [misfit.value] if isinstance(misfit.value, str) else list(misfit.value)
    if data is None:
        return _null(misfit, node, place, names)
    if names == ["boolean"]:
        return _boolean(data, place), ""
    found = _of_place(misfit, node, place)
    if found is not None:
        return found
    if isinstance(node, Scalar) and node.plain and not isinstance(data, str) and "string" in names:
        return _quoted(misfit, node)
    if "array" in names and isinstance(data, str) and place in ("init", "binds", "capabilities"):
        return _listed(misfit, data, place)
    if "integer" in names and isinstance(data, str) and data.isdigit():
        return "write it without quotes", ""
    return "", example(misfit)


def example(misfit: Misfit) -> str:
    """The schema's own."""
    examples = misfit.schema.get("examples")
    if not examples:
        return ""
    import json

    return f"for example {json.dumps(examples[0], ensure_ascii=False)}"


def _of_place(misfit: Misfit, node: Node, place: str) -> tuple[str, str] | None:
    """What is known of one key only."""
    data = misfit.data
    plain = node.text if isinstance(node, Scalar) and not isinstance(data, str) else None
    match place:
        case "seccomp" if isinstance(data, bool):
            return f"write {'default' if data else 'none'}", ""
        case "seccomp" if isinstance(data, dict):
            return (
                "",
                "put the profile into a file of its own, as JSON, and name that: `./seccomp.json`",
            )
        case "protect" if isinstance(data, str):
            return f"write {_PROTECT.get(data, f'[{escape(data)}]')}", ""
        case "user" if plain is not None:
            whole = isinstance(data, int) and 0 <= data < 2**32 - 1
            number = int(data) if whole else 1000
            return f'write "UID:GID", like "{number}:{number}"', ""
        case "namespaces.time" if plain is not None:
            return "write offsets, like {boottime: 3600}", ""
        case "stop_signal" if plain is not None and not isinstance(data, bool):
            return signals.meant(f"{data:g}" if abs(data) < 1000 else ""), ""
        case "stop_grace_period" if plain is not None:
            return durations.meant(plain) or str(misfit.schema["patternErrorMessage"]), ""
        case "init" if isinstance(data, bool):
            said = words.shared("init")
            return said if data else said.replace("true", "false"), ""
        case "init[]" if isinstance(data, list):
            return "one list holds every word: leave out its brackets", ""
        case "capabilities" if isinstance(data, str) and data.upper() in ("ALL", "CAP_ALL"):
            return "name each one that the box needs", ""
        case "binds" if isinstance(data, dict):
            key, value = next(iter(data.items()), ("SOURCE", "TARGET"))
            return f'write ["{escape(key)}:{escape(str(value))}"]', ""
        case "environment" if isinstance(data, str):
            return _environment(data)
        case "environment[]" if isinstance(data, dict):
            name, value = data.get("name"), data.get("value")
            if (
                isinstance(name, str)
                and isinstance(value, str)
                and _fits(f"{name}={value}", misfit)
            ):
                return f"write {flow([f'{name}={value}'])[1:-1]}", ""
    return None


def _quoted(misfit: Misfit, node: Scalar) -> tuple[str, str]:
    """Quotes help where what they hold is a value of that place."""
    text = node.text
    if _fits(text, misfit):
        return f'quote it: "{escape(text) if len(text) < 40 else "…"}"', ""
    return str(misfit.schema.get("patternErrorMessage", "")), example(misfit)


def _listed(misfit: Misfit, data: str, place: str) -> tuple[str, str]:
    helps = "one entry a word: no shell guesses at it" if place == "init" else ""
    if not data.strip():
        return "", example(misfit)
    if len(data) >= _LONG:
        return "", helps
    from toyspec.spec.command_line import split

    return f"write {flow(split(data) if place == 'init' else [data])}", helps


def _null(misfit: Misfit, node: Node, place: str, names: list[str]) -> tuple[str, str]:
    if not (isinstance(node, Scalar) and node.text):
        return "nothing stands here", ""
    text = node.text
    said = "`~` alone is YAML's null" if text == "~" else f"{quote(text)} is YAML's null"
    if names == ["boolean"]:
        return said, "write true or false"
    if place == "binds[]" and text == "~":
        return f'{said}: quote it, "~"', 'write "~:/TARGET"'
    if "string" not in names or not _fits(text, misfit):
        return said, example(misfit)
    return f"{said}: quote it" + (', "~"' if text == "~" else " to mean the word"), ""


def _boolean(data: Any, place: str) -> str:
    word = str(data).strip().lower() if isinstance(data, str | int | float) else ""
    if word in _YES:
        return "write true"
    if word in _NO:
        return "write false"
    if place == "reaper" and word.rpartition("/")[2] in _REAPERS:
        return "write true: it is toyspec's own"
    if place == "die_with_parent" and (word in ("kill", "9") or word.startswith("sig")):
        return "write true: the box is killed"
    return "write true or false"


def _environment(data: str) -> tuple[str, str]:
    """Compose's text of one variable, a file of them, or a wish for all that the caller has."""
    import re

    if len(data) < _LONG and re.match(r"[A-Za-z_][A-Za-z0-9_]*=", data):
        return f"write {flow([data])}", ""
    if data.lower() in _CALLERS:
        return "name what the box needs of the caller's", "for example [LANG, TERM]"
    if "/" in data or data.endswith("env"):
        return "`env_file` reads a file", ""
    return "", "for example {LANG: C.UTF-8}"


def flow(entries: list[str]) -> str:
    """A list as one line, to be shown."""
    from toyspec.spec import reference

    return escape(reference.flow(entries))


def _fits(text: str, misfit: Misfit) -> bool:
    acceptor = Acceptor(_whole())
    return acceptor.test(misfit.schema)(text) and misfit.path != ("stop_signal",)


@cache
def _whole() -> dict[str, Any]:
    return schema()
