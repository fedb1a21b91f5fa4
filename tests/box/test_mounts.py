"""Bind options, odd sources, and the mounts of a box's own, looked at from inside."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from tests.box.boxes import Mount, good, mounts, refused, script, sections, up
from tests.product import Product

OWN = ("mqueue", "cgroup2", "devpts", "tmpfs", "dev", "overlay", "volume")
"""The types of mounts that go onto any directory."""


def look(
    product: Product, directory: Path, spec: str, looks: dict[str, str], api: str = "new"
) -> dict[str, str]:
    """What each look shows in a box of `spec` with the host's system."""
    told = json.dumps(script(looks) + "; exit 0")
    text = f"version: 1\nsystem: host\n{spec}\ninit: [sh, -c, {told}]\n"
    return sections(good(up(product, directory, text, api=api)))


def flags(seen: dict[str, str], point: str) -> frozenset[str]:
    """The flags of the one mount at `point`."""
    return found(seen, point).flags


def found(seen: dict[str, str], point: str) -> Mount:
    (mount,) = (each for each in mounts(seen["mounts"]) if each.point == point)
    return mount


BINDS = """
binds:
  - ./tools:/plain
  - ./tools:/closed:noexec
  - ./tools:/closed-rw:rw,noexec
  - ./tools:/setuid:suid
  - ./tools:/alone:norec
  - {source: ./tools, target: /long, exec: false, suid: true, recursive: false, read_only: false}
  - ./tools/run:/one:noexec
"""


@pytest.mark.parametrize("api", ["new", "old"])
def test_options_of_binds(caller: Product, api: str) -> None:
    directory = caller.directory()
    caller.write(directory / "tools/run", "#!/bin/sh\necho ran\n", 0o755)
    caller.own(directory)
    places = ("plain", "closed", "closed-rw", "setuid", "alone", "long")
    looks = {place: f"/{place}/run; touch /{place}/new && echo written" for place in places}
    looks |= {"one": "/one", "mounts": "cat /proc/self/mountinfo"}
    seen = look(caller, directory, BINDS, looks, api)
    for place in (*places, "one"):
        closed = place.startswith("closed") or place in ("long", "one")
        assert ("ran" in seen[place]) is not closed, (place, seen[place])
        assert ("written" in seen[place]) is (place in ("closed-rw", "long")), place
        told = flags(seen, f"/{place}")
        assert ("noexec" in told) is closed, place
        assert ("nosuid" in told) is (place not in ("setuid", "long")), place
        assert "nodev" in told


ODD = ("with space", "with,comma", "ünï-çödé", "with:colon", "-dash", "back\\slash", "'quotes\"")


@pytest.mark.parametrize("api", ["new", "old"])
def test_sources_with_any_name(product: Product, api: str) -> None:
    directory = product.directory()
    for name in ODD:
        product.write(directory / name / "file", f"{name}\n")
    product.own(directory)
    binds = [{"source": f"./{name}", "target": f"/odd/{name}"} for name in ODD]
    seen = look(product, directory, f"binds: {json.dumps(binds)}", {"all": "cat /odd/*/file"}, api)
    assert sorted(seen["all"].splitlines()) == sorted(ODD)


def test_a_line_break_in_a_source_is_refused_by_name(product: Product) -> None:
    text = 'version: 1\nbinds: [{source: "/a\\nb", target: /x}]\ninit: [x]\n'
    assert "the control character U+000A in `/a\\nb`" in refused(
        up(product, product.directory(), text)
    )


@pytest.mark.parametrize("api", ["new", "old"])
def test_sockets_and_fifos(product: Product, api: str) -> None:
    """They are bound as files are, onto what is there or is made; who listens is outside."""
    directory = product.directory()
    (directory / "root").mkdir()
    os.mkfifo(directory / "fifo")
    os.mkfifo(directory / "root/fifo")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(directory, os.O_PATH)  # a socket's address is short
        one.bind(f"/proc/self/fd/{here}/sock")
        os.close(here)
    product.own(directory)
    spec = "root: ./root\nbinds: [./fifo:/fifo, ./sock:/sock, ./sock:/dev/log]"
    looks = {"what": "test -p /fifo && test -S /sock && test -S /dev/log && echo there"}
    looks["open"] = "(echo sent > /fifo &) ; timeout 5 head -n 1 /fifo"
    seen = look(product, directory, spec, looks, api)
    assert seen == {"what": "there\n", "open": "sent\n"}


