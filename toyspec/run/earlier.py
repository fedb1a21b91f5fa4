"""What is kept of a box until the next one of its name has begun: it lies beside the new files, under names
of its own, and takes their places again where nothing came of that one.

`status` goes aside first and comes back last; where the new box's files are removed, its own goes last. So
whoever is killed on his way leaves what tells how to go on: see `recover`.
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
_STATUS = "status"  # by it a reader of the log knows, too (`run.readers`)
_ENTERS = "exec."  # before the names of what is made anew when somebody enters the box
_NEW = ".new"  # behind those of what was not finished


def names(directory: int) -> tuple[list[str], list[str]]:
    """The files of the box, and those that were set aside, `status` first and box.json last. Raises OSError,
    also where one is a directory, which is none of ours.
    """
    found = sorted(
        set(os.listdir(directory)) - {"lock"},
        key=lambda name: (name.endswith(_ABOUT), name.removeprefix(_ASIDE) != _STATUS, name),
    )
    for name in found:
        if stat.S_ISDIR(os.lstat(name, dir_fd=directory).st_mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR), name)
    aside = [name for name in found if name.startswith(_ASIDE)]
    return [name for name in found if name not in aside], aside


def set_aside(directory: int) -> None:
    """Make room for another box; nothing is aside (`recover`). Raises OSError."""
    own, _ = names(directory)
    if _ABOUT not in own:
        _remove(directory, own)
        return
    for name in own:
        if name.startswith(_ENTERS) or name.endswith(_NEW):
            _remove(directory, [name])
        else:
            _rename(directory, name, _ASIDE + name)


def recover(directory: int, *, ran: bool) -> bool:
    """Go on where somebody was killed. `ran`: by the `status` that is there the new box ran its command, and is
    the last that did; else the one before is. Whether anything was aside. Raises OSError.
    """
    if not names(directory)[1]:
        return False
    if ran:
        forget(directory)
        return True
    return put_back(directory)


def put_back(directory: int) -> bool:
    """Nothing came of the new one, or it was not begun; whether there was another. Raises OSError."""
    own, aside = names(directory)
    if not aside:
        return False
    if _STATUS in own:  # else what else is there is the old one's: it was not all moved
        _remove(directory, [name for name in own if name != _STATUS])
        _remove(directory, [_STATUS])
    for name in sorted(aside, key=lambda name: name == _ASIDE + _STATUS):
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
