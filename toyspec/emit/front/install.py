"""How an installation gets its front: a command of the build (pyproject.toml, tool.setuptools.cmdclass)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools.command.build_py import build_py  # noqa: F401  # first: it brings its own distutils

from distutils.command.build_scripts import build_scripts  # isort: skip

_SCRIPT = "toyspec-python"
_FRONT = "toyspec"


class BuildScripts(build_scripts):
    """Beside the script its front, for the machine that builds; without one, the script alone."""

    def run(self) -> None:
        """As always, then the front."""
        super().run()
        sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
        try:
            from toyspec.emit.elf import MACHINES
            from toyspec.emit.front.make import front
        finally:
            del sys.path[0]
        script, command = (Path(self.build_dir, name) for name in (_SCRIPT, _FRONT))
        if sys.platform != "linux" or os.uname().machine not in MACHINES:
            script.rename(command)
            return
        command.unlink(missing_ok=True)
        command.write_bytes(front(os.uname().machine))
        command.chmod(0o755)
        wheel = self.distribution.command_obj.get("bdist_wheel")
        if wheel is not None:
            wheel.plat_name_supplied = True  # it is for this platform, not for any
