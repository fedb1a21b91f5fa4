"""The key `seccomp`: a word, or a profile, which is read here as a part of the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from toyspec.spec.context import Context
from toyspec.spec.model import Profile
from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong

if TYPE_CHECKING:
    from toyspec.spec.seccomp.docker import DockerProfile

_WORDS = ("default", "none")
_MEANT = {
    "unconfined": "none", "off": "none", "false": "none", "disabled": "none",
    "on": "default", "true": "default", "builtin": "default",
}  # fmt: skip


def seccomp(context: Context, spec: str) -> Literal["default", "none"] | Profile:
    """Which filter; what is wrong with a profile goes into the report, at the profile's own lines."""
    node = context.note("seccomp", "seccomp: default")
    if node is None:
        return "default"
    text = context.data.get("seccomp")
    if not context.usable("seccomp") or text == "default":
        return "default"
    if text == "none":
        return "none"
    try:
        return _profile(context, str(text), spec)
    except Wrong as wrong:
        context.refuse(wrong.unplaced(), node, "seccomp")
        return "default"


def _profile(context: Context, text: str, spec: str) -> Literal["default"] | Profile:
    if "/" not in text and not text.endswith(".json"):
        from toyspec.spec.words import nearest

        guess = _MEANT.get(text.lower()) or nearest(text, list(_WORDS))
        label = f"did you mean `{guess}`?" if guess else ""
        raise Wrong(
            f"seccomp cannot be {quote(text)}", label,
            "`default`, `none`, or a profile: a path with a `/`, or ending in .json",
        )  # fmt: skip
    from toyspec.spec.included import read
    from toyspec.spec.seccomp.json_values import MAX_SIZE

    shown, data = read(context, "seccomp", text, spec, MAX_SIZE)
    rules = _rules(context, shown, data)
    return Profile(shown, rules) if rules is not None else "default"


def _rules(context: Context, shown: str, data: bytes) -> DockerProfile | None:
    from toyspec.spec.seccomp import json_reader
    from toyspec.spec.seccomp.json_places import findings
    from toyspec.spec.seccomp.json_values import ProfileError
    from toyspec.spec.source import Source

    try:
        return json_reader.read(data)
    except ProfileError as error:
        source = Source(shown, data.decode("utf-8", "replace"))
        context.report.add_from(source, findings(source.text, error.problems))
        return None
