"""What is kept of a box until the next one of its name has begun: it lies beside the new files, under names
of its own, and takes their places again where nothing came of that one.
"""

from __future__ import annotations

import os
import stat
from errno import EISDIR
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ASIDE = "earlier."
_ABOUT = "box.json"  # goes last
_STATUS = "status"  # and this first: by it a reader of the log knows (`run.readers`)
_ENTERS = "exec."  # before the names of what is made anew when somebody enters the box
_NEW = ".new"  # behind those of what was not finished


def names(directory: int) -> tuple[list[str], list[str]]:
    """The files of the box, and those that were set aside. Raises OSError, also where one is a directory,
    which is none of ours.
    """
    found = sorted(
        set(os.listdir(directory)) - {"lock"},
        key=lambda name: (name.endswith(_ABOUT), name != _STATUS),
    )
    for name in found:
        if stat.S_ISDIR(os.lstat(name, dir_fd=directory).st_mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR), name)
    aside = [name for name in found if name.startswith(_ASIDE)]
    return [name for name in found if name not in aside], aside


def set_aside(directory: int, *, ran: bool) -> None:
    """Make room for another box. `ran`: the one that lies there ran its command; else one that was set aside
    before is the last that did. Raises OSError.
    """
    own, aside = names(directory)
    if aside and not ran:
        _remove(directory, own)
        return
    _remove(directory, aside)
    if _ABOUT not in own:
        _remove(directory, own)
        return
    for name in own:
        if name.startswith(_ENTERS) or name.endswith(_NEW):
            _remove(directory, [name])
        else:
            _rename(directory, name, _ASIDE + name)


def put_back(directory: int) -> bool:
    """Nothing came of the new one; whether there was another. Raises OSError."""
    own, aside = names(directory)
    if _ASIDE + _ABOUT not in aside:
        return False
    _remove(directory, own)
    for name in aside:
        _rename(directory, name, name.removeprefix(_ASIDE))
    return True


def forget(directory: int) -> None:
    """The new one has begun. What cannot be removed stays until it ends."""
    try:
        _remove(directory, names(directory)[1])
    except OSError:
        pass


def _remove(directory: int, found: Iterable[str]) -> None:
    for name in found:
        os.unlink(name, dir_fd=directory)


def _rename(directory: int, old: str, new: str) -> None:
    os.rename(old, new, src_dir_fd=directory, dst_dir_fd=directory)
