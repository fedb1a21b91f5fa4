"""toyspec's ways to the box, the limit, and the yardsticks that Python's start-up is measured by."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.boxes import ENVIRONMENT, HOSTNAME, Box
from toyspec.emit.c import BUILD

TOYSPEC: Final = (str(Path(sys.executable).parent / "toyspec"),)
DRAWS: Final = "import rich.console, rich.progress_bar, rich.table, rich.text"
YARDSTICKS: Final = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python, what the trace draws with": [sys.executable, "-c", DRAWS],
    "python, yaml and jsonschema": [sys.executable, "-c", "import yaml, jsonschema"],
}


def spec(box: Box) -> str:
    """The box as a spec (JSON is YAML), written where the box's files are; gives its path."""
    links = [path for _, path in box.links()]
    binds = [source if source == target else f"{source}:{target}" for source, target in box.binds()]
    described = {
        "version": 1,
        "name": HOSTNAME,
        "binds": [*binds[: len(binds) - box.many], *links, *binds[len(binds) - box.many :]],
        "mounts": [{"type": "proc"}, {"type": "dev"}, {"type": "tmpfs", "target": "/tmp"}],
        "environment": ENVIRONMENT,
        "seccomp": "none",
        "init": list(box.program),
        **dict(box.changes),
    }
    path = box.place("bench.yaml")
    path.write_text(json.dumps(described, indent=1))
    return str(path)


def up(box: Box) -> list[str]:
    """As people run it: from the second time on from the cache."""
    return [*TOYSPEC, "up", "-q", spec(box)]


def cold(box: Box) -> list[str]:
    """Everything anew: the spec is validated, planned and lowered in this process."""
    return [*TOYSPEC, "up", "-q", "--no-cache", spec(box)]


def compiled(box: Box) -> list[str]:
    """The plan as machine code, made once."""
    file = box.place("compiled")
    _made([*TOYSPEC, "compile", spec(box), "-o", str(file)])
    return [str(file)]


def limit(box: Box) -> list[str]:
    """The plan's calls and nothing else, from C."""
    source, program = box.place("limit.c"), box.place("limit")
    _made([*TOYSPEC, "emit", "c", spec(box), "-o", str(source)])
    _made([*BUILD.split(), "-o", str(program), str(source)])
    return [str(program)]


def _made(argv: list[str]) -> None:
    with open(os.devnull, "rb") as empty:
        done = subprocess.run(argv, stdin=empty, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv[:4])}: {done.stderr.strip()}")
