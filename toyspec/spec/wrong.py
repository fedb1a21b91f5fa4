"""What a check raises before anybody knows where in the file it looked."""

from __future__ import annotations


class Wrong(Exception):
    """A value that cannot be meant so. `start` and `end` are offsets in its text, if known."""

    def __init__(
        self, message: str, label: str = "", help: str = "", start: int = 0, end: int | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.label, self.help = message, label, help
        self.start, self.end = start, end

    def unplaced(self) -> Wrong:
        """The same, about the whole value."""
        return Wrong(self.message, self.label, self.help)
