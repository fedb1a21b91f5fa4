"""Who started this command: asked once, as early as can be."""

from __future__ import annotations

import os

PARENT = os.getppid()
"""0 where that is out of sight, in another pid namespace. Once it has ended, getppid(2) says another one."""
