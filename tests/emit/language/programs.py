"""Programs of the language, made up: every statement and operator, and always an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

_NAMES = ("a", "b", "c", "d", "e", "f", "g")
_CONSTANTS = (
    st.integers(-9, 9)
    | st.sampled_from([127, 128, -128, -129, 255, 4095, 4096, -4096, 1 << 31, -(1 << 31), 1 << 32])
    | st.integers(-(1 << 63), (1 << 63) - 1)
)
_OPERATORS = ("+", "-", "*", "&", "|", "^")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


@st.composite
def expressions(draw: DrawFn, depth: int) -> str:
    kind = draw(st.integers(0, 10 if depth else 2))
    if kind == 10:
        return draw(truths(depth - 1))
    if kind == 0:
        return str(draw(_CONSTANTS))
    if kind <= 2:
        return draw(st.sampled_from(_NAMES))
    deeper = expressions(depth - 1)
    left = draw(deeper)
    if kind <= 5:
        return f"({left} {draw(st.sampled_from(_OPERATORS))} {draw(deeper)})"
    if kind == 6:
        operator = draw(st.sampled_from(("<<", ">>")))
        count = draw(st.integers(0, 63).map(str) | deeper.map("({} & 63)".format))
        return f"({left} {operator} {count})"
    if kind == 7:
        operator = draw(st.sampled_from(("//", "%")))
        right = draw(
            st.sampled_from(("7", "8", "1000", "16")) | deeper.map("(({} & 1023) + 1)".format)
        )
        return f"(({left} & {(1 << 63) - 1}) {operator} {right})"
    if kind == 8:
        return f"{draw(st.sampled_from(('-', '~')))}({left})"
    if draw(st.booleans()):
        return f"({left} if {draw(conditions(depth - 1))} else {draw(deeper)})"
    names = {"one": 1, "two": 2, "six": 6}
    name = draw(st.sampled_from(sorted(names)))
    arguments = [left] + [draw(deeper) for _ in range(names[name] - 1)]
    return f"{name}({', '.join(arguments)})"


@st.composite
def truths(draw: DrawFn, depth: int) -> str:
    """What is True or False in Python, whatever the numbers are."""
    if not depth or draw(st.booleans()):
        left, right = draw(expressions(depth)), draw(expressions(depth))
        return f"({left} {draw(st.sampled_from(_COMPARISONS))} {right})"
    if draw(st.booleans()):
        return f"(not {draw(expressions(depth))})"
    joint = draw(st.sampled_from(("and", "or")))
    return f"({draw(truths(depth - 1))} {joint} {draw(truths(depth - 1))})"


@st.composite
def conditions(draw: DrawFn, depth: int) -> str:
    kind = draw(st.integers(0, 5 if depth else 2))
    if kind <= 2:
        left, right = draw(expressions(min(depth, 1))), draw(expressions(min(depth, 1)))
        return f"({left} {draw(st.sampled_from(_COMPARISONS))} {right})"
    deeper = conditions(depth - 1)
    if kind == 3:
        return f"(not {draw(deeper)})"
    if kind == 4:
        return draw(expressions(1))
    parts = [draw(deeper) for _ in range(draw(st.integers(2, 3)))]
    return "(" + draw(st.sampled_from((" and ", " or "))).join(parts) + ")"


@st.composite
def blocks(draw: DrawFn, depth: int, loop: int) -> list[str]:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.integers(0, 8))
        if kind <= 3 or not depth:
            operator = draw(st.sampled_from(("", "", "+", "-", "*", "&", "|", "^")))
            value = draw(expressions(2))
            lines.append(f"{draw(st.sampled_from(_NAMES))} {operator}= {value}")
        elif kind <= 5:
            lines.append(f"if {draw(conditions(2))}:")
            lines += indented(draw(blocks(depth - 1, loop)))
            if draw(st.booleans()):
                lines.append(f"elif {draw(conditions(1))}:")
                lines += indented(draw(blocks(depth - 1, loop)))
            if draw(st.booleans()):
                lines.append("else:")
                lines += indented(draw(blocks(depth - 1, loop)))
        elif kind == 6:
            counter = f"i{loop}"
            endless = draw(st.booleans())
            test = "True" if endless else f"{counter} and {draw(conditions(1))}"
            lines += [f"{counter} = {draw(st.integers(0, 5))}", f"while {test}:"]
            body = [f"{counter} -= 1"]
            if endless:
                body += [f"if {counter} < 0:", "    break"]
            lines += indented(body + draw(blocks(depth - 1, loop + 1)))
        elif kind == 7 and loop:
            lines.append(draw(st.sampled_from(("break", "continue"))))
            break
        else:
            lines.append(f"return {draw(expressions(2))}")
            break
    return lines


def indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


@st.composite
def programs(draw: DrawFn) -> str:
    """`main(a, b, c)`, and what it calls."""
    zeros = [f"{name} = {draw(_CONSTANTS)}" for name in _NAMES[3:]]
    if draw(st.booleans()):
        zeros = [f"{name} = 0" for name in _NAMES[3:]]
    total = " + ".join(f"{name} * {n}" for n, name in enumerate(_NAMES, 3))
    body = indented([*zeros, *draw(blocks(2, 0)), f"return {total}"])
    lines = [
        "def main(a, b, c):",
        *body,
        "def one(a):",
        "    return a * 5 + 1",
        "def two(a, b):",
        "    if a > b:",
        "        return a - b",
        "    return one(b) - a",
        "def six(a, b, c, d, e, f):",
        "    return a - two(b, c) * 3 + (d ^ e) - f * 7",
    ]
    return "\n".join(lines) + "\n"
