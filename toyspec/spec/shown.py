"""How a piece of somebody's text is shown inside a message: short, and harmless to a terminal."""

from __future__ import annotations

LONGEST = 60


def escape(text: str) -> str:
    """Text without control, format and surrogate characters: each becomes its escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def _escaped(code: int) -> str:
    short = {9: "\\t", 10: "\\n", 13: "\\r", 0: "\\0"}.get(code)
    if short:
        return short
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str) -> str:
    """Text in backquotes, cut where it is long."""
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return f"`{escape(cut)}`"
