"""The short form of a bind: SOURCE[:TARGET][:OPTION,…].

Split before variables are filled in: a variable fills a part and never adds one, least of all an
option.
"""

from __future__ import annotations

from toyspec.spec.shown import escape, quote
from toyspec.spec.words import nearest
from toyspec.spec.wrong import Wrong
from toyspec.values import dataclass

OPTIONS = ("ro", "rw", "dev", "noexec", "suid", "norec", "optional")
LONGEST = 16384
"""Characters of a short bind: more than any two paths have."""

_FOREIGN = {
    "z": "SELinux labels are left as they are", "Z": "SELinux labels are left as they are",
    "nosuid": "the default", "nodev": "the default", "exec": "the default",
    "rbind": "the default", "bind": "`norec` leaves out what is mounted below", "private": "binds always are", "rprivate": "binds always are",
    "shared": "propagation stays inside the box", "rshared": "propagation stays inside the box",
    "slave": "propagation stays inside the box", "rslave": "propagation stays inside the box",
    "cached": "it has no meaning on Linux", "delegated": "it has no meaning on Linux",
    "consistent": "it has no meaning on Linux", "U": "ids are mapped by `user`",
    "nocopy": "nothing is ever copied",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text, and where it begins."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset after it."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Short:
    """A short bind in its parts, variables not yet filled in."""

    source: Part
    target: Part | None
    options: frozenset[str]


_NONE: frozenset[str] = frozenset()


def split(text: str) -> Short:
    """The parts of a short bind. Raises Wrong, with offsets."""
    if len(text) > LONGEST:
        raise Wrong(f"a bind longer than {LONGEST} characters")
    parts = _parts(text)
    if not parts[0].text:
        raise Wrong("no source before the colon", "SOURCE[:TARGET][:OPTION,…]", "", 0, 1)
    if len(parts) == 1:
        return Short(parts[0], None, _NONE)
    if len(parts) > 3 or (len(parts) == 3 and parts[2].text.startswith("/")):
        raise _colons(text, parts)
    second = parts[1]
    if len(parts) == 2 and not second.text.startswith(("/", "${")):
        return Short(parts[0], None, _options(second, may_be_target=True))
    if not second.text.startswith(("/", "${")):
        raise Wrong(
            f"the target {quote(second.text)} is not absolute", "a target begins with `/`", "",
            second.start, max(second.end, second.start + 1),
        )  # fmt: skip
    return Short(parts[0], second, _options(parts[2]) if len(parts) == 3 else _NONE)


def _parts(text: str) -> list[Part]:
    """Split at colons outside `${…}`."""
    if "$" not in text:
        parts, at = [], 0
        for piece in text.split(":"):
            parts.append(Part(piece, at))
            at += len(piece) + 1
        return parts
    import re

    cuts = [m.start() for m in re.finditer(r"\$\$|\$\{[^}]*\}|:", text) if m[0] == ":"]
    begins = [0, *(cut + 1 for cut in cuts)]
    return [
        Part(text[a:b], a) for a, b in zip(begins, [*cuts, len(text)], strict=True)
    ]  # fmt: skip


def _options(part: Part, *, may_be_target: bool = False) -> frozenset[str]:
    found: set[str] = set()
    at = part.start
    for word in part.text.split(","):
        span = (at, max(at + len(word), at + 1))
        at += len(word) + 1
        if word not in OPTIONS:
            raise _unknown(word, part, span, may_be_target)
        if word in found:
            raise Wrong(f"the option {quote(word)} twice", "", "", *span)
        found.add(word)
        if {"ro", "rw"} <= found:
            raise Wrong("both `ro` and `rw`", "one of them", "", *span)
    return frozenset(found)


def _unknown(word: str, part: Part, span: tuple[int, int], may_be_target: bool) -> Wrong:
    known = "known: " + ", ".join(OPTIONS)
    if not word:
        return Wrong("an empty option", known, "", *span)
    if "$" in word:
        return Wrong("an option cannot be a variable", known, "", *span)
    if word in _FOREIGN:
        return Wrong(f"the option {quote(word)}", _FOREIGN[word], known, *span)
    if word.startswith((".", "~")) or "/" in word:
        return Wrong(
            f"the target {quote(part.text)} is not absolute", "a target begins with `/`", "",
            part.start, part.end,
        )  # fmt: skip
    guess = nearest(word, list(OPTIONS))
    label = f"did you mean `{guess}`?" if guess else known
    remedy = known if guess else "a target begins with `/`" if may_be_target else ""
    return Wrong(f"unknown option {quote(word)}", label, remedy, *span)


def _colons(text: str, parts: list[Part]) -> Wrong:
    tail = parts[-1].text
    options = tail if len(parts) > 3 and set(tail.split(",")) <= set(OPTIONS) else ""
    middle = [part.text for part in (parts[:-1] if options else parts)]
    at = next((i for i in range(len(middle) - 1, 0, -1) if middle[i].startswith("/")), 1)
    source, target = ":".join(middle[:at]), ":".join(middle[at:])
    extra = ", read_only: false" if "rw" in options.split(",") else ""
    return Wrong(
        f"too many colons in {quote(text)}", "SOURCE[:TARGET][:OPTION,…]",
        "a path with a colon needs the long form: "
        f'{{source: "{escape(source)}", target: "{escape(target)}"{extra}}}',
    )  # fmt: skip
