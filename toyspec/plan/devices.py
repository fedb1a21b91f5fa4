"""The box's /dev: the host's harmless nodes, bound one by one; ptys and shared memory of its own.

A user namespace may not mknod a device (EPERM), so the host's nodes are bound, read-only: that
keeps their owner and mode from being changed, while reads and writes go to the driver.
"""

from __future__ import annotations

from toyspec.plan import calls, filesystems, mount_calls
from toyspec.plan.attributes import restrict
from toyspec.plan.box import Box
from toyspec.plan.layout import DEVICE_LINKS, DEVICES
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer


def populate(w: Writer, box: Box, *, executable: bool = True, console: bool = False) -> None:
    """Fill the attached tmpfs whose top directory is the slot `dev`, and close it.

    Not `executable`: nothing in its shared memory is. `console`: the box's terminal comes here.
    """
    for name, number in DEVICES:
        if box.facts.path(f"/dev/{name}").kind == "character":
            _host_node(w, name)
            _node(w, box, name, number, f"/dev/{name}")
    if console:
        w.do(calls.mknodat_file("dev", "console"), "the mount point of the box's terminal")
    for name, text in DEVICE_LINKS:
        w.do(calls.symlinkat(text, "dev", name), "where programs look for it")
    terminals = ",".join(f"{key}={text}" for key, text in filesystems.terminals(box))
    closed = ("MS_NOSUID", "MS_NOEXEC")
    _filesystem(w, "pts", "devpts", f"newinstance,{terminals}", closed, "ptys of its own")
    flags = ("MS_NOSUID", "MS_NODEV") + (() if executable else ("MS_NOEXEC",))
    _filesystem(w, "shm", "tmpfs", "mode=1777", flags, "shared memory of its own")
    w.do(calls.close("dev"), "done with it")


def _host_node(w: Writer, name: str) -> None:
    source = f"/dev/{name}"
    w.do(calls.mknodat_file("dev", name), f"the mount point of {source}")
    clone = mount_calls.open_tree_clone(calls.CWD, source, recursive=False)
    w.do(clone, "the host's node, as a mount of its own", yields="node")


def _node(w: Writer, box: Box, name: str, number: str, source: str) -> None:
    """Put the clone in the slot `node` at its mount point, if it is the device `number`."""
    w.do(
        calls.statx_type("node"),
        "it is the device that it is named for (CVE-2025-31133)",
        expects=Expect(device=number),
    )
    modern = box.facts.feature("mount_setattr")
    if modern:
        attributes = ("MOUNT_ATTR_RDONLY", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NOEXEC")
        w.do(
            mount_calls.mount_setattr("node", *attributes, recursive=False),
            "the box cannot change the node's owner or mode",
        )
    w.do(mount_calls.move_mount("node", "dev", name), "into the box's /dev")
    w.do(calls.close("node"), "done with it")
    if not modern:
        restrict(
            w, box, "dev", name, source,
            read_only=True, devices=True, directory=False, executable=False,
        )  # fmt: skip


def _filesystem(
    w: Writer, name: str, fstype: str, data: str, flags: tuple[str, ...], why: str
) -> None:
    w.do(calls.mkdirat("dev", name, 0o755), "the mount point")
    opened = calls.openat2("dev", name, "O_PATH", "O_DIRECTORY")
    w.do(opened, "the mount point, as a descriptor to step into", yields="at")
    w.do(calls.fchdir("at"), "reached by descriptor, not by name")
    w.do(mount_calls.mount(fstype, ".", fstype, flags, data), why)
    w.do(calls.close("at"), "done with it")
