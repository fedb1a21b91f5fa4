"""The trace where no terminal draws it: a plain line, written by the monitor once init runs."""

from __future__ import annotations

import os

from toyspec.run.progress import Progress
from toyspec.show.trace import plain_trace


class Lines:
    """What the monitor knows of a view, without a process: it holds nothing up."""

    def __init__(self, progress: Progress, verbose: bool = False) -> None:
        self._progress = progress
        self._verbose = verbose
        self._fd, writer = os.pipe()
        os.close(writer)  # readable from the start: the monitor sends `go` at once

    def fileno(self) -> int:
        """What to poll."""
        return self._fd

    def close(self) -> None:
        """Init runs, or never will: say how it came to that. A second time does nothing."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        text = "".join(f"{line}\n" for line in plain_trace(self._progress, self._verbose))
        try:
            os.write(2, text.encode("utf-8", "replace"))
        except OSError:
            pass  # nobody reads it
