"""A shell that takes the foreground while we make its terminal raw: its modes stay what they were.

It was told that we stopped, and somebody else told us to go on before it acted on that.
"""

from __future__ import annotations

import os
import termios
from collections.abc import Iterator

import pytest

from tests.emit.resident.interpreted import numbers
from toyspec.emit.resident import record, terminal, words
from toyspec.run import caller

ECHOING = termios.ECHO | termios.ICANON


@pytest.fixture
def screen() -> Iterator[int]:
    """A terminal, as its programs have it."""
    master, slave = os.openpty()
    yield slave
    os.close(master)
    os.close(slave)


def echoes(screen: int) -> bool:
    local: int = termios.tcgetattr(screen)[3]
    return local & ECHOING == ECHOING


class Foreground:
    """Whether we have it, each time that somebody asks; then never again."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)

    def __call__(self, *_: object) -> bool:
        return self.answers.pop(0) if self.answers else False


class Executor:
    """As the executor does it."""

    def __init__(self, screen: int, patch: pytest.MonkeyPatch) -> None:
        self.caller, self.patch = caller.Caller(), patch
        self.caller.fd = screen

    def enters(self, *answers: bool) -> bool:
        self.patch.setattr(self.caller, "in_front", Foreground(*answers))
        return self.caller.enter()

    def looks_again(self, *answers: bool) -> None:
        self.patch.setattr(self.caller, "in_front", Foreground(*answers))
        self.caller.look_again()

    def leaves(self, *answers: bool) -> None:
        self.patch.setattr(self.caller, "in_front", Foreground(*answers))
        self.caller.leave()

    def raw(self) -> bool:
        return self.caller.raw


class Resident:
    """As a compiled box does it."""

    def __init__(self, screen: int, patch: pytest.MonkeyPatch) -> None:
        self.pty, self.patch = numbers(*[0] * (record.PTY_SIZE // 8)), patch
        words.store64(self.pty + record.OUTER, screen)

    def enters(self, *answers: bool) -> bool:
        self.patch.setattr(terminal, "in_front", Foreground(*answers))
        return bool(terminal.take_keys(self.pty))

    def looks_again(self, *answers: bool) -> None:
        self.patch.setattr(terminal, "in_front", Foreground(*answers))
        terminal.look_again(self.pty)

    def leaves(self, *answers: bool) -> None:
        self.patch.setattr(terminal, "in_front", Foreground(*answers))
        terminal.give_back(self.pty)

    def raw(self) -> bool:
        return bool(words.load64(self.pty + record.RAW))


@pytest.mark.parametrize("way", [Executor, Resident])
def test_the_modes_are_the_shells(
    screen: int, way: type[Executor] | type[Resident], monkeypatch: pytest.MonkeyPatch
) -> None:
    box = way(screen, monkeypatch)
    assert not box.enters(True, False)
    assert (box.raw(), echoes(screen)) == (False, True)
    assert box.enters(True, True)
    assert (box.raw(), echoes(screen)) == (True, False)
    box.looks_again(True)
    assert (box.raw(), echoes(screen)) == (True, False)
    box.looks_again(False)
    assert (box.raw(), echoes(screen)) == (False, True)


@pytest.mark.parametrize("way", [Executor, Resident])
@pytest.mark.parametrize("then", ["enters", "leaves"])
def test_so_they_are_when_it_is_noticed_later(
    screen: int, way: type[Executor] | type[Resident], then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = way(screen, monkeypatch)
    assert box.enters(True, True)
    if then == "enters":
        assert not box.enters(False, False)
    else:
        box.leaves(False)
    assert (box.raw(), echoes(screen)) == (False, True)


@pytest.mark.parametrize("way", [Executor, Resident])
def test_modes_that_a_shell_has_set_since_stay(
    screen: int, way: type[Executor] | type[Resident], monkeypatch: pytest.MonkeyPatch
) -> None:
    box = way(screen, monkeypatch)
    own = termios.tcgetattr(screen)
    own[3] &= ~termios.ICANON  # as a line editor has it

    class Sets(Foreground):
        def __call__(self, *_: object) -> bool:
            found = super().__call__()
            if not found:
                termios.tcsetattr(screen, termios.TCSANOW, own)
            return found

    monkeypatch.setattr(f"{__name__}.Foreground", Sets)
    assert not box.enters(True, False)
    assert termios.tcgetattr(screen)[3] == own[3]
