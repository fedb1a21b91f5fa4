"""The text of a spec file, and where in it an index lies.

Lines end with a newline only, so that numbers agree with what editors show.
"""

from __future__ import annotations

from array import array

from toyspec.spec.problem import Problem, SpecError
from toyspec.values import dataclass, field, replace

BLOCK = 4096
"""Characters between two checkpoints: one lookup counts newlines in one block at most."""
WIDTH = 240
"""Characters of a line that an excerpt keeps."""
SHOWN = 100
"""Problems that are reported; the rest are counted."""
_USES = 5  # lines of aliases that a problem names


class Source:
    """A file's name and text. Lookups take constant time, also in a single line of 8 MiB."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._counts = array("q", [0])
        self._starts = array("q", [0])
        for at in range(0, len(text) - BLOCK, BLOCK):
            last = text.rfind("\n", at, at + BLOCK)
            self._counts.append(self._counts[-1] + text.count("\n", at, at + BLOCK))
            self._starts.append(last + 1 if last >= 0 else self._starts[-1])

    def place(self, index: int) -> tuple[int, int]:
        """Line and column of a character, from 1."""
        block = min(index // BLOCK, len(self._counts) - 1)
        begin = block * BLOCK
        line = self._counts[block] + self.text.count("\n", begin, index)
        last = self.text.rfind("\n", begin, index)
        return line + 1, index - (last + 1 if last >= 0 else self._starts[block]) + 1

    def problem(self, found: Finding) -> Problem:
        """The finding with its place and excerpt."""
        line, column = self.place(found.start)
        begin = found.start - (column - 1)
        skipped = 0
        if column > WIDTH * 2 // 3:
            skipped = column - 1 - WIDTH // 3
        window = self.text[begin + skipped : begin + skipped + WIDTH]
        excerpt = window.split("\n", 1)[0].rstrip("\r")
        room = max(len(excerpt) - (column - 1 - skipped), 1)
        width = min(max(found.end - found.start, 1), room)
        return Problem(
            path=self.path,
            line=line,
            column=column,
            end_column=column + width,
            message=found.message,
            label=found.label,
            help=found.help,
            key=found.key,
            excerpt=excerpt,
            excerpt_column=skipped + 1,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before its line and column are worked out: `start` and `end` index the text."""

    start: int
    end: int
    message: str
    label: str = ""
    help: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """`*name` at `start` of the text, and the node from `first` to `last` that it stands for."""

    name: str
    start: int
    first: int
    last: int


@dataclass(slots=True)
class Report:
    """Collects findings; the only mutable thing that the loader's parts share."""

    source: Source
    found: dict[tuple[int, str], Finding] = field(default_factory=dict)
    outside: list[Problem] = field(default_factory=list)
    dropped: int = 0
    aliases: list[Alias] = field(default_factory=list)

    def add(
        self, start: int, end: int, message: str, label: str = "", help: str = "", key: str = ""
    ) -> None:
        """Note a finding; the same one twice (through an alias) counts once."""
        if (start, message) in self.found:
            return
        if self.is_full:
            self.dropped += 1
            return
        self.found[start, message] = Finding(start, end, message, label, help, key)

    @property
    def is_full(self) -> bool:
        """Whether more findings than anybody reads are kept already: others are only counted."""
        return len(self.found) >= SHOWN * 10

    def add_outside(self, place: str, message: str, help: str = "") -> None:
        """Note a problem with something that is not in the file (`place` names it)."""
        self.outside.append(Problem(place, 0, 0, 0, message, help=help))

    def add_from(self, source: Source, found: list[Finding]) -> None:
        """Note findings in another file, which the spec names."""
        self.outside += [source.problem(each) for each in found]

    def _both_ends(self, found: Finding) -> Finding:
        """What an alias brought in is told with both places: where it stands, and what it is."""
        there = next((a for a in self.aliases if a.start == found.start), None)
        if there is not None:
            line, _ = self.source.place(there.first)
            more = f"*{there.name} is what stands on line {line}"
        else:
            uses = [a for a in self.aliases if a.first <= found.start < a.last]
            if not uses:
                return found
            lines = sorted({self.source.place(each.start)[0] for each in uses})
            listed = ", ".join(map(str, lines[:_USES])) + (", …" if lines[_USES:] else "")
            more = f"used through *{uses[0].name} on line {listed}"
        return replace(found, help=f"{found.help}; {more}" if found.help else more)

    def __bool__(self) -> bool:
        return bool(self.found or self.outside)

    def error(self) -> SpecError:
        """The error with everything noted so far, in order of position."""
        ordered = sorted(self.found.values(), key=lambda f: (f.start, f.end))
        problems = [self.source.problem(self._both_ends(f)) for f in ordered[:SHOWN]]
        more = len(ordered) - len(problems) + self.dropped
        if more > 0:
            last = problems[-1]
            problems.append(
                Problem(last.path, last.line, last.column, last.end_column, f"and {more} more")
            )
        return SpecError((*self.outside, *problems))
