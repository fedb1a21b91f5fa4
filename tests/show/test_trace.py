from __future__ import annotations

import os

import pytest

from tests.show.plans import plan
from tests.show.runs import MS, begin, build, published, until_go
from toyspec.run.progress import MOST_STEPS, Progress, labels
from toyspec.show.lines import Lines
from toyspec.show.phases import go, phases
from toyspec.show.trace import duration, folded, is_over, look, plain_trace, stopped
from toyspec.start.page import FAILED


def text(line: list[tuple[str, str]]) -> str:
    return "".join(piece for piece, _ in line)


def made_in(times: dict[str, int]) -> Progress:
    """A finished run: milliseconds after its start at which each phase's steps were done."""
    progress = Progress()
    made = published(progress, now=1000 * MS)
    for step in until_go(made):
        progress.done(step.id, (1000 + times[step.phase]) * MS, 0)
    begin(progress, "init", go(made))
    return progress


TIMES = {
    "prepare": 1, "namespaces": 2, "identity": 2, "attach": 5, "confine": 7,
}  # fmt: skip


def test_the_first_entry_is_the_box_and_supervise_is_waited_for_by_nobody() -> None:
    told = phases(plan())
    assert told[0] == ("dev", (15, 16))
    assert dict(told[1:])["prepare"] == (1, 2, 4)
    assert [name for name, _ in told[1:]] == [*TIMES]


def test_go_is_the_step_before_inits_first_execve() -> None:
    made = plan()
    assert made.steps[go(made) - 1].item == "wait for go"


def test_init_is_over_when_it_waits() -> None:
    progress = Progress()
    made = published(progress)
    assert not is_over(progress, go(made))
    build(progress, made)
    assert is_over(progress, go(made))


def test_folded_into_one_line_with_the_dearest_phases() -> None:
    progress = made_in(TIMES)
    trace = look(progress, progress.phases())
    assert text(folded(trace, 100)) == (
        "dev: 16 steps in 7.0 ms · prepare 1.0 · namespaces 1.0 · attach 3.0 · confine 2.0"
    )
    assert text(folded(trace, 50)) == "dev: 16 steps in 7.0 ms · attach 3.0"
    assert text(folded(trace, 10)) == "dev: 16 steps in 7.0 ms"


def test_plain_lines() -> None:
    whole = "dev: 16 steps in 7.0 ms · prepare 1.0 · namespaces 1.0 · attach 3.0 · confine 2.0"
    assert plain_trace(made_in(TIMES)) == [whole]
    assert plain_trace(made_in(TIMES), verbose=True) == [
        "dev: prepare: 3 steps, 1.0 ms",
        "dev: namespaces: 1 step, 1.0 ms",
        "dev: identity: 1 step, 0.0 ms",
        "dev: attach: 3 steps, 3.0 ms",
        "dev: confine: 5 steps, 2.0 ms",
        whole,
    ]


def test_plain_lines_of_a_run_that_failed_or_never_began() -> None:
    assert plain_trace(Progress()) == []
    progress = Progress()
    published(progress, now=1000 * MS)
    for step in (1, 2, 4, 5, 6, 7):
        progress.done(step, 1002 * MS, 0)
    assert plain_trace(progress) == []
    assert plain_trace(progress, verbose=True)[-1] == "dev: identity: 1 step, 0.0 ms"
    progress.fail(8, 22)
    assert plain_trace(progress)[-1] == "dev: stopped at step 8 of 16, in attach after 2.0 ms"
    assert text(stopped(look(progress, progress.phases()))) == plain_trace(progress)[-1]


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [(0, "0.0 ms"), (6_340_000, "6.3 ms"), (240 * MS, "240 ms"), (2_400 * MS, "2.4 s")],
)
def test_durations(nanoseconds: int, shown: str) -> None:
    assert duration(nanoseconds) == shown


def test_lines_hold_nothing_up_and_are_written_once(capfd: pytest.CaptureFixture[str]) -> None:
    lines = Lines(made_in(TIMES))
    assert os.read(lines.fileno(), 1) == b""
    lines.close()
    lines.close()
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("dev: 16 steps in 7.0 ms · ")


def test_lines_tell_the_phases_where_asked(capfd: pytest.CaptureFixture[str]) -> None:
    Lines(made_in(TIMES), verbose=True).close()
    assert len(capfd.readouterr().err.splitlines()) == len(TIMES) + 1


def test_lines_of_nothing_are_none(capfd: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.state = FAILED
    Lines(progress).close()
    assert capfd.readouterr().err == ""


def test_phases_come_back_as_they_were_published() -> None:
    """Tens of thousands of steps, and some with gaps between them."""
    told = [("box", (7, 300_000)), ("attach", tuple(range(1, 250_000))), ("init", (3, 5, 6, 9))]
    progress = Progress()
    progress.publish(labels(told), 1)
    assert progress.phases() == told


def test_the_last_step_that_has_room_touches_nothing_else() -> None:
    progress = Progress()
    progress.fail(1, 2, b"a note")
    progress.publish(labels([("box", (1,))]), 1)
    progress.done(MOST_STEPS, 5, -1)
    assert (progress.when(MOST_STEPS), progress.result(MOST_STEPS)) == (5, -1)
    assert progress.failure() == (1, 2, b"a note")
    assert progress.phases() == [("box", (1,))]
    progress.done(MOST_STEPS + 1, 5, -1)
    assert progress.failure() != (1, 2, b"a note")
