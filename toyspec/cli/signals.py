"""Signals as they are typed: all that a spec's stop_signal may be, and kill(1)'s habits."""

from __future__ import annotations

from toyspec.cli.error import UsageError
from toyspec.kernel.flags import flags

_FIRST, _LAST = 34, 64  # SIGRTMIN and SIGRTMAX, as glibc counts
_TAKES_A_VALUE = ("-s", "--signal", "-f", "--file", "--color")


def signal_number(text: str) -> int:
    """HUP, SIGHUP, sighup or 1, RTMIN+3 or 37; raises UsageError."""
    found = _number(text)
    if not text:
        raise UsageError("no signal: the value of -s is empty", "as in: -s HUP; without -s: KILL")
    if found is None:
        from toyspec.cli.near import near

        name = text.upper().removeprefix("SIG")
        guess = near(name, [each.removeprefix("SIG") for each in _named()])
        remedy = f"did you mean {guess}?" if guess else "as in: -s HUP, -s SIGRTMIN+3, -s 10"
        raise UsageError(f"no signal `{text}`", remedy)
    return found


def looks_like_signal(word: str) -> bool:
    """Whether a word in a box's place may be meant as the signal; 0 and 65, too, which are none."""
    return (word.isascii() and word.isdecimal()) or _number(word) is not None


def as_option(args: list[str]) -> list[str]:
    """The same words with `-s 9` in place of `-9`, `-s KILL` in place of `-KILL` or `-SIGKILL`."""
    found: list[str] = []
    for at, word in enumerate(args):
        if word == "--":
            return [*found, *args[at:]]
        given = word[1:]
        is_value = bool(found) and found[-1] in _TAKES_A_VALUE
        if word.startswith("-") and not is_value and (given.isdecimal() or _number(given)):
            found += ["-s", given]
        else:
            found.append(word)
    return found


def _number(text: str) -> int | None:
    if text.isascii() and text.isdecimal():
        return int(text) if len(text) < 4 and 0 < int(text) <= _LAST else None
    name = text.upper().removeprefix("SIG")
    return _realtime(name) if name.startswith("RTM") else _named().get(f"SIG{name}")


def _named() -> dict[str, int]:
    return dict(flags("signal", "x86_64"))  # the same on aarch64


def _realtime(name: str) -> int | None:
    base, sign, far = name[:5], name[5:6], name[6:]
    if sign and not (far.isascii() and far.isdecimal() and len(far) < 3):
        return None
    if base == "RTMIN" and sign in ("", "+"):
        found = _FIRST + int(far or 0)
    elif base == "RTMAX" and sign in ("", "-"):
        found = _LAST - int(far or 0)
    else:
        return None
    return found if _FIRST <= found <= _LAST else None
