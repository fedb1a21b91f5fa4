r"""Plans as JSON, format `toyspec-plan` 1: the same plan gives the same bytes, and comes back equal.

In `text` and `environment` a variable is `${NAME}` and a dollar sign is `$$`. A path that is not
UTF-8 is `base64`; elsewhere a byte that is no UTF-8 is a lone surrogate `\udcXX`, as Python has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from toyspec.emit.json_values import instruction, maybe, scalar, whole, word, words
from toyspec.emit.texts import read_entry, read_text, shown
from toyspec.plan.step import (
    Argument,
    Bpf,
    Data,
    Decimal,
    Environment,
    Expect,
    Exposed,
    Exposure,
    Fd,
    Flags,
    Int,
    Length,
    Null,
    Path,
    Pid,
    Plan,
    Step,
    Stopping,
    Strings,
    Struct,
    Value,
    Watched,
)
from toyspec.spec.model import Origin
from toyspec.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]  # an object as the json module has it

FORMAT: Final = "toyspec-plan"
FORMAT_VERSION: Final = "1.0"

_EXPECTATIONS: Final = (
    "errno", "result", "prefix", "device", "kind", "filesystem", "inode", "status",
)  # fmt: skip


class FormatError(ValueError):
    """Not a plan of a format version that this reads; the message says where."""


def to_json(plan: Plan) -> str:
    """The plan as JSON text, three lines a step, ending in a newline."""
    from json import JSONEncoder

    compact = JSONEncoder(ensure_ascii=False).encode
    lines = []
    for key, value in to_dict(plan).items():
        if key == "steps" and value:
            member = "[\n" + ",\n".join([_step_text(step, compact) for step in value]) + "\n  ]"
        else:
            member = compact(value)
        lines.append(f"  {compact(key)}: {member}")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    return text if _encodable(text) else _escaped(text)


def _step_text(step: Json, compact: Callable[[object], str]) -> str:
    """A step on three lines: what is called, with what, and everything about it."""
    members = list(step.items())
    called, given, about = (
        compact(dict(part))[1:-1] for part in (members[:4], members[4:5], members[5:])
    )
    return f"    {{{called},\n     {given},\n     {about}}}"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(text: str) -> str:
    r"""Lone surrogates, which UTF-8 cannot hold and which stand in strings only, as `\uXXXX`."""
    return "".join([f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text])


def to_dict(plan: Plan) -> Json:
    """The plan as the object that `to_json` writes, its keys in a fixed order."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "toyspec": VERSION,
        "box": plan.box,
        "spec": {
            "path": plan.spec_path,
            "sha256": plan.spec_sha256,
            "files": [{"path": path, "sha256": digest} for path, digest in plan.spec_files],
        },
        "host": {"arch": plan.arch, **dict(plan.host)},
        "steps": [_step(step) for step in plan.steps],
        "exposure": {
            "writable": [{"source": e.source, "target": e.target} for e in plan.exposure.writable],
            "network": plan.exposure.network,
            "environment": list(plan.exposure.environment),
            "terminal": plan.exposure.terminal,
            "real_root": plan.exposure.real_root,
            "weakened": list(plan.exposure.weakened),
        },
        "unresolved": list(plan.unresolved),
        "warnings": list(plan.warnings),
        "stopping": {"signal": plan.stopping.signal, "milliseconds": plan.stopping.grace},
        "watched": [{"path": each.path, "kind": each.kind} for each in plan.watched],
    }


def _step(step: Step) -> Json:
    origin = step.origin
    given: Json = {
        "id": step.id,
        "phase": step.phase,
        "role": step.role,
        "call": step.call,
        "args": [{"name": each.name, **_value(each.value)} for each in step.args],
        "item": step.item,
        "why": step.why,
        "source": None,
        "default": origin.default,
        "tolerates": list(step.tolerates),
        "retries": list(step.retries),
        "expects": _expectation(step.expects),
        "yields": step.yields,
    }
    if origin.default is None:
        given["source"] = {"path": origin.path, "line": origin.line, "column": origin.column}
    elif origin.path:
        given["default_of"] = origin.path
    return given


def _expectation(expects: Expect | None) -> Json | None:
    if expects is None:
        return None
    given = [(name, getattr(expects, name)) for name in _EXPECTATIONS]
    return {name: value for name, value in given if value is not None}


def _value(value: Value | Bpf) -> Json:
    if isinstance(value, Fd):
        return {"fd": value.slot}
    if isinstance(value, Flags):
        return {"flags": list(value.names)}
    if isinstance(value, Path):
        return _path(value.value)
    if isinstance(value, Int):
        return {"int": value.value}
    if isinstance(value, Null):
        return {"null": True}
    if isinstance(value, Data):
        return {"text": shown(value.text)}
    if isinstance(value, Struct):
        return {"struct": value.name, "fields": {name: _value(each) for name, each in value.fields}}
    if isinstance(value, Length):
        return {"length": value.of}
    if isinstance(value, Pid):
        return {"pid": value.role}
    if isinstance(value, Strings):
        return {"strings": [_string(each) for each in value.values]}
    if isinstance(value, Environment):
        return {"environment": [shown((name + "=", *text)) for name, text in value.entries]}
    return {"bpf": [list(each) for each in value.instructions]}


def _path(path: str) -> Json:
    if _encodable(path):
        return {"path": path}
    from base64 import b64encode

    try:
        return {"base64": b64encode(path.encode("utf-8", "surrogateescape")).decode()}
    except UnicodeEncodeError:
        return {"path": path}  # stands for no bytes at all; lowering says so


