"""The machines that boxes are made for, as uname(2) names them."""

from __future__ import annotations

from typing import Final

ARCHITECTURES: Final = ("x86_64", "aarch64")


def refused(arch: str) -> str | None:
    """Why there is no plan for a machine; None where there may be one."""
    if arch in ARCHITECTURES:
        return None
    return f"boxes are made for {' and '.join(ARCHITECTURES)}, and this machine says it is {arch!r}"
