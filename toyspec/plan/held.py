"""Directories that stay open while one name after another is looked up in them.

Ten thousand names in one directory need one walk there, not ten thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from toyspec.plan import calls
from toyspec.plan.calls import Call
from toyspec.plan.writer import Writer

MOST = 64
"""Descriptors of one kind that are open at once; a process may have 1024 as a rule."""


class Held:
    """One kind of them. `wanted`: the directory of every name that will be looked up, in turn."""

    def __init__(self, kind: str, wanted: Iterable[str]) -> None:
        self.kind = kind
        self.left = Counter(wanted)
        self.open = set[str]()

    def slot(self, w: Writer, path: str, opening: Call, why: str) -> str | None:
        """The descriptor of `path`, opened for its first name; None where that would save nothing,
        or where too many are open.
        """
        slot = f"{self.kind}:{path}"
        if path not in self.open:
            if self.left[path] < 2 or len(self.open) >= MOST:
                self.left[path] -= 1
                return None
            w.do(opening, why, yields=slot)
            self.open.add(path)
        self.left[path] -= 1
        return slot

    def close(self, w: Writer, path: str) -> None:
        """Close it after its last name."""
        if path in self.open and not self.left[path]:
            self.open.remove(path)
            w.do(calls.close(f"{self.kind}:{path}"), "done with all that lies in it")
