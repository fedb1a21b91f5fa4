"""An interpreter, toyspec and its dependencies where the product's user can reach them.

Root's python may lie below /root (pyenv, uv), and the checkout in a directory that nobody else may
enter. So the session gets a copy of the checkout and a virtual environment, made by hand: offline,
and in a fraction of the time that pip takes. How pip installs toyspec is `test_packaging.py`'s matter.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from toyspec.emit import elf
from toyspec.emit.front.make import front

REPOSITORY: Final = Path(__file__).resolve().parent.parent

HAS_FRONT: Final = os.uname().machine in elf.MACHINES
_TAG: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LEFT_OUT: Final = {
    ".git", ".venv", ".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache",
    "__pycache__", "build", "dist", "node_modules",
}  # fmt: skip
_STDLIB_LEFT_OUT: Final = (
    "site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip",
    "config-*", "__pycache__",
)  # fmt: skip


def session_directory(uid: int, gid: int) -> Path:
    """A new directory that `uid` can enter and run programs from; short, for socket paths.

    Raises AssertionError where neither /tmp nor /var/tmp is such a place.
    """
    for parent in ("/tmp", "/var/tmp"):
        if not os.access(parent, os.W_OK):
            continue
        path = Path(tempfile.mkdtemp(prefix="toy", dir=parent))
        path.chmod(0o755)
        script = path / "probe"
        script.write_text("#!/bin/sh\nexit 0\n")
        script.chmod(0o755)
        if _runs([str(script)], uid, gid):
            script.unlink()
            return path
        shutil.rmtree(path)
    raise AssertionError(f"no temporary directory in which uid {uid} can run programs")


def install(session: Path, checkout: Path, uid: int, gid: int) -> Path:
    """Make the virtual environment `session`/venv for `checkout`; gives its bin directory."""
    venv = session / "venv"
    site = venv / "lib" / _TAG / "site-packages"
    site.mkdir(parents=True)
    base = _interpreter(session, uid, gid)
    (venv / "bin").mkdir()
    (venv / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = false\n"
        f"version = {sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}\n"
    )
    for name in ("python", "python3", _TAG):
        (venv / "bin" / name).symlink_to(base)
    copy_distributions(site)
    (site / "toyspec").symlink_to(checkout / "toyspec")
    script = venv / "bin" / "toyspec-python"
    own = (checkout / "toyspec/start/toyspec-python").read_text().removeprefix("#!python\n")
    script.write_text(f"#!{venv / 'bin' / 'python'}\n{own}")  # as pip does
    script.chmod(0o755)
    if HAS_FRONT:
        command = venv / "bin" / "toyspec"
        command.write_bytes(front(os.uname().machine))
        command.chmod(0o755)
    else:
        script.rename(venv / "bin" / "toyspec")
    subprocess.run([sys.executable, "-m", "compileall", "-qq", str(site)], check=False)
    return venv / "bin"


def copy_distributions(site: Path, *more: str) -> None:
    """Copy what toyspec needs at run time, and `more`, from pytest's own environment."""
    for dependency in _dependencies(more):
        _copy_distribution(dependency, site)


def copy_checkout(target: Path) -> None:
    """Copy what git knows or would add; without git, everything but what tools leave behind."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    ) if shutil.which("git") and (REPOSITORY / ".git").exists() else None  # fmt: skip
    if listed is None or listed.returncode != 0:
        shutil.copytree(
            REPOSITORY, target, symlinks=True, ignore=lambda _, names: _LEFT_OUT & set(names)
        )
        return
    target.mkdir()
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        source = REPOSITORY / name
        if not os.path.lexists(source):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / name, follow_symlinks=False)


def _interpreter(session: Path, uid: int, gid: int) -> Path:
    """An interpreter of this minor version that `uid` can run: the running one if possible."""
    running = Path(os.path.realpath(sys.executable))
    tried = [running]
    for directory in ("/usr/bin", "/usr/local/bin"):
        tried += [Path(directory) / _TAG, Path(directory) / "python3"]
    for candidate in tried:
        if _is_usable(candidate, uid, gid):
            return candidate
    copy = _copy_interpreter(running, session / "python")
    if _is_usable(copy, uid, gid):
        return copy
    raise AssertionError(
        f"uid {uid} can run neither {running}, nor a copy of it, nor a {_TAG} of the system"
    )


def _is_usable(python: Path, uid: int, gid: int) -> bool:
    version = f"{sys.version_info.major}, {sys.version_info.minor}"
    check = f"import sys, ctypes, encodings; sys.exit(sys.version_info[:2] != ({version}))"
    return _runs([str(python), "-I", "-S", "-c", check], uid, gid)


def _runs(argv: list[str], uid: int, gid: int) -> bool:
    root = os.geteuid() == 0
    try:
        done = subprocess.run(
            argv,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            user=uid if root else None,
            group=gid if root else None,
            extra_groups=[] if root else None,
        )
    except OSError:
        return False
    return done.returncode == 0


def _copy_interpreter(python: Path, target: Path) -> Path:
    """Copy the running interpreter and its standard library; it finds the latter from where it is."""
    copy = target / "bin" / _TAG
    copy.parent.mkdir(parents=True)
    (target / "lib").mkdir()
    library_directory = sysconfig.get_config_var("LIBDIR") or ""
    # a shared libpython is found by an absolute RUNPATH: point it beside the copy, in place
    program = python.read_bytes()
    absolute = os.fsencode(library_directory) + b"\0"
    relative = b"$ORIGIN/../lib\0"
    if len(absolute) >= len(relative):
        program = program.replace(absolute, relative.ljust(len(absolute), b"\0"))
    copy.write_bytes(program)
    copy.chmod(0o755)
    for library in Path(library_directory).glob("libpython*.so*"):
        shutil.copy2(library, target / "lib" / library.name)
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        target / "lib" / _TAG,
        ignore=shutil.ignore_patterns(*_STDLIB_LEFT_OUT),
    )
    return copy


def _dependencies(more: tuple[str, ...]) -> Iterator[Distribution]:
    """What toyspec needs at run time and `more`, as pytest's environment has it, transitively."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(text) for text in (*project["dependencies"], *more)]
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            raise AssertionError(
                f"{requirement.name} is missing: pip install -e '.[dev]'"
            ) from None
        yield found
        waiting += [Requirement(text) for text in found.requires or ()]


def _copy_distribution(found: Distribution, site: Path) -> None:
    """Copy an installed distribution: by its RECORD, or (Debian's packages) by its top level."""
    if found.files:
        tops = {file.parts[0] for file in found.files if file.parts[0] not in ("..", "__pycache__")}
    else:
        names = found.read_text("top_level.txt") or found.metadata["Name"].replace("-", "_")
        tops = {name for line in names.split() for name in (line, f"{line}.py")}
    for top in sorted(tops):
        source = Path(str(found.locate_file(top)))
        if source.is_dir():
            shutil.copytree(source, site / top, dirs_exist_ok=True)
        elif source.is_file() and source.suffix != ".pth":
            shutil.copy2(source, site / top)
