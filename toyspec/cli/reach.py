"""The box must not get hold of the interpreter's own file: see run.image."""

from __future__ import annotations

import sys

from toyspec.cli.error import FatalError
from toyspec.run.image import ImageError, begin_again


def out_of_reach() -> None:
    """Returns where the interpreter is out of the box's reach; begins again where it was not.

    Raises FatalError where that is impossible.
    """
    try:
        begin_again()
    except ImageError as error:
        raise FatalError(
            f"no copy of {sys.executable} to run from: {error.strerror}",
            "you may write that file, and so might the box: use an interpreter of root's, or let "
            "memory be executed (sysctl vm.memfd_noexec=0)",
        ) from None
