"""`requires`: checked before the schema, so that an old toyspec says that it is old."""

from __future__ import annotations

from toyspec.spec.nodes import Mapping, Scalar
from toyspec.spec.source import Report

_TERM = r" *(>=|<=|==|!=|>|<) *([0-9]+(?:\.[0-9]+){0,2}) *"


def check(top: Mapping, version: str, report: Report) -> None:
    """Raise SpecError if the file asks for another toyspec than this; bad forms wait."""
    node = top.get("requires")
    wanted = node.get("toyspec") if isinstance(node, Mapping) else None
    if not isinstance(wanted, Scalar) or satisfied(wanted.text, version) is not False:
        return
    alone = Report(report.source)
    alone.add(
        wanted.start, wanted.end, f"this spec requires toyspec {wanted.text}",
        f"this is toyspec {version}", "install another toyspec", "requires.toyspec",
    )  # fmt: skip
    raise alone.error()


def satisfied(wanted: str, version: str) -> bool | None:
    """Whether a version fits comparisons like `>=0.1, <2`; None if they are malformed."""
    import re

    if len(wanted) > 200:
        return None
    have = _numbers(version)
    answer = True
    for term in wanted.split(","):
        found = re.fullmatch(_TERM, term)
        if found is None:
            return None
        want = _numbers(found[2])
        answer = answer and {
            ">=": have >= want, "<=": have <= want, "==": have == want,
            "!=": have != want, ">": have > want, "<": have < want,
        }[found[1]]  # fmt: skip
    return answer


def _numbers(text: str) -> tuple[int, ...]:
    """Three numbers; what follows them in a version (`.dev1`) does not count."""
    numbers = [int(part[:9]) for part in text.split(".")[:3] if part.isdecimal()]
    return (*numbers, 0, 0, 0)[:3]
