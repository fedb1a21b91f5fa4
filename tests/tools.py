"""Programs that a test needs and a machine may lack.

A missing one skips the test, visibly, for a person; with TOYSPEC_REQUIRE_TOOLS=1 it fails, so that
no machine that is meant to run everything passes by skipping.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter

import pytest

from tests.product import STANDARD_PATH

missing: Counter[str] = Counter()
"""How often each program was missed in this run; the summary's last line says it."""


def need(*programs: str) -> str:
    """Gives the first program's path, once all are there; skips or fails otherwise."""
    absent = [program for program in programs if find(program) is None]
    if absent:
        missing.update(absent)
        lack(f"needs {' and '.join(absent)}")
    return find(programs[0]) or ""


def lack(reason: str) -> None:
    """Skip the running test, or fail it with TOYSPEC_REQUIRE_TOOLS=1."""
    if os.environ.get("TOYSPEC_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{reason} (TOYSPEC_REQUIRE_TOOLS=1)", pytrace=False)
    pytest.skip(reason)


def find(program: str) -> str | None:
    """The program's path on the standard PATH, which is the product's."""
    return shutil.which(program, path=STANDARD_PATH)