MOUNTS = """
root: {size: 2m}
mounts:
  - {type: mqueue}
  - {type: cgroup2}
  - {type: devpts, target: /terminals}
  - {type: proc, target: /processes, hidepid: invisible, subset: pid}
  - {type: proc, target: /still, read_only: true}
  - {type: dev, target: /devices, read_only: true, exec: false}
  - {type: tmpfs, target: /memory, size: 1m, inodes: 5, mode: "0700", exec: false}
  - {type: tmpfs, target: /closed, read_only: true}
  - {type: tmpfs, target: /closed/in/it}
  - {type: overlay, target: /over, lower: ./lower, read_only: true, exec: false}
  - {type: volume, name: a-1_b, target: /volume}
  - {type: volume, name: a-1_b, target: /again, read_only: true, exec: false}
files: [{target: /volume/deep/file, content: "made\\n"}]
"""
LOOKS = {
    "mounts": "cat /proc/self/mountinfo",
    "mqueue": "touch /dev/mqueue/queue && ls /dev/mqueue",
    "cgroup": "grep -x 1 /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/new",
    "terminals": "exec 3<>/terminals/ptmx && ls /terminals && stat -c %a /terminals/ptmx",
    "processes": "test -d /processes/1 && ls /processes | grep -v '^[0-9]'",
    "still": "echo 5 > /still/1/oom_score_adj",
    "devices": "touch /devices/new; echo x > /devices/null && touch /devices/shm/new && ls /devices/shm",
    "memory": "for n in 1 2 3 4 5 6; do touch /memory/$n; done; df -k /memory / | awk '{print $2}'",
    "closed": "touch /closed/new; touch /closed/in/it/new && ls /closed /closed/in/it",
    "over": "cat /over/below; touch /over/new",
    "volume": "cat /volume/deep/file; cat /volume/kept; echo kept > /volume/kept; touch /again/new",
}


@pytest.mark.parametrize("api", ["new", "old"])
def test_what_each_mount_is(caller: Product, api: str) -> None:
    directory = caller.directory()
    caller.write(directory / "lower/below", "below\n")
    caller.own(directory)
    spec = MOUNTS.replace("a-1_b", f"a-1_{api}")
    first = look(caller, directory, spec, LOOKS, api)
    seen = look(caller, directory, spec, LOOKS, api)
    types = {mount.point: mount.type for mount in mounts(seen["mounts"])}
    for point, kind in {
        "/dev/mqueue": "mqueue", "/sys/fs/cgroup": "cgroup2", "/terminals": "devpts",
        "/processes": "proc", "/over": "overlay", "/memory": "tmpfs",
    }.items():  # fmt: skip
        assert types[point] == kind
        assert "nosuid" in flags(seen, point)
    assert seen["mqueue"] == "queue\n"
    assert seen["cgroup"].startswith("1\n")
    assert "Read-only file system" in seen["cgroup"]
    assert seen["terminals"] == "0\nptmx\n666\n"
    assert seen["processes"].split() in ([], ["self", "thread-self"])
    assert " - proc none rw,hidepid=invisible,subset=pid" in seen["mounts"]
    for name in ("still", "devices", "closed", "over"):
        assert seen[name].count("Read-only file system") == 1, seen[name]
        assert "ro" in flags(seen, f"/{name}")
    assert seen["devices"].endswith("\nnew\n")
    assert "noexec" in flags(seen, "/devices/shm")
    assert seen["memory"].count("No space left") == 2
    assert seen["memory"].split()[-2:] == ["1024", "2048"]
    assert "noexec" in flags(seen, "/memory")
    assert "it\n" not in seen["closed"].partition("/closed:")[0]
    assert seen["closed"].endswith("/closed:\nin\n\n/closed/in/it:\nnew\n")
    assert "noexec" in flags(seen, "/over")
    assert "below\n" in seen["over"]
    assert first["volume"].startswith("made\ncat: ")
    assert seen["volume"].startswith("made\nkept\n")
    assert "Read-only file system" in seen["volume"]
    assert {"ro", "nosuid", "nodev", "noexec"} <= flags(seen, "/again")


def test_a_volume_is_its_owner_s_alone(product: Product) -> None:
    directory = product.directory()
    env = {"XDG_DATA_HOME": f"{directory}/not/yet"}
    text = (
        "version: 1\nsystem: host\nmounts: [{type: volume, name: npm, target: /v}]\n"
        "init: [sh, -c, 'echo x > /v/x']\n"
    )
    place = directory / "not/yet/toyspec/volumes/npm"
    product.write(directory / "box.yaml", text)
    plan = product.run(["plan", "box.yaml"], cwd=directory, env=env)
    assert f"volume npm is made: {place}" in plan.stdout
    assert "writable: not/yet/toyspec/volumes/npm at /v" in plan.stdout
    assert not place.exists()
    good(up(product, directory, text, env=env))
    assert (place / "x").read_text(encoding="utf-8") == "x\n"
    while place != directory:
        assert stat.S_IMODE(place.stat().st_mode) == 0o700, place
        place = place.parent


