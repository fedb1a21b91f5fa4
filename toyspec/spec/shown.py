"""How a piece of somebody's text is shown inside a message: short, and harmless to a terminal."""

from __future__ import annotations

LONGEST = 60

UNSEEN = frozenset(
    chr(code)
    for first, last in (
        (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800),
        (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
"""What str.isprintable passes and nobody sees: the letters and marks among Unicode's
Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and the blank Braille pattern."""


def is_seen(text: str) -> bool:
    """Whether every character of `text` can be seen, and none moves or reorders others."""
    return text.isprintable() and (text.isascii() or UNSEEN.isdisjoint(text))


def escape(text: str) -> str:
    """Text without control, format, surrogate and unseen characters: each becomes its escape."""
    if is_seen(text):
        return text
    return "".join(c if is_seen(c) else _escaped(ord(c)) for c in text)


def _escaped(code: int) -> str:
    short = {9: "\\t", 10: "\\n", 13: "\\r", 27: "\\e", 0: "\\0"}.get(code)
    if short:
        return short
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str) -> str:
    """Text in backquotes, cut where it is long."""
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return f"`{escape(cut)}`"
