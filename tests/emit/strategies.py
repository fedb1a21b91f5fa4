"""Any plan at all, for hypothesis: steps that fit the kernel's tables, in any order."""

from __future__ import annotations

from functools import cache
from typing import Final, get_args

from hypothesis import strategies as st

from toyspec.host.facts import Kind
from toyspec.kernel.calls import CALLS, PSEUDO_CALLS, required
from toyspec.kernel.errnos import NUMBERS as ERRNOS
from toyspec.kernel.flags import flags
from toyspec.kernel.structs import STRUCTS
from toyspec.plan.step import (
    PHASES,
    ROLES,
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
    Strings,
    Struct,
    Value,
    Watched,
)
from toyspec.spec.model import Origin, Text, Variable

Field = Int | Flags | Fd | Pid | Data | Bpf

TEXT: Final = st.text(st.characters(), max_size=8)  # surrogates too
NAME: Final = st.text(
    st.characters(blacklist_characters="}$=", blacklist_categories=["Cs"]), max_size=6
)
_INT: Final = st.integers(-(1 << 63), (1 << 64) - 1)
_BPF: Final = st.tuples(
    st.integers(0, 0xFFFF), st.integers(0, 255), st.integers(0, 255), st.integers(0, (1 << 32) - 1)
)
_ARCH: Final = "x86_64"


def _merged(parts: list[str | Variable]) -> Text:
    """As texts are written: no empty literal, no two in a row."""
    text: list[str | Variable] = []
    for part in parts:
        if isinstance(part, str) and text and isinstance(text[-1], str):
            text[-1] += part
        elif part != "":
            text.append(part)
    return tuple(text)


WORDS: Final = st.lists(TEXT | st.builds(Variable, NAME), max_size=3).map(_merged)
_SLOT: Final = st.sampled_from(["AT_FDCWD", 0, 1, 2, "life.read", "root"])


@cache
def _names(known: str) -> st.SearchStrategy[Flags]:
    names = st.lists(st.sampled_from(sorted(flags(known, _ARCH))), max_size=3, unique=True)
    if known == "mode":
        names |= st.integers(0, 0o7777).map(lambda mode: [f"{mode:04o}"])
    return names.map(lambda given: Flags(tuple(given)))


@cache
def _field(kind: str) -> st.SearchStrategy[Field] | None:
    if kind.startswith("flags:"):
        return _names(kind[6:])
    plain: dict[str, st.SearchStrategy[Field]] = {
        "int": st.builds(Int, _INT),
        "uint": st.builds(Int, _INT),
        "mode": _names("mode"),
        "fd": st.builds(Fd, _SLOT),
        "pid": st.builds(Pid, st.sampled_from(ROLES)) | st.builds(Int, _INT),
        "text": st.builds(Data, WORDS),
        "slot": st.builds(Fd, st.sampled_from(["a.read", "a.write"])),
        "capabilities": _names("capability"),
        "bpf": st.builds(Bpf, st.lists(_BPF, max_size=3).map(tuple)),
        "size": st.builds(Int, st.integers(0, 5000)),
        "iov": st.builds(Data, WORDS),
        "rights": st.builds(Fd, _SLOT),
    }
    return plain.get(kind)


@cache
@st.composite
def structs(draw: st.DrawFn, name: str) -> Struct:
    """A structure with any of its fields."""
    fields = []
    for field, _, _, kind in STRUCTS[name][1]:
        strategy = _field(kind)
        if strategy is not None and draw(st.booleans()):
            fields.append((field, draw(strategy)))
    return Struct(name, tuple(fields))


@cache
def values(kind: str) -> st.SearchStrategy[Value]:
    """Any value of a kind that a parameter takes."""
    if kind.startswith("flags:"):
        return _names(kind[6:])
    if kind.startswith(("struct:", "out:")):
        return structs(kind.partition(":")[2])
    entry = st.tuples(st.text(st.characters(blacklist_characters="="), max_size=5), WORDS)
    plain: dict[str, st.SearchStrategy[Value]] = {
        "int": st.builds(Int, _INT),
        "mode": _names("mode") | st.builds(Int, st.integers(0, 0o7777)),
        "fd": st.builds(Fd, _SLOT),
        "pid": st.builds(Pid, st.sampled_from(ROLES)),
        "path": st.builds(Path, TEXT),
        "data": st.builds(Data, WORDS),
        "bytes": st.builds(Data, WORDS),
        "length": st.builds(Length, NAME),
        "strings": st.builds(
            Strings, st.lists(TEXT | st.builds(Decimal, NAME), max_size=3).map(tuple)
        ),
        "environment": st.builds(Environment, st.lists(entry, max_size=3).map(tuple)),
        "null": st.just(Null()),
    }
    return plain[kind]


_ERRNOS: Final = st.lists(st.sampled_from(sorted(ERRNOS)), max_size=2).map(tuple)
_EXPECT: Final = st.one_of(
    st.none(),
    st.builds(Expect, errno=st.sampled_from(sorted(ERRNOS))),
    st.builds(Expect, result=st.integers() | NAME),
    st.builds(Expect, prefix=TEXT),
    st.builds(Expect, device=st.just("1:3")),
    st.builds(Expect, kind=st.just("directory")),
    st.builds(Expect, filesystem=st.just("PROC_SUPER_MAGIC")),
    st.builds(Expect, status=st.integers(0, 65535)),
)
_ORIGIN: Final = st.builds(
    Origin, TEXT, st.integers(1, 99), st.integers(1, 99), st.none()
) | st.builds(Origin, TEXT, default=TEXT)


@cache
@st.composite
def steps(draw: st.DrawFn, call: str) -> Step:
    """A step of that call whose arguments fit its parameters."""
    known = {**CALLS, **PSEUDO_CALLS}[call][3]
    given = draw(st.integers(required(call), len(known)))
    args = tuple(
        Argument(parameter[0], draw(st.sampled_from(parameter[1:]).flatmap(values)))
        for parameter in known[:given]
    )
    return Step(
        draw(st.integers(1, 999)),
        draw(st.sampled_from(PHASES)),
        draw(st.sampled_from(ROLES)),
        call,
        args,
        draw(TEXT),
        draw(TEXT),
        draw(_ORIGIN),
        draw(_ERRNOS),
        draw(_ERRNOS),
        draw(_EXPECT),
        draw(st.none() | NAME),
    )


_TEXTS: Final = st.lists(TEXT, max_size=2).map(tuple)
_EXPOSURE: Final = st.builds(
    Exposure,
    st.lists(st.builds(Exposed, TEXT, TEXT), max_size=2).map(tuple),
    TEXT, _TEXTS, st.booleans(), st.booleans(), _TEXTS,
)  # fmt: skip
_FACTS: Final = st.dictionaries(
    TEXT.filter(lambda name: name != "arch"),
    TEXT | st.integers() | st.booleans() | st.none(),
    max_size=3,
).map(lambda facts: (("arch", _ARCH), *facts.items()))
_STEP: Final = st.sampled_from(sorted({**CALLS, **PSEUDO_CALLS})).flatmap(steps)

PLANS: Final = st.builds(
    Plan, TEXT, TEXT, TEXT, st.just(_ARCH), _FACTS, st.lists(_STEP, max_size=3).map(tuple),
    _EXPOSURE, _TEXTS, _TEXTS, st.lists(st.builds(Watched, TEXT, st.sampled_from(get_args(Kind))), max_size=2).map(tuple),
    st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
)  # fmt: skip
"""Plans that the JSON and its schema must carry; most would not run."""
