"""Sources on the host: the place that the plan names is the one that the box gets.

A plan names every source by its real path. When it runs, that path is walked without following
any symbolic link, so that one that came onto the way since then makes the step fail (ELOOP).
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan import calls, mount_calls
from toyspec.plan.tree import inside
from toyspec.plan.writer import Writer


def real_path(facts: HostFacts, path: str) -> str:
    """Where `path` leads by the host's rules; what does not exist yet lies in what does."""
    above, missing = path, ""
    while above != "/":
        fact = facts.path(above)
        if fact.real is not None:
            return inside(fact.real, missing)
        above, _, name = above.rpartition("/")
        above, missing = above or "/", f"{name}/{missing}".rstrip("/")
    return path


def clone(w: Writer, real: str, slot: str, *, recursive: bool = True) -> None:
    """A private clone of the mounts at `real`, under `slot`; or of its one mount alone."""
    opened = calls.openat2(calls.CWD, real, "O_PATH", resolve=calls.NO_SYMLINKS)
    why = "the very place that this plan names: no symbolic link may have come onto the way"
    w.do(opened, why, yields="source")
    cloned = mount_calls.open_tree_clone("source", "", recursive=recursive)
    what = "it and of every mount below it" if recursive else "it, without what is mounted below"
    w.do(cloned, f"a private clone of {what}", yields=slot)
    w.do(calls.close("source"), "done with it")
