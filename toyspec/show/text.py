"""Text that comes from a spec, made safe and fitted for a line of output."""

from __future__ import annotations

from toyspec.spec.shown import is_seen

_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e", "\0": "\\0"}
_SETS_APART = frozenset(" ,;\"'`\\")


def _escaped(char: str) -> str:
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape(text: str) -> str:
    """`text` on one line, without a character that could move, hide, reorder or recolour others.

    Controls, format characters (bidi marks: CVE-2021-42574), line separators, lone surrogates, and
    what nobody sees (`toyspec.spec.shown.UNSEEN`).
    """
    if is_seen(text):
        return text
    return "".join(char if is_seen(char) else _escaped(char) for char in text)


def quote(text: str) -> str:
    """`text` as strace writes a string: in double quotes, escaped."""
    return '"' + escape(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def path(text: str) -> str:
    """A path or a word among others: quoted where it could be taken for more than one, or for
    something that toyspec says.

    That is, where it holds a blank, a comma, a quote, a backslash, what has to be escaped, or
    anything beyond ASCII that is neither letter nor digit (`·`, `…` and what looks like them).
    """
    plain = text and not any(
        char in _SETS_APART or not (char.isascii() or char.isalnum()) for char in text
    )
    return text if plain and is_seen(text) else quote(text)


def width(text: str) -> int:
    """How many columns of a terminal `text` takes (already escaped)."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def fit(text: str, columns: int) -> str:
    """`text` cut to `columns`, with an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    kept = text[: max(columns - 1, 0)]
    while kept and width(kept) > columns - 1:
        kept = kept[:-1]
    return (kept.rstrip() + "…")[: max(columns, 0)]


def pad(text: str, columns: int) -> str:
    """`text` fitted to exactly `columns`."""
    fitted = fit(text, columns)
    return fitted + " " * (columns - width(fitted))


def wrapped(words: list[str], columns: int) -> list[str]:
    """Words on lines of so many columns."""
    lines: list[str] = []
    for word in words:
        if lines and width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines
