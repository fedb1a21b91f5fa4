"""The whole way: bytes, text, nodes, data, schema, checks, Spec."""

from __future__ import annotations

from toyspec.spec.decode import MAX_BYTES as MAX_BYTES
from toyspec.spec.model import Spec
from toyspec.spec.nodes import Mapping
from toyspec.spec.problem import Problem as Problem
from toyspec.spec.problem import SpecError as SpecError
from toyspec.spec.source import Report
from toyspec.spec.surroundings import Overrides as Overrides
from toyspec.spec.surroundings import Surroundings as Surroundings

NOTHING = Overrides()


def load(
    data: bytes, path: str, surroundings: Surroundings, overrides: Overrides = NOTHING
) -> Spec:
    """The spec in a file's bytes. `path` is what diagnostics call the file.

    Looks at nothing but its arguments and the package's own schema. Whatever the bytes are, it
    returns or raises SpecError, with every problem at once. A caller need not read more than
    `MAX_BYTES` + 1 bytes.
    """
    from hashlib import sha256

    from toyspec.spec.build import build
    from toyspec.spec.context import Context
    from toyspec.spec.decode import decode
    from toyspec.spec.messages import explain
    from toyspec.spec.requires import check
    from toyspec.spec.schema import misfits
    from toyspec.spec.values import Values
    from toyspec.version import VERSION

    report = Report(decode(data, path))
    top = _document(report)
    check(top, VERSION, report)
    values = Values(report, surroundings.variables)
    plain = values.read(top)
    found, dropped = misfits(plain)
    report.dropped += dropped
    if found:
        explain(found, top, values.wrong, report)
    context = Context(top, plain, values, report, surroundings, overrides)
    spec = build(context, path, sha256(data).hexdigest())
    report.fail()
    return spec


def _document(report: Report) -> Mapping:
    """The top mapping of the one document."""
    from toyspec.spec.events import Stop, read

    try:
        top = read(report)
    except Stop:
        top = None
        report.fail()
    if top is None:
        report.add(0, 1, "the file is empty", "", "begin with `version: 1`")
        report.fail()
    if not isinstance(top, Mapping):
        start = top.start if top is not None else 0
        report.add(start, start + 1, "a spec is a mapping", "begin with `version: 1`")
        report.fail()
        raise AssertionError("unreachable: the report was not empty")
    return top
