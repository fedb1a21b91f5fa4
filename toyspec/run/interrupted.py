"""Who ends by ^C ends by the signal: a shell ends its script or its loop only where it sees that.

What was typed at the box's own terminal nobody outside has heard of: it is told our whole process group, as
that terminal would have done it, were it the caller's.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from toyspec.run.failure import Outcome
from toyspec.values import replace

NONE: Final = 0
BY_TERMINAL: Final = 1
"""Its signal reached us, and our process group."""
TYPED: Final = 2
"""At the box's own terminal, and nothing after it: whoever types on has not ended it."""


def by_signal(number: int, sender: int, before: int) -> int:
    """After a signal that came to us. `sender` 0: by a terminal."""
    if number != signal.SIGINT:
        return before
    return BY_TERMINAL if sender == 0 else NONE


def by_key(number: int) -> int:
    """After keys that were typed at the box; `number`: the signal that the last of them is for, or 0."""
    return TYPED if number == signal.SIGINT else NONE


def ended(outcome: Outcome, interrupted: int) -> Outcome:
    """What a run came to, where that was the last that was heard of ^C."""
    if outcome.status != 128 + signal.SIGINT:
        return outcome
    return replace(outcome, interrupted=interrupted)


def end(outcome: Outcome) -> int:
    """The end of this process where ^C is what ended the box, all being cleaned up; else its status."""
    if outcome.interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(0 if outcome.interrupted == TYPED else os.getpid(), signal.SIGINT)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # here we end
    return outcome.status
