"""Bytes to text: what is refused before any parser sees it."""

from __future__ import annotations

from toyspec.spec.problem import SpecError
from toyspec.spec.source import Finding, Source

MAX_BYTES = 8 << 20
"""A spec larger than this (8 MiB) is refused by its size alone."""
TOO_LARGE = "larger than 8 MiB"

# What YAML's section 5.1 calls printable; libyaml stops at anything else with less to say.
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\r(?!\n)"


def decode(data: bytes, path: str) -> Source:
    """The file's text without its byte order mark; SpecError if it is no text."""
    if len(data) > MAX_BYTES:
        raise _refusal(
            Source(path, ""), 0, f"{TOO_LARGE}: {len(data)} bytes", "", "a spec is small"
        )
    for mark, name in ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if data.startswith(mark):
            raise _refusal(Source(path, ""), 0, f"this is {name}", "", "save it as UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        source = Source(path, data.decode("utf-8", "replace"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _refusal(source, len(before), message, "", "save it as UTF-8") from None
    source = Source(path, text)
    _check_printable(source)
    return source


def _check_printable(source: Source) -> None:
    import re

    found = re.search(_UNPRINTABLE, source.text)
    if found is None:
        return
    code = ord(found[0])
    if code == 0:
        message, remedy = "a NUL byte", "a spec is text"
    elif code == 13:
        message = "a carriage return without a newline"
        remedy = "lines end with LF or CRLF"
    else:
        message = f"the control character U+{code:04X}"
        remedy = f'in a quoted string, write "\\u{code:04x}"' if code < 0x10000 else "remove it"
    raise _refusal(source, found.start(), message, "not allowed in YAML", remedy)


def _refusal(source: Source, at: int, message: str, label: str, remedy: str) -> SpecError:
    return SpecError((source.problem(Finding(at, at + 1, message, label, remedy)),))
