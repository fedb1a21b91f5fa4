"""What a detached box prints: byte for byte, within bounds, and nobody who reads holds the box up."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import tools
from tests.product import Product
from tests.run import detached
from tests.run.boxes import eventually, stat
from tests.run.detached import Place, gone
from toyspec.run import readers
from toyspec.run.log import FILE_SIZE, FILES

PYTHON = "/usr/bin/python3"


@pytest.fixture
def place(product: Product) -> Iterator[Place]:
    with detached.place(product) as made:
        yield made


def raw(place: Place, *words: str) -> tuple[bytes, bytes]:
    """`toyspec logs WORDS`, as it comes."""
    scratch = place.product.directory()
    script = 'cd "$0" && "$@" >out 2>err'
    words = (*place.product.toyspec, "logs", *words)
    place.product.as_user(["sh", "-c", script, scratch, *words], env=place.env)
    return (scratch / "out").read_bytes(), (scratch / "err").read_bytes()


def test_any_bytes_come_back_as_they_were(place: Place) -> None:
    code = (
        "import os; data = bytes(range(256)) * 300; os.write(1, data); os.write(2, data[::-1]);"
        "os.write(1, b'\\0\\0no newline at the end')"
    )
    place.up(PYTHON, "-c", code)
    assert place.ends() == 0
    data = bytes(range(256)) * 300
    assert raw(place, "box") == (data + b"\0\0no newline at the end", data[::-1])


def test_timestamps_and_the_last_lines(place: Place) -> None:
    place.up(
        "sh",
        "-c",
        "echo one; printf 'tw'; sleep 0.1; echo o; sleep 0.1; echo err >&2; sleep 0.1; printf end",
    )
    assert place.ends() == 0
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z "
    out, err = raw(place, "-t", "box")
    assert re.fullmatch(f"{stamp}one\n{stamp}two\n{stamp}end", out.decode())
    assert re.fullmatch(f"{stamp}err\n", err.decode())
    assert raw(place, "--tail", "1", "box") == (b"end", b"")
    assert raw(place, "--tail", "2", "box") == (b"end", b"err\n")
    assert raw(place, "--tail", "0", "box") == (b"", b"")
    assert raw(place, "--tail", "all", "box") == raw(place, "box")
    done = place.run("logs", "--tail", "-1", "box")
    assert done.returncode == 2 and "a number of lines" in done.stderr


def test_who_follows_sees_it_come_and_ends_with_the_box(place: Place) -> None:
    place.up("sh", "-c", "echo begins; trap 'echo ends; exit 0' TERM; while :; do sleep 0.02; done")
    with place.start("logs", "-f", "box") as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "begins\n"
        assert place.run("stop", "box").returncode == 0
        out, err = follower.communicate(timeout=30)
        assert (out, err, follower.returncode) == ("ends\n", "", 0)
    done = place.run("logs", "-f", "box")  # it has ended already
    assert (done.returncode, done.stdout) == (0, "begins\nends\n")


MUCH = """
import os, signal, sys
def end(*_):
    os.write(1, b"".join(b"%06d\\n" % n for n in range(130000, 400000)))
    os._exit(4)
signal.signal(signal.SIGTERM, end)
os.write(1, b"".join(b"%06d\\n" % n for n in range(130000)))
os.write(2, b"ready\\n")
while True:
    signal.pause()
