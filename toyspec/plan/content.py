"""Contents of the box's own making: tmpfs mounts, and files whose text the spec holds."""

from __future__ import annotations

from toyspec.plan import calls, copies, mount_calls
from toyspec.plan.box import Box
from toyspec.plan.layout import Placed
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer
from toyspec.spec.model import File


def tmpfs(w: Writer, slot: str, mode: str, size: int | None = None) -> None:
    """A tmpfs attached over `/`, known only by its descriptor; of `size` bytes at most."""
    make_tmpfs(w, slot, mode, "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV", size=size)
    w.do(mount_calls.move_mount(slot, calls.CWD, "/"), "attached over /, where it hides nothing")


def make_tmpfs(w: Writer, slot: str, mode: str, *attributes: str, size: int | None = None) -> None:
    """A tmpfs attached nowhere. Its mode is never sticky where devices are bound in it: in a sticky
    directory O_CREAT on one is refused, and so is `> /dev/null`.
    """
    w.do(mount_calls.fsopen("tmpfs"), "a filesystem in memory", yields="fs")
    w.do(mount_calls.fsconfig_string("fs", "mode", mode), "the mode of its top directory")
    if size is not None:
        w.do(mount_calls.fsconfig_string("fs", "size", str(size)), "the most that it may hold")
    w.do(mount_calls.fsconfig_create("fs"), "made")
    w.do(mount_calls.fsmount("fs", *attributes), "as a mount, attached nowhere yet", yields=slot)
    w.do(calls.close("fs"), "done with it")


def scratch_files(box: Box) -> list[Placed]:
    """Files that lie in a directory of the host's: made in private, then bound there."""
    found = [p for p in box.layout.placed if isinstance(p.entry.thing, File) and not p.own]
    return [p for p in found if p.kind == "file"]


def scratch_slot(placed: Placed) -> str:
    """The mount of such a file."""
    return f"file:{placed.entry.target}"


def write_scratch(w: Writer, box: Box) -> None:
    """Make those files in a tmpfs of their own, and clone a mount of each."""
    files = scratch_files(box)
    if not files:
        return
    asked = files[0].entry.origin
    w.about("a private place for the contents of files", asked)
    tmpfs(w, "scratch", "0700")
    for number, placed in enumerate(files, 1):
        slot, name = scratch_slot(placed), str(number)
        w.about(f"file {placed.entry.target}", placed.entry.origin)
        write_file(w, box, placed, "scratch", name)
        why = "a mount of this file alone, to be attached at its target"
        w.do(mount_calls.open_tree_clone("scratch", name, recursive=False), why, yields=slot)
    w.about("the private place goes, its files stay", asked)
    w.do(calls.fchdir("scratch"), "the only way to name it")
    gone = mount_calls.umount2(".", "MNT_DETACH")
    w.do(gone, "nothing may lie over / at the pivot: that, not the host's tree, would be detached")
    w.do(calls.close("scratch"), "done with it")


def write_file(w: Writer, box: Box, placed: Placed, root: str, path: str) -> None:
    """Create a file with its text, or with its source's bytes; it must not be there yet."""
    file = placed.entry.thing
    assert isinstance(file, File)
    source = source_slot(placed)
    if file.source is not None and placed.stage != "late":
        open_source(w, box, file, source)
    flags, mode = ("O_WRONLY", "O_CREAT", "O_EXCL", "O_NOFOLLOW"), _mode(box, file)
    made = calls.openat2(root, path, *flags, mode=mode)
    w.do(made, "a new file, inside the root", yields="file")
    if file.source is not None:
        _copy(w, box, file, source)
    elif file.content and any(file.content):
        why = "its text"
        w.do(calls.write("file", file.content), why, expects=Expect(result="count"))
    if mode & 0o022:
        w.do(calls.fchmod("file", mode), "the bits that the umask took away")
    w.do(calls.close("file"), "done with it")


def _mode(box: Box, file: File) -> int:
    """The permission bits of a file of the box's; a copy's are its source's, unless it says so."""
    if file.mode is not None:
        return file.mode
    assert file.source is not None
    return box.facts.path(file.source).mode & 0o777


def open_source(w: Writer, box: Box, file: File, slot: str) -> None:
    """The source for reading, while the host's tree is in reach."""
    assert file.source is not None
    real = box.facts.path(file.source).real or file.source
    flags = ("O_RDONLY", "O_NOCTTY", "O_NONBLOCK")  # whatever came there since, it does not block
    opened = calls.openat2(calls.CWD, real, *flags, resolve=calls.NO_SYMLINKS)
    why = "the very file that this plan names: no symbolic link may have come onto the way"
    w.do(opened, why, yields=slot)


def source_slot(placed: Placed) -> str:
    """The descriptor of a source that is opened before its file is made."""
    return f"source:{placed.entry.target}"


def _copy(w: Writer, box: Box, file: File, slot: str) -> None:
    """The bytes, into the slot `file`; then the source is closed.

    One byte more is asked for than the plan knows of: a source that became longer or shorter since
    then gives another result.
    """
    assert file.source is not None
    count = copies.size(box.facts.path(file.source), file.source)
    sent = calls.sendfile("file", slot, count + 1)
    why = f"its {count} bytes: more or fewer, and it changed since this plan was made"
    w.do(sent, why, expects=Expect(result=count))
    w.do(calls.close(slot), "done with it")


def make_directory(w: Writer, placed: Placed, root: str, path: str) -> None:
    """An empty directory where nothing is yet, in a filesystem of the box's own."""
    file = placed.entry.thing
    assert isinstance(file, File)
    assert file.mode is not None
    w.do(calls.mkdirat(root, path, 0o700), "the directory, which was missing")
    opened = calls.openat2(root, path, "O_RDONLY", "O_DIRECTORY", resolve=calls.NO_LINKS)
    w.do(opened, "the directory itself", yields="file")
    why = "its mode, whatever the umask takes away and a directory above hands down"
    w.do(calls.fchmod("file", file.mode), why)
    w.do(calls.close("file"), "done with it")
