"""What costs what in the kernel: the limit of boxes that lack one part each, or have one more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.boxes import PROGRAM, Box
from bench.measure import Figure, interleaved
from bench.ours import limit

WHOLE: Final = "the whole box"
ALONE: Final = "its program alone"
_PROC: Final = {"type": "proc"}
_DEV: Final = {"type": "dev"}
_TMP: Final = {"type": "tmpfs", "target": "/tmp"}

CHANGES: Final[dict[str, dict[str, Any]]] = {
    WHOLE: {},
    "without a network of its own": {"network": "host"},
    "without /dev": {"mounts": [_PROC, _TMP]},
    "without /proc": {"mounts": [_DEV, _TMP]},
    "without /tmp": {"mounts": [_PROC, _DEV]},
    "with the default system call filter": {"seccomp": "default"},
    "with 100 more tmpfs": {
        "mounts": [_PROC, _DEV, _TMP]
        + [{"type": "tmpfs", "target": f"/t/{number}"} for number in range(100)]
    },
}


def times(directory: Path, environment: Mapping[str, str], runs: int) -> dict[str, Figure]:
    """Milliseconds of each box, made by the calls of its plan and nothing else."""
    commands = {ALONE: list(PROGRAM)}
    for number, (name, changes) in enumerate(CHANGES.items()):
        box = Box(directory, f"part-{number}", changes=tuple(changes.items()))
        commands[name] = limit(box)
    return interleaved(commands, environment, runs)
