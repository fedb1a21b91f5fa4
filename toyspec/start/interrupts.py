"""^C before there is a box: it ends this command by the signal, as it ends others.

Python would raise KeyboardInterrupt wherever it is: a traceback while it loads modules, and nothing at all
in what it calls by itself. A front blocks the signal until then.
"""

import _signal  # type: ignore[import-not-found]  # a builtin without a stub; signal's own import costs 4 ms


def end_by_interrupts() -> None:
    """From here on, unless they are ignored. One that came while Python began ends us now."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [_signal.SIGINT])
