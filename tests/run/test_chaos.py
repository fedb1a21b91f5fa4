"""Boxes started, signalled, killed and stopped at random by several processes: nothing is left, no status is wrong.

Deep (`TOYSPEC_DEEP=1 pytest -m deep tests/run/test_chaos.py`): 200 boxes for a minute, and what 100 of them
take at once.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.product import Product, Word, mounts_below, processes_of
from tests.run import detached
from tests.run.boxes import eventually, pss
from tests.run.detached import Place

DEEP = pytest.mark.skipif(
    os.environ.get("TOYSPEC_DEEP") != "1", reason="deep: TOYSPEC_DEEP=1 runs it"
)


def boxes_of(place: Place) -> dict[int, str]:
    """Monitors and setups that hold `place`'s state: pytest's own user may have others, of tests beside
    this one.
    """
    found = {}
    for pid, words in processes_of(place.product.uid).items():
        try:
            held = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue  # it has ended, or is a reaper, which ends with its setup
        if any(each.startswith(f"{place.runtime}/") for each in held):
            found[pid] = words
    return found


def disturb(place: Place, names: int, seconds: float, workers: int) -> None:
    """That it went well, and that nothing is left; AssertionError otherwise."""
    product = place.product
    for count in range(names):
        place.words(name=f"b{count}")
    killed = product.directory()
    mounts = Path("/proc/self/mountinfo").read_text()
    module: list[Word] = [
        product.python,
        "-m",
        "tests.run.chaos",
        place.spec,
        str(names),
        str(seconds),
    ]
    started = [
        product.popen([*module, str(seed), killed], env=place.env, program=True)
        for seed in range(workers)
    ]
    ends = [each.communicate(timeout=seconds + 120) for each in started]
    assert [each.returncode for each in started] == [0] * workers, ends
    wrong = [line for out, _ in ends for line in out.splitlines()]
    assert not wrong, "\n".join(wrong[:20])
    assert all("'up'" in err and "'look'" in err for _, err in ends), ends
    place.end()
    assert not {pid: words for pid, words in boxes_of(place).items() if "toyspec:b" in words}
    assert list(place.boxes.iterdir()) == []
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert not mounts_below(place.runtime)


def test_chaos(product: Product) -> None:
    with detached.place(product) as place:
        disturb(place, names=8, seconds=6, workers=3)


@pytest.mark.deep
@DEEP
def test_chaos_of_200_boxes(product: Product) -> None:
    with detached.place(product) as place:
        disturb(place, names=200, seconds=60, workers=6)


def memory(place: Place, count: int) -> list[int]:
    """Of so many boxes at once: kilobytes of all of toyspec's processes of each."""
    names = [f"m{at}" for at in range(count)]
    for name in names:
        place.up("sh", "-c", "echo begins; exec sleep 1000", name=name)
    eventually(lambda: all(place.status(name).ran for name in names))
    assert len(boxes_of(place)) >= 2 * count  # monitors and setups are known by what they hold
    sizes = []
    for name in names:
        sizes.append(sum(pss(pid) for pid in place.processes(name)))
    return sizes


def test_what_a_box_takes_while_it_waits(product: Product) -> None:
    """Monitor, setup and the reaper together."""
    with detached.place(product) as place:
        assert max(memory(place, 3)) < 1024


@pytest.mark.deep
@DEEP
def test_what_100_boxes_take_at_once(product: Product) -> None:
    with detached.place(product) as place:
        sizes = memory(place, 100)
        print(f"kB of Pss a box: {min(sizes)} to {max(sizes)}, {sum(sizes)} in all")
        assert max(sizes) < 1024