"""
ALL = b"".join(b"%06d\n" % number for number in range(400000))


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """It is, whatever a test finds."""
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("verb", ["stop", "down", "restart"])
def test_who_follows_misses_nothing_at_the_end(place: Place, verb: str) -> None:
    """The files are turned over twice between the last look and the end, and removed at once."""
    place.up(PYTHON, "-c", MUCH)
    scratch = place.product.directory()
    out, err = scratch / "out", scratch / "err"
    with out.open("wb") as one, err.open("wb") as two:
        follower = place.start("logs", "-f", "box", stdout=one, stderr=two)
    with ended(follower):
        eventually(lambda: err.read_bytes() == b"ready\n")
        done = place.run(verb, "box")
        assert done.returncode == 0, done.stderr
        if verb == "restart":
            eventually(lambda: raw(place, "box")[1] == b"ready\n")
            assert place.run("down", "box").returncode == 0
        assert follower.wait(60) == 0
    times, said = (2, "toyspec: `box` was begun anew\nready\n") if verb == "restart" else (1, "")
    assert err.read_text() == "ready\n" + said
    assert hashlib.sha256(out.read_bytes()).digest() == hashlib.sha256(ALL * times).digest()


def test_who_follows_ends_with_the_box_where_nobody_begins_it_anew(place: Place) -> None:
    """A restart that fails leaves the old box, and so its reader; `up` in its place is another box."""
    place.up("sh", "-c", "echo one; exec sleep 1000")
    with ended(place.start("logs", "-q", "-f", "box")) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "one\n"
        text = place.spec.read_text()
        place.product.write(place.spec, "version: 1\ninit: []\n")
        assert place.run("restart", "box").returncode == 125
        place.product.write(place.spec, text)
        assert place.run("restart", "-t", "0", "box").returncode == 0
        assert follower.stdout.readline() == "one\n"
        assert place.run("down", "-t", "0", "box").returncode == 0
        place.up("echo", "two")
        assert follower.communicate(timeout=60) == ("", "")
        assert follower.returncode == 0


def test_who_does_not_read_holds_a_removal_up_for_a_moment_only(place: Place) -> None:
    place.up("echo", "one")
    assert place.ends() == 0
    (kept,) = place.boxes.iterdir()
    status = os.open(kept / "status", os.O_RDONLY)
    readers.tell(status, readers.READS)
    assert place.run("down", "box").returncode == 0
    assert not kept.exists()
    os.close(status)


def watches(pid: int) -> bool:
    """Whether it holds another process by a pidfd."""
    held = f"/proc/{pid}/fd"
    try:
        return any("pidfd" in os.readlink(f"{held}/{each}") for each in os.listdir(held))
    except OSError:
        return False  # one was closed meanwhile


def test_who_waits_learns_how_the_old_box_ended(place: Place) -> None:
    place.up("sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
    eventually(lambda: raw(place, "box")[0] == b"ready\n")
    with ended(place.start("wait", "box")) as waiter:
        eventually(lambda: watches(waiter.pid))
        assert place.run("restart", "box").returncode == 0
        waiter.communicate(timeout=60)
        assert waiter.returncode == 3
    assert place.ps()["box"]["state"] == "running"


def test_a_reader_that_goes_or_stands_still_holds_nobody_up(place: Place) -> None:
    place.up("sh", "-c", "yes | head -c 300000; echo; echo done; exec sleep 1000")
    still = place.start("logs", "-f", "box")
    os.kill(still.pid, signal.SIGSTOP)
    done = place.product.as_user(
        [
            "sh",
            "-c",
            '"$0" logs -f box | head -n 1; echo "${PIPESTATUS:-}"',
            *place.product.toyspec,
        ],
        env=place.env,
    )
    assert done.stdout.startswith("y\n")
    eventually(lambda: raw(place, "--tail", "1", "box") == (b"done\n", b""))
    still.kill()
    still.communicate()


def test_a_log_is_bounded_whatever_is_printed(place: Place) -> None:
    """A part of it is lost, but never the end, and the box is not."""
    size = 64 << 20
    code = (
        f"import os\nfor i in range({size} // 65536): os.write(1, b'%08d ' % i * 7281 + b'1234567')"
    )
    place.up(PYTHON, "-c", f"{code}\nos.write(2, b'the end')\nos._exit(4)")
    with place.start("logs", "-f", "box") as follower:
        assert place.ends() == 4
        follower.communicate(timeout=60)
    sizes = [(place.boxes / "box" / name).stat().st_size for name in FILES]
    assert max(sizes) <= FILE_SIZE and sum(sizes) > 3 * (FILE_SIZE - (1 << 17))
    out, err = raw(place, "box")
    assert err == b"the end"
    whole = b"".join(b"%08d " % i * 7281 + b"1234567" for i in range(size // 65536))
    assert whole.endswith(out) and len(out) > 3 * (FILE_SIZE - (1 << 16))
    assert hashlib.sha256(out).digest() == hashlib.sha256(whole[-len(out) :]).digest()


def _waits(pid: int, pipe: str, mode: int) -> set[bool]:
    """Whether a process waits at the ends of a pipe that it has open in a mode."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{fd}") == pipe:
            said = re.search(r"flags:\s*(\d+)", Path(f"/proc/{pid}/fdinfo/{fd}").read_text())
            assert said
            flags = int(said[1], 8)
            if flags & os.O_ACCMODE == mode:
                found.add(not flags & os.O_NONBLOCK)
    return found


STEALS = """
import os
reader = os.open("/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK)
for _ in range(2000):
    os.write(1, b"x")
    try:
        os.read(reader, 65536)
    except BlockingIOError:
        pass
print("done", flush=True)
"""


def test_a_box_that_reads_what_it_printed_does_not_stop_the_monitor(place: Place) -> None:
    """It can open its end anew, and be the first to read: then nothing is there for the monitor."""
    place.up(PYTHON, "-c", f"{STEALS}\nimport signal; signal.pause()")
    eventually(lambda: raw(place, "box")[0].endswith(b"done\n"))
    monitor, _, init = place.processes()
    command = int(Path(f"/proc/{init}/task/{init}/children").read_text().split()[0])
    for fd in (1, 2):
        pipe = os.readlink(f"/proc/{command}/fd/{fd}")
        waits = _waits(monitor, pipe, os.O_RDONLY)
        assert waits == {False}, "the monitor would wait in read(2), deaf to every signal"
        assert _waits(command, pipe, os.O_WRONLY) == {True}, "the box's own end waits as ever"
    assert place.run("stop", "box").returncode == 0


