"""How a box is asked to end: names of signals, durations as Compose writes them."""

from __future__ import annotations

import signal

import pytest

from tests.spec.loading import HEAD, problems, spec
from toyspec.spec.durations import milliseconds
from toyspec.spec.signals import SIGNALS, meant


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10s", 10_000), ("1m30s", 90_000), ("2h32m", 9_120_000), ("500ms", 500), ("2.5s", 2_500),
        ("1h1m1s1ms", 3_661_001), ("0s", 0), ("0.001s", 1), ("90m", 5_400_000), ("1s500ms", 1_500),
    ],
)  # fmt: skip
def test_durations(text: str, wanted: int) -> None:
    assert milliseconds(text) == wanted
    assert spec(HEAD + f'stop_grace_period: "{text}"').stop_grace_period == wanted


@pytest.mark.parametrize(
    "text",
    [
        '""',
        "10",
        "10 s",
        "s",
        "1s1m",
        "-1s",
        "1.s",
        ".5s",
        "1e3s",
        "1d",
        "10S",
        "1ms1s",
        "1.5h",
        "ten",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    (problem,) = problems(HEAD + f"stop_grace_period: {text}")
    assert "stop_grace_period" in problem.message


@pytest.mark.parametrize("name", SIGNALS)
def test_names_of_signals(name: str) -> None:
    assert spec(HEAD + f"stop_signal: {name}").stop_signal == f"SIG{name}"
    assert spec(HEAD + f"stop_signal: SIG{name}").stop_signal == f"SIG{name}"


def test_in_a_long_word_no_name_is_looked_for() -> None:
    assert meant("SIG" * 30 + "TERM") == meant("no signal at all")
    assert "SIGTERM" in meant("SIGSIGTERM")


@pytest.mark.parametrize("above", [0, 3, 30])
def test_real_time_signals(above: int) -> None:
    """systemd takes SIGRTMIN+3 for a wish to halt."""
    assert spec(HEAD + f"stop_signal: SIGRTMIN+{above}").stop_signal == f"SIGRTMIN+{above}"
    assert spec(HEAD + f"stop_signal: RTMIN+{above}").stop_signal == f"SIGRTMIN+{above}"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("sigint", "did you mean `SIGINT`?"), ("TRM", "did you mean `SIGTERM`?"),
        ("STOP", "it holds processes still, and what is held still cannot end: SIGTERM is the default"),
        ("SIGCHLD", "no box is told by it"), ("SIGRTMIN+31", "did you mean `SIGRTMIN+30`?"),
        ("SIGRTMIN+03", "did you mean `SIGRTMIN+3`?"), ("SIGRTMIN+", "like SIGTERM, or SIGRTMIN+3"),
        ("SIGRTMIN", "did you mean `SIGRTMIN+0`?"), ('""', "like SIGTERM, or SIGRTMIN+3"),
        ('"15"', "did you mean `SIGTERM`?"), ('"37"', "did you mean `SIGRTMIN+3`?"),
    ],
)  # fmt: skip
def test_what_is_no_signal(text: str, label: str) -> None:
    (problem,) = problems(HEAD + f"stop_signal: {text}")
    assert "is no signal that a box can be stopped by" in problem.message
    assert label in problem.label


def test_defaults() -> None:
    made = spec(HEAD)
    assert (made.stop_signal, made.stop_grace_period) == ("SIGTERM", 10_000)
    assert made.origin("stop_signal").default == "stop_signal: SIGTERM"
    assert made.origin("stop_grace_period").default == "stop_grace_period: 10s"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("10", 'write "10s"'), ("'10'", 'write "10s"'), ("0", 'write "0s"'), ("0.5", 'write "500ms"'),
        ("90", 'write "1m30s"'), ("1d", 'write "24h"'), ("1h 30 min", 'write "1h30m"'),
        ("never", 'the longest is "999999h"'), ("-1s", 'a duration like "10s", "1m30s", "2.5s" or "500ms"'),
    ],
)  # fmt: skip
def test_durations_of_others_are_told_as_ours(text: str, label: str) -> None:
    (problem,) = problems(HEAD + f"stop_grace_period: {text}")
    assert problem.label == label


@pytest.mark.parametrize(
    ("number", "name"), [(15, "SIGTERM"), (2, "SIGINT"), (31, "SIGSYS"), (37, "SIGRTMIN+3")]
)
def test_a_number_of_a_signal_is_told_by_its_name(number: int, name: str) -> None:
    (problem,) = problems(HEAD + f"stop_signal: {number}")
    assert problem.label == f"did you mean `{name}`?"


def test_the_numbers_are_linux_s() -> None:
    for name in SIGNALS:
        assert str(getattr(signal, f"SIG{name}").value) in {
            str(number)
            for number in range(1, 32)
            if meant(str(number)) == f"did you mean `SIG{name}`?"
        }
