"""The machine code that is committed is that of the sources beside it."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from toyspec.emit.resident import make, ready


def test_it_is_current() -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        make.main()
    assert said.getvalue() == Path(ready.__file__).read_text(), (
        "the resident code is old: "
        "python -m toyspec.emit.resident.make > toyspec/emit/resident/ready.py"
    )
