"""The JSON Schema of plans, made from the kernel's tables: one definition a call.

`python -m toyspec.emit.plan_schema > schemas/toyspec-plan-1.schema.json` writes it anew.
"""

from __future__ import annotations

from typing import Final, get_args

from toyspec.emit.plan_json import FORMAT
from toyspec.host.facts import Kind
from toyspec.kernel.calls import ARCHITECTURES, CALLS, PSEUDO_CALLS, Call, Parameter
from toyspec.kernel.errnos import NUMBERS as ERRNOS
from toyspec.kernel.flags import flags
from toyspec.kernel.structs import STRUCTS
from toyspec.plan.step import PHASES, ROLES

Schema = dict[str, object]

_TEXT: Final[Schema] = {"type": "string"}
_INT: Final[Schema] = {"type": "integer"}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}
_NAMES: Final[Schema] = {"$ref": "#/definitions/errnos"}
_FD: Final[Schema] = {"anyOf": [{"type": "integer", "minimum": 0}, _TEXT]}
_ROLE: Final[Schema] = {"enum": list(ROLES)}
_DECIMAL: Final[Schema] = {
    "type": "object",
    "required": ["decimal"],
    "properties": {"decimal": _TEXT},
    "additionalProperties": False,
}
_BPF: Final[Schema] = {
    "type": "array",
    "items": {"type": "array", "items": _INT, "minItems": 4, "maxItems": 4},
}

_KINDS: Final[dict[str, tuple[tuple[str, Schema], ...]]] = {
    "int": (("int", _INT),),
    "uint": (("int", _INT),),
    "fd": (("fd", _FD),),
    "slot": (("fd", _TEXT),),
    "pid": (("pid", _ROLE),),
    "path": (("path", _TEXT), ("base64", {"type": "string", "pattern": "^[A-Za-z0-9+/]*=*$"})),
    "data": (("text", _TEXT),),
    "bytes": (("text", _TEXT),),
    "text": (("text", _TEXT),),
    "length": (("length", _TEXT),),
    "strings": (("strings", {"type": "array", "items": {"anyOf": [_TEXT, _DECIMAL]}}),),
    "environment": (("environment", {"type": "array", "items": {"pattern": "="}}),),
    "null": (("null", {"const": True}),),
    "bpf": (("bpf", _BPF),),
    "size": (("int", _INT),),
    "mode": (("flags", {"$ref": "#/definitions/flags_mode"}), ("int", _INT)),
    "capabilities": (("flags", {"$ref": "#/definitions/flags_capability"}),),
}
"""The members that a value of each kind can be."""

_FIELD_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "pid": ("pid", "int"),
    "flags:rlimit_value": ("flags:rlimit_value", "int"),
    "iov": ("text",),
    "rights": ("fd",),
}
"""Kinds that a field of a structure takes: besides its own, or for it."""


def schema() -> Schema:
    """The schema of plans of format version 1, as an object for the json module."""
    every = {**CALLS, **PSEUDO_CALLS}
    used = sorted(
        {k[6:] for call in every.values() for p in call[3] for k in p[1:] if k[:6] == "flags:"}
        | {f[3][6:] for _, fields in STRUCTS.values() for f in fields if f[3][:6] == "flags:"}
        | {"capability"}
    )
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A plan of toyspec, format version 1",
        "description": "What a box's processes call, in order. Made by "
        "`python -m toyspec.emit.plan_schema`; readers ignore keys that they do not know.",
        **_object(
            {
                "format": {"const": FORMAT},
                "format_version": {"type": "string", "pattern": r"^1\.[0-9]+$"},
                "toyspec": _TEXT,
                "box": _TEXT,
                "spec": _object(
                    {
                        "path": _TEXT,
                        "sha256": _TEXT,
                        "files": {
                            "type": "array",
                            "items": _object({"path": _TEXT, "sha256": _TEXT}),
                        },
                    },
                    optional=("files",),
                ),
                "host": {
                    **_object({"arch": {"enum": list(ARCHITECTURES)}}),
                    "additionalProperties": {"type": ["string", "integer", "boolean", "null"]},
                },
                "steps": {"type": "array", "items": {"$ref": "#/definitions/step"}},
                "exposure": _object(
                    {
                        "writable": {
                            "type": "array",
                            "items": _object({"source": _TEXT, "target": _TEXT}),
                        },
                        "network": _TEXT,
                        "environment": _TEXTS,
                        "terminal": {"type": "boolean"},
                        "real_root": {"type": "boolean"},
                        "weakened": _TEXTS,
                    }
                ),
                "unresolved": _TEXTS,
                "warnings": _TEXTS,
                "stopping": _object(
                    {
                        "signal": {"type": "string", "pattern": "^SIG[A-Z0-9]+([+][0-9]+)?$"},
                        "milliseconds": {"type": "integer", "minimum": 0},
                    }
                ),
                "watched": {
                    "type": "array",
                    "items": _object({"path": _TEXT, "kind": {"enum": list(get_args(Kind))}}),
                },
            },
            optional=("watched", "stopping"),
        ),
        "definitions": {
            "step": _step(list(every)),
            "expects": _expects(),
            "errnos": {"type": "array", "items": {"enum": list(ERRNOS)}},
            "flags_mode": {
                "type": "array",
                "items": {
                    "anyOf": [
                        {"enum": list(flags("mode", "x86_64"))},
                        {"pattern": "^([0-7]{4}|0[0-7]{0,4})$"},
                    ]
                },
            },
            **{"flags_" + name: _flags(name) for name in used},
            **{"struct_" + name: _struct(name) for name in sorted(STRUCTS)},
            **{"call_" + name: _call(every[name]) for name in sorted(every)},
        },
    }


