"""Durations as Compose writes them, and what was meant by one that is written otherwise."""

from __future__ import annotations

_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_NAMES = {
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1_000.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60_000.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600_000.0),
    **dict.fromkeys(("d", "day", "days"), 86_400_000.0),
    **dict.fromkeys(("w", "week", "weeks"), 604_800_000.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 1.0),
    **dict.fromkeys(("us", "µs", "usec", "microsecond", "microseconds"), 0.001),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 0.000001),
}
_ENDLESS = ("never", "infinity", "infinite", "inf", ".inf", "unlimited", "forever")
_LONGEST = "999999h"


def milliseconds(text: str) -> int:
    """Of a duration: `1m30s`, `2.5s`, `500ms`, `1h`."""
    total, number = 0.0, ""
    rest = text
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        unit = "ms" if rest[len(number) :].startswith("ms") else rest[len(number)]
        total += float(number) * _UNITS[unit]
        rest = rest[len(number) + len(unit) :]
    return round(total)


def meant(text: str) -> str:
    """What to write instead of a text that is no duration; empty where nobody can tell."""
    word = text.strip().lower()
    if word in _ENDLESS:
        return f'the longest is "{_LONGEST}"'
    total = _total(word) if len(word) < 60 else None
    if total is None or (total and total < 1):
        return ""
    if total > milliseconds(_LONGEST):
        return f'the longest is "{_LONGEST}"'
    return f'write "{_written(round(total))}"'


def _total(word: str) -> float | None:
    """Milliseconds, by any unit's name: `5 seconds`, `1h 30min`, `1:30`, `PT10S`, a bare `10`."""
    import re

    if re.fullmatch(r"([0-9]{1,6}:)?[0-9]{1,2}:[0-9]{2}", word):
        *hours, minutes, seconds = map(int, word.split(":"))
        return (sum(hours) * 3600 + minutes * 60 + seconds) * 1000.0
    word = re.sub(r"^p?t(?=[0-9])", "", word)
    found = re.findall(r"([0-9]{1,18}(?:\.[0-9]*)?|\.[0-9]+)[ _]*([a-zµ]*)[ _]*", word)
    if not found or "".join(re.split(r"[ _]+", word)) != "".join(map("".join, found)):
        return None
    if any(unit not in _NAMES for _, unit in found):
        return None
    if len(found) > 1 and any(not unit for _, unit in found):
        return None
    return sum(float(number) * _NAMES[unit] for number, unit in found)


def _written(total: int) -> str:
    if 0 < total < 1000:
        return f"{total}ms"
    hours, rest = divmod(total, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    parts = [f"{hours}h"] if hours else []
    parts += [f"{minutes}m"] if minutes else []
    parts += [f"{rest / 1000:g}s"] if rest or not parts else []
    return "".join(parts)
