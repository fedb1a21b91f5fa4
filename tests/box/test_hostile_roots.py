"""Directory roots that want to be left: nothing outside is written or shown, nothing inside is lost.

Each root lies beside a directory `outside`, which the caller may write: what a symlink in the root
leads to by the host's rules is there. Whatever is found in the root, the box is refused clearly or
comes up right, and the user's own tree is afterwards as it was, but for empty mount points.
"""

from __future__ import annotations

import os
import socket
import stat

import pytest

from tests.box.boxes import (
    Entry,
    busybox,
    either,
    good,
    host_mounts,
    mounts,
    only_mount_points,
    refused,
    sections,
    tree,
    up,
)
from tests.product import Product

SECRET = "what-nobody-inside-may-see"
TARGETS = ("tmp", "proc", "sys", "dev", "etc", "code", "data/file", "etc/passwd")
LINKS = {
    "absolute": "{outside}",
    "relative": "../outside",
    "up": "..",
    "root": "/",
    "self": ".",
    "dangling": "nowhere",
    "dangling-absolute": "{outside}/new/deeper",
    "dangling-up": "../new",
    "loop": "{where}",
    "old-root": "tmp/..{outside}",
    "old-root-absolute": "/tmp{outside}",
    "magic": "/proc/self/root{outside}",
    "host": "/usr",
}
EVERYTHING = """
version: 1
root: {{path: ./root{old_root}}}
user: root
etc: auto
binds:
  - {busybox}:/busybox
  - ./shown:/code:rw
  - ./shown/file:/data/file
mounts:
  - {{type: proc}}
  - {{type: sysfs}}
  - {{type: dev}}
  - {{type: tmpfs, target: /tmp}}
files:
  - {{target: /made, content: "made by the spec\\n"}}
init:
  - /busybox
  - sh
  - -c
  - |
    b=/busybox
    echo mounts; $b cat /proc/self/mountinfo
    echo files; $b find / -path /proc -prune -o -path /sys -prune -o -print
    echo above; $b ls -a /.. /../.. /tmp/.. /code/../.. /proc/1/root /proc/1/root/.. /proc/1/cwd/..
    echo seen; $b cat /code/file /data/file /made; $b ls /proc/1/exe /dev/null /sys/kernel
"""


class Case:
    """A root, what lies outside of it, and how all of it looked before."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.directory = product.directory()
        self.root, self.outside = self.directory / "root", self.directory / "outside"
        for path in (self.root, self.outside, self.directory / "shown"):
            path.mkdir()
        product.write(self.outside / SECRET, "secret\n")
        (self.outside / "home").mkdir()
        product.write(self.directory / "shown" / "file", "shown\n")
        product.write(self.directory / "box.yaml", "")
        product.own(self.directory)
        self.before: dict[str, Entry] = {}

    def link(self, where: str, text: str) -> None:
        path = self.root / where
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        path.symlink_to(text.format(outside=self.outside, where="/" + where))

    def up(self, *, old_root: bool = False, spec: str = EVERYTHING) -> bool:
        """Bring the box up; whether it came up. Either way nothing is lost or shown."""
        extra = ", old_root: /tmp" if old_root else ""
        text = spec.format(busybox=busybox(), old_root=extra, outside=self.outside)
        self.product.write(self.directory / "box.yaml", text)
        self.product.own(self.directory)
        self.before = tree(self.directory)
        done = up(self.product, self.directory, text)
        up_it_came = either(done)
        only_mount_points(self.before, tree(self.directory), "root")
        if up_it_came:
            assert SECRET not in done.stdout
            assert "\nshown\nshown\nmade by the spec\n" in done.stdout, done.stdout
            seen = mounts(done.stdout.partition("mounts\n")[2].partition("files\n")[0])
            shown = {(mount.device, mount.root) for mount in seen}
            assert not shown & {(mount.device, mount.root) for mount in host_mounts()}
        return up_it_came


CASES = [(link, False) for link in LINKS] + [
    (link, True) for link in ("relative", "root", "old-root", "old-root-absolute")
]


@pytest.mark.parametrize(("link", "old_root"), CASES)
def test_symlinks_at_every_target(product: Product, link: str, old_root: bool) -> None:
    came = {}
    for where in TARGETS:
        case = Case(product)
        case.link(where, LINKS[link])
        came[where] = case.up(old_root=old_root)
    if link == "loop":
        assert not any(came.values())
    assert not came["proc"]
    assert not came["sys"]
    if old_root:
        assert not came["tmp"]


@pytest.mark.parametrize("link", ["absolute", "old-root"])
def test_symlinks_when_root_calls(as_root: Product, link: str) -> None:
    """Whom no permission keeps from writing outside."""
    for where in TARGETS:
        case = Case(as_root)
        case.link(where, LINKS[link])
        case.up(old_root=link == "old-root")


@pytest.mark.parametrize("kind", ["fifo", "socket", "file", "unreadable"])
def test_other_things_at_every_target(product: Product, kind: str) -> None:
    """Onto what is no directory a file can be bound, never a directory; and no open ever blocks."""
    for where in ("tmp", "proc", "dev", "etc", "code", "data", "data/file", "made", "etc/passwd"):
        case = Case(product)
        path = case.root / where
        path.parent.mkdir(exist_ok=True)
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                here = os.getcwd()
                os.chdir(path.parent)  # a socket's path is short
                listener.bind(path.name)
                os.chdir(here)
        elif kind == "file":
            path.write_text("theirs\n")
        else:
            path.mkdir(mode=0)
        came = case.up()
        files = where in ("data/file", "made", "etc/passwd")
        if kind == "unreadable":
            # The box's user may not look inside, so nothing can be made there.
            assert came == (where in ("tmp", "proc", "dev", "code"))
        else:
            assert came == files, (where, kind)


def test_a_device_where_a_mount_point_should_be(as_root: Product) -> None:
    for where in ("tmp", "data/file"):
        case = Case(as_root)
        (case.root / where).parent.mkdir(exist_ok=True)
        os.mknod(case.root / where, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        assert case.up() == (where == "data/file")


def test_directories_of_someone_else(product: Product) -> None:
    """What the caller may not write is not written; with the mount points there, it is used."""
    if not product.switch:
        pytest.skip("needs root: to give a directory to someone else")
    case = Case(product)
    product.own(case.directory)
    os.chown(case.root, 0, 0)
    product.write(case.directory / "box.yaml", "")
    text = EVERYTHING.format(busybox=busybox(), old_root="")
    error = refused(up(product, case.directory, text))
    assert "cannot be written by uid" in error
    assert "box.yaml:8:5" in error
    assert not list(case.root.iterdir())
    for name in ("code", "data", "proc", "sys", "dev", "tmp", "etc"):
        (case.root / name).mkdir()
    for name in ("passwd", "group", "hosts", "hostname", "nsswitch.conf"):
        (case.root / "etc" / name).touch()
    for name in ("busybox", "made", "data/file"):
        (case.root / name).touch()
    before = tree(case.root)
    assert "\nshown\nshown\nmade by the spec\n" in good(up(product, case.directory, text))
    assert tree(case.root) == before


def test_a_root_that_is_no_directory(product: Product) -> None:
    directory = product.directory()
    spec = f"version: 1\nroot: ./root\nbinds: [{busybox()}:/busybox]\ninit: [/busybox, echo, up]\n"
    assert "does not exist" in refused(up(product, directory, spec))
    product.write(directory / "root", "")
    assert "is a file" in refused(up(product, directory, spec))
    (directory / "root").unlink()
    (directory / "root").symlink_to("nowhere")
    refused(up(product, directory, spec))
    (directory / "nowhere").mkdir(mode=0o755)
    product.own(directory)
    good(up(product, directory, spec))
    assert [path.name for path in (directory / "nowhere").iterdir()] == ["busybox"]
    (directory / "nowhere").chmod(0)
    error = refused(up(product, directory, spec))
    assert "box.yaml:3:9" in error
    assert "nowhere may not be searched" in error or "root may not be searched" in error
    (directory / "nowhere").chmod(0o755)


OLD_ROOT = """
version: 1
root: {{path: ./root, create: true, old_root: /tmp}}
binds:
  - {busybox}:/busybox
  - ./shown:/tmp/shown
  - ./shown/file:/tmp/deep/er/file
  - ./shown:/outside