def _object(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }


def _step(calls: list[str]) -> Schema:
    number: Schema = {"type": "integer", "minimum": 0}
    source = _object({"path": _TEXT, "line": number, "column": number})
    step = _object(
        {
            "id": {"type": "integer", "minimum": 1},
            "phase": {"enum": list(PHASES)},
            "role": _ROLE,
            "call": {"enum": sorted(calls)},
            "args": {"type": "array"},
            "item": _TEXT,
            "why": _TEXT,
            "source": {"anyOf": [source, {"type": "null"}]},
            "default": {"type": ["string", "null"]},
            "default_of": {
                "type": "string",
                "description": "The key that the default stands in for, where there is one.",
            },
            "tolerates": _NAMES,
            "retries": _NAMES,
            "expects": {"anyOf": [{"$ref": "#/definitions/expects"}, {"type": "null"}]},
            "yields": {"type": ["string", "null"]},
        },
        optional=("default_of",),
    )
    step["allOf"] = [
        {
            "if": {"properties": {"call": {"const": call}}, "required": ["call"]},
            "then": {"properties": {"args": {"$ref": "#/definitions/call_" + call}}},
        }
        for call in sorted(calls)
    ]
    return step


def _expects() -> Schema:
    return {
        "type": "object",
        "description": "What the result must look like: exactly one of these.",
        "properties": {
            "errno": {"enum": list(ERRNOS)},
            "result": {
                "type": ["integer", "string"],
                "description": "The result, or the argument whose number it equals.",
            },
            "prefix": _TEXT,
            "device": {"type": "string", "pattern": "^[0-9]+:[0-9]+$"},
            "kind": _TEXT,
            "filesystem": {"enum": list(flags("filesystem", "x86_64"))},
            "status": {"type": "integer", "minimum": 0, "description": "What wait4 wrote."},
            "inode": {"type": "string", "pattern": "^[0-9]+:[0-9]+:[0-9]+$"},
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


def _flags(name: str) -> Schema:
    return {"type": "array", "items": {"enum": list(flags(name, "x86_64"))}, "uniqueItems": True}


def _members(kind: str) -> list[Schema]:
    """What a value of that kind looks like, its name apart: one schema a form."""
    if kind.startswith(("struct:", "out:")):
        name = kind.partition(":")[2]
        fields: Schema = {"$ref": "#/definitions/struct_" + name}
        return [_only({"struct": {"const": name}, "fields": fields})]
    if kind.startswith("flags:"):
        return [_only({"flags": {"$ref": "#/definitions/flags_" + kind[6:]}})]
    return [_only({form: schema}) for form, schema in _KINDS[kind]]


def _only(properties: Schema) -> Schema:
    return {**_object(properties), "additionalProperties": False}


def _call(call: Call) -> Schema:
    _, _, required, known = call
    items: Schema = {"items": [_argument(each) for each in known]} if known else {}
    return {"type": "array", **items, "minItems": required, "maxItems": len(known)}


def _argument(parameter: Parameter) -> Schema:
    name: Schema = {"name": {"const": parameter[0]}}
    forms: list[Schema] = []
    for kind in parameter[1:]:
        for form in _members(kind):
            properties = form["properties"]
            assert isinstance(properties, dict)
            forms.append(_only({**name, **properties}))
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _struct(name: str) -> Schema:
    fields: Schema = {}
    for field, _, _, kind in STRUCTS[name][1]:
        if kind == "count":  # the number of the filter's instructions: nobody writes it
            continue
        forms = [form for each in _FIELD_KINDS.get(kind, (kind,)) for form in _members(each)]
        fields[field] = forms[0] if len(forms) == 1 else {"anyOf": forms}
    return {"type": "object", "properties": fields, "additionalProperties": False}


def text() -> str:
    """The schema as its file has it: one line a definition."""
    from json import dumps

    lines = []
    for key, value in schema().items():
        shown = dumps(value, ensure_ascii=False)
        if isinstance(value, dict):
            members = [f"    {dumps(name)}: {dumps(each)}" for name, each in value.items()]
            shown = "{\n" + ",\n".join(members) + "\n  }"
        lines.append(f"  {dumps(key)}: {shown}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    print(text(), end="")
