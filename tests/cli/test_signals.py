"""Signals and times as they are typed at `kill` and `stop`: what a spec may say, and kill(1)'s habits."""

from __future__ import annotations

import pytest

from toyspec.cli.error import UsageError
from toyspec.cli.kill import SYNTAX
from toyspec.cli.signals import as_option, looks_like_signal, signal_number
from toyspec.cli.stop import STOP, grace
from toyspec.cli.words import parse
from toyspec.spec.signals import SIGNALS, signal


@pytest.mark.parametrize("name", [*SIGNALS, *(f"RTMIN+{above}" for above in range(31))])
def test_what_stops_a_box_can_be_sent(name: str) -> None:
    assert signal(name) and signal(f"SIG{name}")
    number = signal_number(name)
    assert number == signal_number(f"SIG{name}") == signal_number(name.lower())
    assert signal_number(str(number)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX", 64), ("SIGRTMAX-2", 62), ("64", 64)],
)
def test_real_time_signals(text: str, number: int) -> None:
    assert signal_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "65",
        "RTMIN+31",
        "RTMAX-31",
        "RTMIN-1",
        "RTMAX+1",
        "RTMIN+x",
        "RTMID",
        "NOSUCH",
        "-1",
        "\u0663",
    ],
)
def test_no_signal(text: str) -> None:
    with pytest.raises(UsageError, match="no signal"):
        signal_number(text)


@pytest.mark.parametrize("word", ["hup", "HUP", "SigTerm", "15", "0", "99", "rtmin+3"])
def test_a_word_that_may_be_meant_as_a_signal(word: str) -> None:
    assert looks_like_signal(word)
    assert not looks_like_signal(f"{word}box")


@pytest.mark.parametrize(
    ("typed", "given", "boxes"),
    [
        ("-9 box", "9", ("box",)),
        ("box -9", "9", ("box",)),
        ("-KILL box", "KILL", ("box",)),
        ("-SIGKILL box", "SIGKILL", ("box",)),
        ("-kill a b", "kill", ("a", "b")),
        ("-RTMIN+3 box", "RTMIN+3", ("box",)),
        ("-s 9 box", "9", ("box",)),
        ("-s9 box", "9", ("box",)),
        ("--signal KILL box", "KILL", ("box",)),
        ("--signal=KILL box", "KILL", ("box",)),
        ("-q -f box.yaml -1", "1", ()),
        ("-0 box", "0", ("box",)),
        ("box", None, ("box",)),
    ],
)
def test_kill_knows_the_habits(typed: str, given: str | None, boxes: tuple[str, ...]) -> None:
    words = parse(as_option(typed.split()), SYNTAX)
    assert (words.one("signal"), words.words) == (given, boxes)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2.0),
        ("2s", 2.0),
        ("0.5", 0.5),
        ("500ms", 0.5),
        ("1m30s", 90.0),
        ("1h", 3600.0),
        ("0", 0.0),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert grace(parse(["-t", text, "box"], STOP)) == seconds


@pytest.mark.parametrize("text", ["s", "2x", "2s3", "-1", "1..2s", "", "m", "2 s"])
def test_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="a number of seconds, or a duration"):
        grace(parse([f"--time={text}", "box"], STOP))


def test_a_number_of_hundreds_of_digits_is_no_duration() -> None:
    words = parse(["-t", "9" * 400 + "h", "box"], STOP)
    with pytest.raises(UsageError, match="a number of seconds, or a duration"):
        grace(words)
