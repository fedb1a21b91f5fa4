"""The command `toyspec`: a front without an interpreter, and beside it the script that it hands over to.

Where no front can be made for the architecture, the script has its name.
"""

from __future__ import annotations

import os
import sys

SCRIPT = "toyspec-python"
FRONT = "toyspec"
NAMED = "TOYSPEC_COMMAND"
"""The variable in which a front that was started by another name than its own says that one."""
_HARMLESS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")  # as emit/front/begin.py has them


def is_other_python() -> bool:
    """Whether the environment may make Python another one (python(1)), for all that a front can tell."""
    return any(name.startswith("PYTHON") and name not in _HARMLESS for name in os.environ)


def front() -> str | None:
    """The absolute path of the front that lies beside the script that runs; None where none does."""
    directory, name = os.path.split(os.path.abspath(sys.argv[0]))
    path = os.path.join(directory, FRONT)
    return path if name == SCRIPT and os.path.isfile(path) else None


def command() -> str:
    """The absolute path of what a person starts."""
    return front() or os.path.abspath(sys.argv[0])