@pytest.mark.parametrize("kind", ["fifo", "symlink", "file"])
def test_what_has_a_new_log_s_name_goes(place: Place, kind: str) -> None:
    script = "trap 'yes | head -c 3000000; exit 5' TERM; echo ready; while :; do sleep 0.02; done"
    place.up("sh", "-c", script)
    eventually(lambda: raw(place, "box")[0] == b"ready\n")
    path = place.boxes / "box/log.new"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "symlink":
        path.symlink_to(place.boxes / "box/plan.json")
    else:
        path.write_text("not ours")
    plan = (place.boxes / "box/plan.json").read_bytes()
    assert place.run("kill", "-s", "TERM", "box").returncode == 0
    assert place.ends() == 5
    assert raw(place, "box")[0] == b"ready\n" + b"y\n" * 1500000
    assert (place.boxes / "box/plan.json").read_bytes() == plan


@pytest.mark.parametrize("kind", ["symlink", "fifo", "directory"])
def test_a_log_that_is_none_is_named(place: Place, kind: str) -> None:
    place.up("echo", "printed")
    assert place.ends() == 0
    path = place.boxes / "box/log.1"
    if kind == "symlink":
        path.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    if kind != "symlink":
        os.chown(path, place.product.uid, place.product.gid)
    done = place.run("logs", "box")
    (path.rmdir if kind == "directory" else path.unlink)()
    assert (done.returncode, done.stdout) == (2, ""), done
    assert f"{path}: " in done.stderr and "remove it" in done.stderr
    assert "bug in toyspec" not in done.stderr


def test_a_directory_that_is_gone_does_not_stop_it(place: Place) -> None:
    """Nowhere to turn over to: while the box ends, it prints on all the same, and the file is bounded."""
    script = "trap '' TERM; sleep 0.5; yes | head -c 8000000; exit 6"
    place.up("sh", "-c", script, text="stop_grace_period: 1h\n")
    monitor = place.processes()[0]
    kept = place.boxes / "box"
    for each in kept.iterdir():
        each.unlink()
    kept.rmdir()
    log = f"/proc/{monitor}/fd"
    biggest = 0
    while stat(monitor)[0] not in ("", "Z"):
        try:
            for fd in os.listdir(log):
                if os.readlink(f"{log}/{fd}").endswith("/log (deleted)"):
                    biggest = max(biggest, os.stat(f"{log}/{fd}").st_size)
        except OSError:
            break
    gone(monitor)
    assert biggest <= FILE_SIZE


FULL = """
set -e
mount -t tmpfs -o size=300k,mode=700 tmpfs "$XDG_RUNTIME_DIR"
toyspec() { "$TOYSPEC" "$@"; }
toyspec up -d "$1" -- sh -c 'yes | head -c 2000000; exit 3'
toyspec wait box && exit 1 || test $? = 3
toyspec logs box >"$2/out" 2>"$2/err"
toyspec ps -a --format json >"$2/ps"
toyspec down box
dd if=/dev/zero of="$XDG_RUNTIME_DIR/full" bs=1k 2>"$2/dd" || true
toyspec up -d "$1" -- true >"$2/up" 2>&1 && exit 1 || test $? = 125
ls "$XDG_RUNTIME_DIR/toyspec/boxes" >"$2/left"
rm "$XDG_RUNTIME_DIR/full"
toyspec up -d "$1" -- true
toyspec wait box
"""


def test_a_full_disk_loses_output_and_says_so_but_no_status(place: Place) -> None:
    tools.need("unshare")
    scratch = place.product.directory()
    path = str(place.words()[2])
    enter = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount"]
    done = place.product.as_user(
        [*enter, "bash", "-c", FULL, "sh", path, scratch],
        env=place.env | {"TOYSPEC": place.product.toyspec[0]},
        timeout=120,
    )
    assert done.returncode == 0, (done.stdout, done.stderr, [*scratch.iterdir()])
    out = (scratch / "out").read_text()
    assert out and set(out) == {"y", "\n"} and len(out) < 300_000
    lost = re.findall(r"toyspec: (\d+) bytes found no room", (scratch / "err").read_text())
    assert lost and len(out) + sum(map(int, lost)) == 2_000_000
    assert '"exit_code": 3' in (scratch / "ps").read_text()
    assert "No space left on device" in (scratch / "up").read_text()
    assert "df shows how full it is" in (scratch / "up").read_text()
    assert (scratch / "left").read_text() == ""
