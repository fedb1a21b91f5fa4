"""The signals that can ask a box to end, and what was meant by a word that is none of them."""

from __future__ import annotations

from toyspec.spec.words import nearest

_NUMBERED = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
    "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
)  # fmt: skip
"""signal(7), from 1 on, as x86_64 and aarch64 number them."""
_UNFIT = {
    "STOP": "it holds processes still, and what is held still cannot end: SIGTERM is the default",
    "CHLD": "it says that a child has ended, and no box is told by it: SIGTERM is the default",
    "STKFLT": "Linux never sends it: SIGTERM is the default",
}
SIGNALS = tuple(name for name in _NUMBERED if name not in _UNFIT)
_OTHERWISE = {
    "IOT": "ABRT", "POLL": "IO", "CLD": "CHLD", "TERMINATE": "TERM", "INTERRUPT": "INT", "^C": "INT",
    "CTRL-C": "INT", "^\\": "QUIT", "HANGUP": "HUP", "ABORT": "ABRT",
    "USR": "USR1",
}  # fmt: skip
_ELSEWHERE = ("INFO", "EMT", "LOST", "UNUSED")  # other systems'; near to no name of Linux's
_REALTIME = "RTMIN+"
_HIGHEST = 30
_FIRST = 34  # SIGRTMIN as glibc counts; SIGRTMAX is 64
_LONG = 60  # letters of a word in which a name is looked for
_PLAIN = "a name of signal(7), like SIGTERM, or SIGRTMIN+3"


def signal(text: str) -> str | None:
    """The kernel's name, or SIGRTMIN+N, of a word that is accepted; None for any other."""
    plain = text.removeprefix("SIG")
    if plain in SIGNALS or (
        plain.startswith(_REALTIME) and plain in (_realtime(n) for n in range(_HIGHEST + 1))
    ):
        return f"SIG{plain}"
    return None


def meant(text: str) -> str:
    """What to say of a word that is not accepted; a name in it is one that is."""
    word = text.strip().upper().removeprefix("-")
    if len(word) > _LONG:
        return _PLAIN
    while word.startswith("SIG"):
        word = word.removeprefix("SIG").removeprefix("_")
    number = _number(word)
    if number is not None:
        word = _by_number(number)
    elif word.startswith("RTM"):
        word = _counted(word)
    word = _OTHERWISE.get(word, word)
    if word in _UNFIT:
        return _UNFIT[word]
    if word in SIGNALS or word.startswith(_REALTIME):
        return f"did you mean `SIG{word}`?"
    if len(word) < 3 or word in _ELSEWHERE:
        return _PLAIN
    near = nearest(word, [name.lower() for name in SIGNALS])
    return f"did you mean `SIG{near.upper()}`?" if near else _PLAIN


def _realtime(above: int) -> str:
    return f"{_REALTIME}{above}"


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 4 else None


def _by_number(number: int) -> str:
    if 0 < number <= len(_NUMBERED):
        return _NUMBERED[number - 1]
    return _realtime(number - _FIRST) if _FIRST <= number <= _FIRST + _HIGHEST else ""


def _counted(word: str) -> str:
    """`RTMIN`, `RTMIN+03`, `RTMAX-2`, as RTMIN+N; what is above the last is the last."""
    base, rest = word[:5], word[5:]
    number = _number(rest[1:]) if rest else 0
    if number is None or rest[:1] not in ("", "+" if base == "RTMIN" else "-"):
        return ""
    if base == "RTMIN":
        return _realtime(min(number, _HIGHEST))
    return _realtime(max(_HIGHEST - number, 0)) if base == "RTMAX" else ""
