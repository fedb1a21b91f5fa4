"""What the figures were measured on."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.peers import Peer


def machine() -> dict[str, Any]:
    """Processor, memory, kernel, system, Python; and how busy it was when this was asked."""
    return {
        "when": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory in GiB": round(
            int((_field("/proc/meminfo", "MemTotal") or "0").split()[0]) / 2**20
        ),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "system": (_field("/etc/os-release", "PRETTY_NAME", "=") or "unknown").strip('"'),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _field(path: str, name: str, separator: str = ":") -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    pairs = (line.partition(separator) for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == name), None)


def versions(peers: Iterable[Peer]) -> dict[str, str]:
    """What each peer says of itself."""
    found = {}
    for peer in peers:
        if peer.version:
            done = subprocess.run(peer.version, capture_output=True, text=True, check=False)
            lines = (done.stdout or done.stderr).strip().splitlines()
            found[peer.name] = lines[0] if lines else "unknown"
    return found
