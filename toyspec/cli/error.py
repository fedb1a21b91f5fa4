"""The one error that a person causes and can mend. `cli.main` prints it; nobody else catches it."""

from __future__ import annotations


class FatalError(Exception):
    """What is wrong, and what to do about it; `status` where it is not the verb's own."""

    def __init__(
        self, message: str, remedy: str | None = None, *, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.status = status


class UsageError(FatalError):
    """Words on the command line that make no sense."""


class Reported(FatalError):
    """Something that has been said already: only the status is left."""

    def __init__(self, status: int | None) -> None:
        super().__init__("", status=status)
