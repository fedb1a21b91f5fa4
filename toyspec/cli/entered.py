"""`toyspec exec` of a box that was entered before: what entered it is kept, compiled, in its state.

Light, as every start pays for it. What is kept counts only for the very box that it was made for, as its
status tells and its lock confirms, for a caller and a terminal like that one, and as long as toyspec's own files are
the same. In doubt it is made anew; what is wrong with a command or a box, the long way says.
"""

from __future__ import annotations

import os
import stat
import sys
import time

from toyspec.run.boxes import StateError, open_box, open_boxes
from toyspec.run.lock import is_held
from toyspec.start import entry, memory, store
from toyspec.start.look import Look, terminal
from toyspec.start.look_paths import files
from toyspec.start.places import boxes_base, is_name

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Iterable

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_WHOLE = b""  # the key of a file that has its own name
_CALLERS = "caller:"  # before the name of a variable that is the caller's now, and not the box's
_TICK = 20_000_000  # nanoseconds by which a file's time may lag behind the clock


def exec_in_box(args: list[str]) -> int:
    """Become what is kept, or go the long way, and keep what that makes."""
    began = time.time_ns()
    kept = find(args)
    if kept is not None:
        kept.execute()
    from toyspec.cli.exec import exec_in_box as anew

    return anew(args, kept, began)


def find(args: list[str]) -> Kept | None:
    """What may be kept for these words: `[-T] NAME -- ARGV…` and no others; None where nothing may."""
    bare = args[:1] in (["-T"], ["--no-terminal"])
    name, dashes, *argv = [*args[bare:], "", ""]
    home = os.environ.get("HOME", "")
    if dashes != "--" or not argv[0] or not is_name(name) or not home.startswith("/"):
        return None
    try:
        boxes = open_boxes(boxes_base(os.environ.get, home, os.geteuid(), _owner))
        if boxes is None:
            return None
        directory = open_box(boxes, name)
        os.close(boxes)
    except (StateError, OSError):
        return None
    if directory is None or not is_held(directory):
        return None  # it ended without a word, perhaps with the machine: its numbers are others' by now
    status = store.get(directory, _WHOLE, "status")
    if status is None:
        return None
    return Kept(directory, status, bare=bare, argv=argv[:-2])


def _owner(path: str) -> int | None:
    try:
        seen = os.lstat(path)
    except OSError:
        return None
    return seen.st_uid if stat.S_ISDIR(seen.st_mode) else None


class Kept:
    """Where what enters one box is kept, or will be."""

    def __init__(self, directory: int, status: bytes, *, bare: bool, argv: list[str]) -> None:
        """`status` tells the box from every other one, and whether it has ended; `bare`: by `-T`."""
        look = Look()
        here = (*look.ask(terminal), bare, "TERM" in os.environ)
        ids = (os.getuid(), os.geteuid(), os.getgid(), os.getegid())
        self.directory, self.argv, self.look = directory, argv, look
        self.name = "exec." + "".join("01"[each] for each in here)
        made = (status.rstrip(b"\0"), here, ids, sys.version, sys.prefix, tuple(sys.path), _PACKAGE)
        self.key = entry.sum_of(made)

    def execute(self) -> None:
        """Become it; returns where there is none that is right."""
        data = store.get(self.directory, _WHOLE, self.name)
        found = entry.read(data, self.key) if data is not None else None
        if found is None:
            return
        try:
            for asked in found.questions:
                self.look.again(asked)
        except (KeyError, OSError, ValueError):
            return
        if self._sum(found.questions) != found.answers:
            return
        environment = self._environment(found.words)
        if environment is None:
            return
        try:
            memory.execute("toyspec", found.box, ["toyspec", "--", *self.argv], environment)
        except OSError:
            return

    def keep(
        self, program: bytes, variables: Iterable[str], callers: Iterable[str], began: int
    ) -> None:
        """Keep it for the next time, with the names of the variables that it takes: of the box's, and of
        the caller's. `began`: when this command did; what was changed since may not be what ran.
        """
        loaded = [getattr(each, "__file__", None) for each in sys.modules.values()]
        own = sorted(f[len(_PACKAGE) + 1 :] for f in loaded if f and f.startswith(_PACKAGE + "/"))
        if any(os.stat(f"{_PACKAGE}/{each}").st_ctime_ns > began - _TICK for each in own):
            return
        self.look.ask(files, "\n".join((_PACKAGE, *own)))
        asked = (("files", "\n".join((_PACKAGE, *own))),)
        words = [*sorted(variables), *(_CALLERS + name for name in sorted(callers))]
        data = entry.write(self.key, asked, self._sum(asked), words, b"", program)
        if data is not None:
            store.put(self.directory, _WHOLE, data, self.name)

    def _sum(self, questions: Iterable[tuple[str, str]]) -> bytes:
        return entry.sum_of(
            each for asked in questions for each in (asked, self.look.answers[asked])
        )

    def _environment(self, words: Iterable[str]) -> dict[str, str] | None:
        """The variables of these names; None where one is not there."""
        data = store.get(self.directory, _WHOLE, "environment") or b""
        pairs = (os.fsdecode(each).partition("=") for each in data.split(b"\0"))
        own = {name: value for name, _, value in pairs}
        found: dict[str, str] = {}
        for word in words:
            name = word.removeprefix(_CALLERS)
            value = own.get(name) if name == word else os.environ.get(name)
            if value is None:
                return None
            found[name] = value
        return found
