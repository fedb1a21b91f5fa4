"""What is bound is as closed by the new calls (mount_setattr) as by the old (bind, then remount).

The sources have mounts of every kind below them, made in a user namespace of the test's own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.box.boxes import busybox, good, mounts, script, sections, up
from tests.product import Product

HERE = Path(__file__).parent
BELOW = {
    "plain": "",
    "ro": "ro",
    "closed-flags": "nosuid,nodev,noexec,noatime",
    "strict": "strictatime",
    "nodiratime": "relatime,nodiratime",
    "nosymfollow": "nosymfollow",
    "odd name é": "noexec",
    "over": "",
    "plain/inner": "noexec",
    "unsearchable": "closed",
}
SPEC = """
version: 1
root: {{path: ./root, create: true, read_only: true}}
binds:
  - {busybox}:/busybox
  - ./src:/ro
  - ./src:/rw:rw
  - ./src/file:/file
  - ./src/file:/file-rw:rw
  - ./link:/through
  - ./src/plain:/alone
  - ./src/closed-flags/here:/flagged
mounts:
  - {{type: proc}}
  - {{type: dev}}
  - {{type: tmpfs, target: /rw/dir}}
files:
  - {{target: /made, content: "x"}}
init: [/busybox, sh, /ro/look]
"""
LOOK = """
exec 2>&1
b=/busybox
echo "== mounts"; $b cat /proc/self/mountinfo
echo "== writes"
write() {
    if $b touch "$1" 2>/dev/null; then echo "$1 written"; $b rm "$1"; else echo "$1 refused"; fi
}
for top in /ro /rw /through /alone; do
    for below in . plain ro closed-flags strict nodiratime nosymfollow "odd name é" over plain/inner; do
        test -d "$top/$below" && write "$top/$below/new"
    done
done
for file in /file /file-rw /ro/mounted-file /rw/mounted-file /flagged; do
    if echo x >> $file; then echo "$file written"; else echo "$file refused"; fi 2>/dev/null
done
echo "== root"
write /new; write /proc/new; write /dev/new; write /rw/dir/new
$b mount -o remount,rw /ro; $b umount /ro/over; $b chmod 777 /ro/plain
echo "== descriptors"; $b ls -l /proc/self/fd
"""


def prepare(product: Product) -> Path:
    directory = product.directory()
    for name in (*BELOW, "dir"):
        if name != "plain/inner":
            (directory / "src" / name).mkdir(parents=True)
    product.write(directory / "src/file", "text\n")
    product.write(directory / "src/mounted-file", "")
    product.write(directory / "src/look", LOOK)
    (directory / "link").symlink_to("src")
    product.write(directory / "box.yaml", SPEC.format(busybox=busybox()))
    product.own(directory)
    return directory


def look(product: Product, directory: Path, argv: list[str]) -> dict[str, str]:
    """Run ARGV on the spec, where everything is mounted; a descriptor leaks into it."""
    plan = [f"src/{name}:{flags}" for name, flags in BELOW.items() if "/" not in name]
    # plain/inner lies in a tmpfs: mounted last, on a directory made there.
    nested = 'mkdir -p src/plain/inner && exec "$@"'
    words = [
        str(product.python),
        str(HERE / "mounted.py"),
        *plan,
        "src/mounted-file=src/file",
        "--",
    ]
    words += ["/bin/sh", "-c", nested, "sh"]
    words += [str(product.python), str(HERE / "mounted.py"), "src/plain/inner:noexec", "--"]
    leak = 'exec 7< /usr 8< src/file; exec "$@"'
    words += ["/bin/sh", "-c", leak, "sh", *argv]
    return sections(good(product.as_user(words, cwd=directory)))


@pytest.fixture(scope="module")
def seen(product: Product) -> dict[str, dict[str, str]]:
    """The same box by the new calls and by the old."""
    directory = prepare(product)
    driver = [str(product.python), str(HERE / "driver.py"), "legacy", "box.yaml"]
    up = [*map(str, product.toyspec), "up", "-q", "box.yaml"]
    return {"new": look(product, directory, up), "old": look(product, directory, driver)}


@pytest.mark.parametrize("api", ["new", "old"])
def test_writes(seen: dict[str, dict[str, str]], api: str) -> None:
    lines = dict(line.rsplit(" ", 1) for line in seen[api]["writes"].splitlines())
    assert lines.pop("/file-rw") == "written"
    assert lines.pop("/rw/mounted-file") == "written"
    for path, what in lines.items():
        closed = not path.startswith("/rw/") or path == "/rw/ro/new"
        assert what == ("refused" if closed else "written"), path
    assert len(lines) > 30
    root = seen[api]["root"]
    assert "/new refused" in root
    assert "/dev/new written" in root
    assert "/rw/dir/new written" in root


@pytest.mark.parametrize("api", ["new", "old"])
def test_descriptors(seen: dict[str, dict[str, str]], api: str) -> None:
    """A caller's 7 and 8 do not cross."""
    lines = seen[api]["descriptors"].splitlines()
    assert [line.partition(" -> ")[0].split()[-1] for line in lines if "->" in line] == list("012")


def test_the_same_flags(seen: dict[str, dict[str, str]]) -> None:
    new, old = (
        {mount.point: (mount.root, mount.flags) for mount in mounts(seen[api]["mounts"])}
        for api in ("new", "old")
    )
    assert new.keys() == old.keys()
    for point, (root, flags) in new.items():
        assert old[point] == (root, flags), point
    assert "\\040name" in " ".join(new)
    for point, (_, flags) in new.items():
        if point.startswith(("/ro", "/file ", "/through", "/alone", "/flagged")):
            assert {"ro", "nosuid", "nodev"} <= flags, point
    assert {"noexec", "noatime"} <= new["/rw/closed-flags"][1]
    assert "nosymfollow" in new["/rw/nosymfollow"][1]


@pytest.mark.parametrize("api", ["new", "old"])
def test_the_whole_host_read_only(product: Product, api: str) -> None:
    """`/` as a source is the host's, not the box's root that lies over it by then."""
    directory = product.directory()
    product.write(directory / "here", "here\n")
    looks = {
        "names": "ls -A /host",
        "here": f"cat /host{directory}/here",
        "writes": f"touch /host{directory}/new /host/tmp/new /host/dev/shm/new",
        "mounts": "cat /proc/self/mountinfo",
    }
    spec = 'version: 1\nsystem: host\nbinds: ["/:/host"]\n'
    spec += f"init: [sh, -c, {json.dumps(script(looks) + '; exit 0')}]\n"
    seen = sections(good(up(product, directory, spec, api=api)))
    assert set(seen["names"].split()) == set(os.listdir("/"))
    assert seen["here"] == "here\n"
    assert seen["writes"].count("Read-only file system") == 2 + os.path.isdir("/dev/shm")
    below = [
        m for m in mounts(seen["mounts"]) if m.point == "/host" or m.point.startswith("/host/")
    ]
    assert len(below) > 1
    if api == "new":
        assert all({"ro", "nosuid", "nodev"} <= mount.flags for mount in below)
