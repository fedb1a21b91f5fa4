"""How a box is asked to end: names of signals, durations as Compose writes them."""

from __future__ import annotations

import pytest

from tests.spec.loading import HEAD, problems, spec
from toyspec.spec.life import SIGNALS, milliseconds


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


@pytest.mark.parametrize("above", [0, 3, 30])
def test_real_time_signals(above: int) -> None:
    """systemd takes SIGRTMIN+3 for a wish to halt."""
    assert spec(HEAD + f"stop_signal: SIGRTMIN+{above}").stop_signal == f"SIGRTMIN+{above}"
    assert spec(HEAD + f"stop_signal: RTMIN+{above}").stop_signal == f"SIGRTMIN+{above}"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("sigint", "did you mean `SIGINT`?"), ("TRM", "did you mean `SIGTERM`?"),
        ("STOP", ""), ("SIGCHLD", ""), ("SIGRTMIN+31", ""), ("SIGRTMIN+03", ""), ("SIGRTMIN+", ""),
        ("SIGRTMIN", ""), ('""', ""), ('"15"', ""),
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
