"""What only a compiled box with a reaper has: it is small, and its file is one that the box must not have."""

from __future__ import annotations

from tests.product import Product, Word
from tests.run.boxes import SPEC, compile_box, eventually, family, pss, spec, started

MOST = 256  # kB of monitor, setup and PID 1 together


def box(product: Product, *argv: str) -> list[Word]:
    return [compile_box(product, spec(product, SPEC + "reaper: true\n")), "--", *argv]


def test_what_waits_is_small(product: Product) -> None:
    with started(product, box(product, "sleep", "1000")) as process:
        pids = family(process.pid, "sleep")[:3]
        eventually(lambda: sum(pss(pid) for pid in pids) < MOST)


def test_it_does_not_start_itself(product: Product) -> None:
    """The box's own file, executed by the command, would be open in it (CVE-2019-5736)."""
    done = product.as_user(box(product, "/proc/self/exe"))
    assert done.returncode == 125
    assert done.stderr.endswith("error: a box does not start itself\n")
