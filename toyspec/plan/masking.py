"""proc in a box that root runs: files that obey uid 0 whatever capabilities it lacks.

Sysctls check the uid only; `core_pattern` and `sysrq-trigger` written by a box of root's would
be the end of the host. The lists are those of OCI runtimes (runtime-spec, config-linux.md,
"masked paths" and "readonly paths"), and what only uid 0 may read besides (kpage*, slabinfo, …).
"""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import calls, mount_calls
from toyspec.plan.attributes import remount, restrict
from toyspec.plan.box import Box
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec

READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs", "dynamic_debug", "pressure")
MASKED = (
    "acpi", "asound", "scsi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats",
    "sched_debug", "kpagecount", "kpageflags", "kpagecgroup", "interrupts", "slabinfo",
    "vmallocinfo", "pagetypeinfo", "iomem", "ioports",
)  # fmt: skip
MASKED_SYS = ("firmware", "devices/virtual/powercap")
EMPTY_FLAGS = ("MS_RDONLY", "MS_NOSUID", "MS_NODEV", "MS_NOEXEC")
NULL = "/dev/null"


def needs(spec: Spec) -> Needs:
    """What is there of them."""
    types = {mount.type for mount in spec.mounts} | ({"proc"} if spec.system == "host" else set())
    paths = set[str]()
    if "proc" in types:
        paths |= {f"/proc/{name}" for name in (*READ_ONLY, *MASKED)}
    if "sysfs" in types:
        paths |= {f"/sys/{name}" for name in MASKED_SYS}
    return Needs(paths=frozenset(paths), mounts=frozenset((NULL,) if "proc" in types else ()))


def clone_nulls(w: Writer, box: Box, path: str) -> None:
    """Null devices to hide the files of the proc at `path` with, while the host's is in reach."""
    w.about(f"null devices for /{path}: root runs this box", box.origin("user"))
    for name in MASKED:
        if box.facts.path(f"/proc/{name}").kind != "file":
            continue
        clone_null(w, box, f"null:{path}/{name}", f"to hide /{path}/{name} with")


def clone_null(w: Writer, box: Box, slot: str, why: str) -> None:
    """One null device under `slot`, while the host's is in reach."""
    w.do(mount_calls.open_tree_clone(calls.CWD, NULL, recursive=False), why, yields=slot)
    w.do(
        calls.statx_type(slot),
        "it is the null device and nothing put in its place (CVE-2025-31133)",
        expects=Expect(device="1:3"),
    )
    if box.facts.feature("mount_setattr"):
        attributes = ("MOUNT_ATTR_RDONLY", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NOEXEC")
        closed = mount_calls.mount_setattr(slot, *attributes, recursive=False)
        w.do(closed, "or root inside could change the mode of the host's /dev/null")


def guard_sys(w: Writer, box: Box, path: str) -> None:
    """What the firmware says is not for a box, by the descriptor of the sysfs at `path`."""
    for name in MASKED_SYS:
        if box.facts.path(f"/sys/{name}").kind == "directory":
            w.about(f"/{path}/{name} hidden: root runs this box", box.origin("user"))
            _empty(w, f"kernel:{path}", name)


def guard(w: Writer, box: Box, path: str) -> None:
    """Read-only and masked paths below the proc at `path`, by its own descriptor."""
    origin, proc = box.origin("user"), f"kernel:{path}"
    for name in READ_ONLY:
        if box.facts.path(f"/proc/{name}").kind in ("directory", "file"):
            w.about(f"/{path}/{name} read-only: root runs this box", origin)
            _read_only(w, box, proc, name)
    for name in MASKED:
        kind = box.facts.path(f"/proc/{name}").kind
        if kind == "directory":
            w.about(f"/{path}/{name} hidden: root runs this box", origin)
            _empty(w, proc, name)
        elif kind == "file":
            slot = f"null:{path}/{name}"
            w.about(f"/{path}/{name} hidden: root runs this box", origin)
            w.do(
                mount_calls.move_mount(slot, proc, name),
                "an empty file that swallows what is written",
            )
            w.do(calls.close(slot), "done with it")
            if not box.facts.feature("mount_setattr"):
                restrict(
                    w, box, proc, name, NULL,
                    read_only=True, devices=True, directory=False, executable=False,
                )  # fmt: skip
                w.do(calls.fchdir("root"), "back to the box's root")


def _read_only(w: Writer, box: Box, proc: str, name: str) -> None:
    w.do(mount_calls.open_tree_clone(proc, name), "this part of proc as a mount", yields="part")
    modern = box.facts.feature("mount_setattr")
    if modern:
        w.do(
            mount_calls.mount_setattr("part", "MOUNT_ATTR_RDONLY"),
            "uid 0 may not write here either",
        )
    w.do(mount_calls.move_mount("part", proc, name), "over itself")
    w.do(calls.close("part"), "done with it")
    if not modern:
        directory = box.facts.path(f"/proc/{name}").kind == "directory"
        flags = ("MS_REMOUNT", "MS_BIND", "MS_RDONLY", "MS_NOSUID", "MS_NODEV", "MS_NOEXEC")
        remount(w, proc, name, flags, directory=directory)
        w.do(calls.fchdir("root"), "back to the box's root")


def _empty(w: Writer, proc: str, name: str) -> None:
    w.do(calls.openat2(proc, name, "O_PATH", "O_DIRECTORY"), "the directory", yields="part")
    w.do(calls.fchdir("part"), "reached by descriptor, not by name")
    w.do(mount_calls.mount("tmpfs", ".", "tmpfs", EMPTY_FLAGS, "mode=0755"), "nothing is there")
    w.do(calls.close("part"), "done with it")
    w.do(calls.fchdir("root"), "back to the box's root")
