"""pivot: the new root becomes `/`.

`pivot_root(".", ".")` puts the old root on top of the new one, and the very next step takes it
away: in between, `..` and symlinks lead into the host even under RESOLVE_IN_ROOT.
"""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import calls, mount_calls
from toyspec.plan.box import Box
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec


def needs(spec: Spec) -> Needs:
    """Nothing beyond the layout's."""
    return Needs()


def steps(box: Box) -> list[Step]:
    """By init; with an old_root by setup before the fork, as in the seed."""
    if box.spec.root.old_root:
        return _visible(box)
    w = Writer("pivot", "init")
    purpose = "no path leads back to the host"
    w.about("the box's root becomes /", box.origin("root"), purpose=purpose)
    w.do(
        mount_calls.pivot_root(".", "."), "the old root is on top now, and goes with the next step"
    )
    w.do(mount_calls.umount2(".", "MNT_DETACH"), "the host's tree is gone from the box")
    prove_gone(w, "..")
    return w.steps


def prove_gone(w: Writer, path: str) -> None:
    """Where something was mounted over the host's own `/`, only that was detached.

    `..` of the root stays in the root, but would step onto a mount that lies on top of it: a
    walk that may cross no mount then fails with EXDEV (openat2(2), RESOLVE_NO_XDEV).
    """
    opened = calls.openat2("root", path, "O_PATH", "O_DIRECTORY", resolve=("RESOLVE_NO_XDEV",))
    w.do(opened, "no mount is left on top: nothing of the host's can be reached", yields="top")
    w.do(calls.close("top"), "done with it")


def _visible(box: Box) -> list[Step]:
    w = Writer("pivot", "setup")
    name = (box.spec.root.old_root or "").strip("/")
    w.about(f"the box's root becomes /, the old root shows at /{name}", box.origin("root.old_root"))
    opened = calls.openat2("root", name, "O_PATH", "O_DIRECTORY", resolve=calls.NO_LINKS)
    w.do(opened, "a real directory: behind a symlink the old root could not go again", yields="old")
    w.do(calls.close("old"), "done with it")
    w.do(
        mount_calls.pivot_root(".", name), "the new root is /, and the host's tree hangs inside it"
    )
    w.do(calls.chdir("/"), "as pivot_root(2) recommends")
    return w.steps