mounts:
  - {{type: proc}}
  - {{type: tmpfs, target: /tmp, mode: "1777"}}
  - {{type: tmpfs, target: /tmp/own, size: 1m}}
files:
  - {{target: /tmp/made, content: "made\\n"}}
  - {{target: /tmp/link, symlink: made}}
working_dir: /tmp
init: [/busybox, sh, -c, '{script}']
"""


def test_below_an_old_root(product: Product) -> None:
    """A tmpfs and binds at and below /tmp: all of them there, and nothing of the host's."""
    directory = product.directory()
    product.write(directory / "shown/file", "shown\n")
    product.write(directory / SECRET, "secret\n")
    looks = {
        "mounts": "/busybox cat /proc/self/mountinfo",
        "files": "/busybox find / -path /proc -prune -o -print",
        "above": "for d in /.. /tmp/.. .. ../.. /proc/1/root /proc/1/root/.. /proc/self/cwd/..; "
        "do /busybox ls -a $d; done",
        "seen": "/busybox cat /tmp/shown/file /tmp/deep/er/file /tmp/made /tmp/link",
        "write": "echo x > /tmp/own/x && /busybox cat /tmp/own/x; echo x > /tmp/shown/x",
    }
    text = "; ".join(["exec 2>&1", *(f'echo "== {k}"; {v}' for k, v in looks.items())])
    spec = OLD_ROOT.format(busybox=busybox(), script=text)
    for _ in range(2):
        done = up(product, directory, spec)
        seen = sections(done.stdout)
        assert seen["seen"] == "shown\nshown\nmade\nmade\n"
        assert seen["write"].startswith("x\n")
        assert "ead-only file system" in seen["write"]
        points = sorted(mount.point for mount in mounts(seen["mounts"]))
        assert points == [
            "/", "/busybox", "/outside", "/proc", "/tmp", "/tmp/deep/er/file", "/tmp/own",
            "/tmp/shown",
        ]  # fmt: skip
        assert set(seen["files"].split()) == {
            "/", "/busybox", "/outside", "/outside/file", "/tmp", "/tmp/shown",
            "/tmp/shown/file", "/tmp/deep", "/tmp/deep/er", "/tmp/deep/er/file", "/tmp/own",
            "/tmp/made", "/tmp/link",
        }  # fmt: skip
        tops = {".", "..", "busybox", "outside", "proc", "tmp"}
        above = seen["above"].split()
        assert set(above) == tops
        assert len(above) == 7 * len(tops)
        assert SECRET not in done.stdout
        assert sorted(path.name for path in (directory / "root").iterdir()) == [
            "busybox", "outside", "proc", "tmp",
        ]  # fmt: skip
        assert not list((directory / "root/tmp").iterdir())