def test_no_symlink_stands_for_a_volume(product: Product) -> None:
    """What was there when the plan was made is what is looked at, and nothing is written beside it."""
    directory = product.directory()
    (directory / "elsewhere").mkdir()
    text = (
        "version: 1\nsystem: host\nmounts: [{type: volume, name: npm, target: /v}]\n"
        "init: [touch, /v/x]\n"
    )
    for link in ("toyspec", "toyspec/volumes", "toyspec/volumes/npm"):
        data = directory / link.replace("/", "-")
        (data / link).parent.mkdir(parents=True)
        (data / link).symlink_to(directory / "elsewhere")
        product.own(directory)
        error = refused(up(product, directory, text, env={"XDG_DATA_HOME": str(data)}))
        assert f"volume npm: {data}/{link} is a symlink, not a directory" in error
    assert os.listdir(directory / "elsewhere") == []
    # The way to the caller's data may lead through symlinks: it is theirs.
    (directory / "data").symlink_to("elsewhere")
    good(up(product, directory, text, env={"XDG_DATA_HOME": f"{directory}/data"}))
    assert (directory / "elsewhere/toyspec/volumes/npm/x").exists()


def entry(kind: str, target: str, number: int) -> str:
    more = {"overlay": ", lower: ./lower", "volume": f", name: v{number}"}.get(kind, "")
    return f"  - {{type: {kind}, target: {target}{more}}}\n"


def test_targets_that_are_something_else_already(product: Product) -> None:
    """Directories, and symlinks to them or to nothing, take every mount; nothing else takes any."""
    directory = product.directory()
    root = directory / "root"
    (directory / "lower").mkdir(parents=True)
    for kind in OWN:
        here = root / f"on-{kind}"
        (here / "directory").mkdir(parents=True)
        (here / "place").mkdir()
        (here / "to-directory").symlink_to("place")
        (here / "to-nothing").symlink_to(f"/on-{kind}/absent/deeper")
        (here / "to-outside").symlink_to(directory / "lower" / kind)
        (directory / "lower" / kind).mkdir()
        (here / "file").write_bytes(b"")
        (here / "to-file").symlink_to("file")
        os.mkfifo(here / "fifo")
        (here / "loop").symlink_to("loop")
    product.own(directory)
    head = "version: 1\nroot: ./root\nsystem: host\nmounts:\n"
    fine = ("directory", "to-directory", "to-nothing", "to-outside")
    lines = [
        entry(kind, f"/on-{kind}/{name}", number)
        for kind in OWN
        for number, name in enumerate(fine)
    ]
    init = "init: [cat, /proc/self/mountinfo]\n"
    seen = {
        mount.point: mount.type
        for mount in mounts(good(up(product, directory, head + "".join(lines) + init)))
    }
    for kind in OWN:
        places = [f"/on-{kind}/directory", f"/on-{kind}/place", f"/on-{kind}/absent/deeper"]
        types = {seen[place] for place in places}
        assert types == {kind} if kind not in ("dev", "volume") else len(types) == 1, kind
        assert os.listdir(directory / "lower" / kind) == []
    wrong = ("file", "to-file", "fifo", "loop", "file/below")
    lines = [entry(kind, f"/on-{kind}/{name}", 0) for kind in OWN for name in wrong]
    error = refused(up(product, directory, head + "".join(lines) + init))
    for number in range(5, 5 + len(lines)):
        assert f"box.yaml:{number}:5: error: " in error, lines[number - 5]
    assert "/on-mqueue/fifo is a fifo in the box, this entry is a directory" in error


def test_the_console_is_the_box_s_own_terminal(product: Product) -> None:
    directory = product.directory()
    command = "stat -c %r /dev/console /dev/stdin -L; echo said > /dev/console"
    text = f"version: 1\nsystem: host\ninit: [sh, -c, '{command}']\n"
    product.write(directory / "box.yaml", text)
    process, master = product.terminal(["up", "-q", "box.yaml"], cwd=directory)
    said = b""
    try:
        while piece := os.read(master, 4096):
            said += piece
    except OSError:
        pass  # EIO: nobody has the terminal any more
    finally:
        os.close(master)
        process.wait()
    device, same, *rest = said.decode().split("\r\n")
    assert device == same
    assert rest[0] == "said"
    assert "console" not in good(up(product, directory, text.replace(command, "ls /dev")))
