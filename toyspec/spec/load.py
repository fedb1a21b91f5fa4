"""The whole way: bytes, text, nodes, data, schema, checks, Spec."""

from __future__ import annotations

from toyspec.spec.decode import MAX_BYTES
from toyspec.spec.model import Spec
from toyspec.spec.nodes import Mapping
from toyspec.spec.problem import Problem, SpecError
from toyspec.spec.source import Report
from toyspec.spec.surroundings import Overrides, Surroundings

__all__ = ["MAX_BYTES", "Overrides", "Problem", "SpecError", "Surroundings", "load"]

NOTHING = Overrides()


def load(
    data: bytes, path: str, surroundings: Surroundings, overrides: Overrides = NOTHING
) -> Spec:
    """The spec in a file's bytes. `path` is what diagnostics call the file.

    Looks at nothing but its arguments and the package's own schema. Whatever the bytes are, it
    returns or raises SpecError, with every problem at once. A caller need not read more than
    `MAX_BYTES` + 1 bytes.
    """
    import gc

    # A hundred thousand small values, none of them garbage: looking for cycles among them again
    # and again would take a third of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return _load(data, path, surroundings, overrides)
    finally:
        if collects:
            gc.enable()


def _load(data: bytes, path: str, surroundings: Surroundings, overrides: Overrides) -> Spec:
    from hashlib import sha256

    from toyspec.spec.build import build
    from toyspec.spec.context import Context
    from toyspec.spec.decode import decode
    from toyspec.spec.messages import explain
    from toyspec.spec.requires import check
    from toyspec.spec.schema import known, misfits, schema
    from toyspec.spec.values import Values, whole
    from toyspec.version import VERSION

    report = Report(decode(data, path))
    top = _document(report)
    check(top, VERSION, report)
    rules = schema()
    values = Values(report, surroundings.variables)
    plain = values.read(top, known(rules))
    found, dropped = misfits(rules, plain)
    report.dropped += dropped
    if found:
        explain(found, top, values.wrong, report)
    if dropped:  # more than anybody reads, so no further checks
        raise report.error()
    context = Context(top, whole(plain), values, report, surroundings, overrides)
    spec = build(context, path, sha256(data).hexdigest())
    if report:
        raise report.error()
    return spec


def _document(report: Report) -> Mapping:
    """The top mapping of the one document."""
    from toyspec.spec.events import Stop, read

    try:
        top = read(report)
    except Stop:
        raise report.error() from None
    if isinstance(top, Mapping):
        return top
    if top is None:
        report.add(0, 1, "the file is empty", "", "begin with `version: 1`")
    else:
        report.add(top.start, top.start + 1, "a spec is a mapping", "begin with `version: 1`")
    raise report.error()
