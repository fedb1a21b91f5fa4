"""The name in a file that may be no valid spec: all that whoever ends a box wants to know of it."""

from __future__ import annotations

from toyspec.spec.build import fit_name
from toyspec.spec.decode import decode
from toyspec.spec.events import Stop, read
from toyspec.spec.interpolation import substitute
from toyspec.spec.nodes import Mapping, Scalar
from toyspec.spec.problem import SpecError
from toyspec.spec.source import Report
from toyspec.spec.surroundings import Surroundings
from toyspec.spec.wrong import Wrong


def name_in(data: bytes, path: str, surroundings: Surroundings) -> str | None:
    """What the box would be called if nothing else were wrong; None where that cannot be told."""
    try:
        top = read(Report(decode(data, path)))
    except (SpecError, Stop):
        return None
    if not isinstance(top, Mapping):
        return None
    node = top.get("name")
    if node is None:
        return fit_name(path, surroundings.directory)
    if not isinstance(node, Scalar):
        return None
    try:
        return substitute(node.text, surroundings.variables)
    except Wrong:
        return None
