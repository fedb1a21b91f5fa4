"""Layers of the box's tree as the spec has them: the root, and overlays."""

from __future__ import annotations

from toyspec.plan.tree import Layer
from toyspec.spec.model import Spec


def of_root(spec: Spec) -> Layer:
    """What the box sees as `/`."""
    root = spec.root
    if root.kind == "host":
        return Layer("bind", "/", writable=False)
    if root.kind == "overlay" and not root.lower_host:
        return of_overlay(root.lower, root.upper)
    return Layer("root", root.path) if root.path else Layer("own")


def of_overlay(lower: tuple[str, ...], upper: str | None) -> Layer:
    """`lower`, the first on top, below the `upper` that is written to on disk."""
    shown = lower if upper is None else (upper, *lower)
    return Layer("overlay", shown[0], writable=upper is not None, under=shown[1:])