def _string(each: str | Decimal) -> Any:
    return {"decimal": each.slot} if isinstance(each, Decimal) else each


def from_json(text: str | bytes) -> Plan:
    """The plan that `to_json` wrote; its `host` names `arch`. Unknown keys are ignored.

    Raises FormatError: no JSON, another format or major version, something missing or of the
    wrong type. Whether the plan is well formed is for `program.verify`.
    """
    from json import loads

    try:
        found = loads(text)
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from None
    except RecursionError:
        raise FormatError("not a plan: nested too deeply") from None
    return from_dict(found)


def from_dict(found: object) -> Plan:
    """As `from_json`, from an object that is read already."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise FormatError(f"not a plan: its format is not {FORMAT}")
    version = found.get("format_version")
    if not isinstance(version, str) or version.partition(".")[0] != FORMAT_VERSION[:1]:
        raise FormatError(f"a plan of format version {version}, and this reads {FORMAT_VERSION}")
    try:
        return _plan(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"not a plan: {type(error).__name__}: {error}") from None


def _plan(found: Json) -> Plan:
    exposure, spec = found["exposure"], found["spec"]
    return Plan(
        box=word(found["box"]),
        spec_path=word(spec["path"]),
        spec_sha256=word(spec["sha256"]),
        arch=word(found["host"]["arch"]),
        host=tuple((name, scalar(each)) for name, each in found["host"].items()),
        steps=tuple(_read_step(step) for step in found["steps"]),
        exposure=Exposure(
            tuple(
                Exposed(word(each["source"]), word(each["target"])) for each in exposure["writable"]
            ),
            word(exposure["network"]),
            words(exposure["environment"]),
            exposure["terminal"],
            exposure["real_root"],
            words(exposure["weakened"]),
        ),
        unresolved=words(found["unresolved"]),
        warnings=words(found["warnings"]),
        spec_files=tuple(
            (word(each["path"]), word(each["sha256"])) for each in spec.get("files", ())
        ),
        stopping=_stopping(found.get("stopping", {})),
        watched=tuple(
            Watched(word(each["path"]), cast("Any", word(each["kind"])))
            for each in found.get("watched", ())
        ),
    )


def _stopping(found: Json) -> Stopping:
    default = Stopping()
    grace = whole(found.get("milliseconds", default.grace))
    return Stopping(word(found.get("signal", default.signal)), grace)


def _read_step(found: Json) -> Step:
    try:
        source, expects = found["source"], found["expects"]
        if source is None:
            origin = Origin(
                word(found.get("default_of", "")), default=maybe(word, found["default"])
            )
        else:
            line, column = source["line"], source["column"]
            origin = Origin(word(source["path"]), whole(line), whole(column))
        return Step(
            whole(found["id"]),
            cast("Any", word(found["phase"])),
            cast("Any", word(found["role"])),
            word(found["call"]),
            tuple(Argument(word(each["name"]), _read(each)) for each in found["args"]),
            word(found["item"]),
            word(found["why"]),
            origin,
            words(found["tolerates"]),
            words(found["retries"]),
            None if expects is None else _expect(expects),
            maybe(word, found["yields"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"step {found.get('id')}: {type(error).__name__}: {error}") from None


def _expect(found: Json) -> Expect:
    return Expect(**{name: cast("Any", scalar(found.get(name))) for name in _EXPECTATIONS})


def _read(found: Json) -> Value:
    value = _read_field(found)
    if value is not None and not isinstance(value, Bpf):
        return value
    if "path" in found:
        return Path(word(found["path"]))
    if "base64" in found:
        from base64 import b64decode

        return Path(b64decode(found["base64"], validate=True).decode("utf-8", "surrogateescape"))
    if "null" in found:
        return Null()
    if "struct" in found:
        return Struct(word(found["struct"]), _read_fields(found["fields"]))
    if "length" in found:
        return Length(word(found["length"]))
    if "strings" in found:
        return Strings(tuple(_read_string(each) for each in found["strings"]))
    if "environment" in found:
        return Environment(tuple(read_entry(word(each)) for each in found["environment"]))
    raise ValueError(f"no known type of argument in {found}")


def _read_fields(
    found: Mapping[str, Json],
) -> tuple[tuple[str, Int | Flags | Fd | Pid | Data | Bpf], ...]:
    fields = []
    for name, given in found.items():
        field = _read_field(given)
        if field is None:
            raise ValueError(f"no known type of field in {given}")
        fields.append((name, field))
    return tuple(fields)


def _read_field(found: Json) -> Int | Flags | Fd | Pid | Data | Bpf | None:
    """What both an argument and a field can be; None where it is something else."""
    if "fd" in found:
        return Fd(found["fd"] if type(found["fd"]) is int else word(found["fd"]))
    if "flags" in found:
        return Flags(words(found["flags"]))
    if "int" in found:
        return Int(whole(found["int"]))
    if "text" in found:
        return Data(read_text(word(found["text"])))
    if "pid" in found:
        return Pid(cast("Any", word(found["pid"])))
    if "bpf" in found:
        return Bpf(tuple(instruction(*row) for row in found["bpf"]))
    return None


def _read_string(found: Any) -> str | Decimal:
    return Decimal(word(found["decimal"])) if isinstance(found, dict) else word(found)
