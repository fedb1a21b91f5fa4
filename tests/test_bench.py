"""The benchmark runs, and says what it measured. How fast things are is no test's matter."""

from __future__ import annotations

from tests import tools
from tests.product import Product


def test_the_benchmark_prints_a_table(product: Product) -> None:
    tools.need("bwrap")
    done = product.as_user([str(product.python), "bench/up.py", "--runs", "2"], timeout=120)
    assert done.returncode == 0, done.stderr
    for name in ("python3 -c pass", "bwrap", "toyspec up -q", "toyspec plan", "toyspec check"):
        assert f"\n{name} " in done.stdout


def test_root_is_told_to_run_it_as_a_user(as_root: Product) -> None:
    done = as_root.as_user([str(as_root.python), "bench/up.py"])
    assert (done.returncode, done.stdout) == (2, "")
