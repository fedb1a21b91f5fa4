"""`--status-fd`: what a supervisor is told of a box, as bubblewrap tells it, and never to the box's harm."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests import tools
from tests.product import Product, Word
from tests.run import boxes
from tests.run.boxes import (
    COMPILED,
    compile_box,
    descendants,
    eventually,
    family,
    joined,
    spec,
    stat,
    up,
)

BUBBLEWRAPS = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
INSIDE = 'for name in "$@"; do stat -L -c "%i" /proc/self/ns/$name; done'
IPC_OF_THE_HOST = """\
version: 1
system: host
namespaces: {ipc: host, uts: host, time: {boottime: 3600}}
init: [sh]
"""
either_way = pytest.mark.usefixtures("either_way")


def telling(fd: int, words: Sequence[Word]) -> list[Word]:
    """The words of `up` or of a compiled box, and that it tells `fd` what becomes of it."""
    at = list(words)
    if boxes.ways[-1] == COMPILED:
        return [at[0], "--status", str(fd), *at[1:]]
    verb = at.index("run" if "run" in at else "up") + 1
    return [*at[:verb], "--status-fd", str(fd), *at[verb:]]


@contextmanager
def telling_pipe(
    product: Product, words: Sequence[Word]
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process, and where it tells of its box."""
    reader, writer = os.pipe()
    with product.popen(telling(writer, words), program=True, pass_fds=(writer,)) as process:
        os.close(writer)
        try:
            yield process, reader
        finally:
            for pid in (*descendants(process.pid), process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            os.close(reader)


def lines(fd: int) -> list[dict[str, Any]]:
    """All that comes, to the end."""
    with open(fd, closefd=False, encoding="ascii") as file:
        return [json.loads(line) for line in file]


def told(product: Product, words: Sequence[Word]) -> tuple[list[dict[str, Any]], int, str]:
    """What is told of a box that runs to its end; its status; what it printed."""
    with telling_pipe(product, words) as (process, reader):
        found = lines(reader)
        out, err = process.communicate(timeout=30)
    return found, process.returncode, out + err


@either_way
def test_a_box_from_its_beginning_to_its_end(product: Product) -> None:
    kinds = (*BUBBLEWRAPS, "user")
    found, status, said = told(product, up(product, "sh", "-c", f"{INSIDE}; exit 3", "x", *kinds))
    assert (status, len(found)) == (3, 3)
    first, running, ended = found
    assert {f"{kind}-namespace": first[f"{kind}-namespace"] for kind in kinds} == dict(
        zip((f"{kind}-namespace" for kind in kinds), map(int, said.split()), strict=True)
    )
    others = {"child-pid", "start-time", "monitor-pid", "setup-pid"}
    assert set(first) == others | {f"{kind}-namespace" for kind in kinds}
    assert (running, ended) == ({"running": True}, {"exit-code": 3})


@either_way
def test_processes_are_those_of_the_box(product: Product) -> None:
    with telling_pipe(product, up(product, "sleep", "1000")) as (process, reader):
        monitor, setup, init = family(process.pid, "sleep")[:3]
        with open(reader, closefd=False, encoding="ascii") as file:
            first, running = (json.loads(file.readline()) for _ in range(2))
        assert (first["monitor-pid"], first["setup-pid"]) == (monitor, setup)
        assert first["child-pid"] == init
        assert first["start-time"] == int(stat(init)[19])
        assert running == {"running": True}
        os.kill(init, signal.SIGKILL)
        assert lines(reader) == [{"exit-code": 137}]


@either_way
def test_the_line_is_there_before_the_command_runs(product: Product) -> None:
    """And the one that it runs while it does, with nothing else that happens."""
    with (
        telling_pipe(product, up(product, "sleep", "1000")) as (_, reader),
        open(reader, closefd=False, encoding="ascii") as file,
    ):
        assert "child-pid" in json.loads(file.readline())
        assert json.loads(file.readline()) == {"running": True}


@either_way
@pytest.mark.parametrize(
    ("argv", "status", "more"),
    [
        (["true"], 0, [{"running": True}, {"exit-code": 0}]),
        (["sh", "-c", "exit 125"], 125, [{"running": True}, {"exit-code": 125}]),
        (["/nonexistent"], 127, []),
        (["/etc/hostname"], 126, []),
    ],
)
def test_what_a_box_comes_to(
    product: Product, argv: list[str], status: int, more: list[dict[str, Any]]
) -> None:
    """As with bubblewrap there is no exit-code where the command never ran."""
    found, left, said = told(product, up(product, *argv))
    assert (left, found[1:]) == (status, more), said
    assert "child-pid" in found[0]


@either_way
def test_a_box_whose_command_never_ran(product: Product) -> None:
    with telling_pipe(product, up(product, "sleep", "1", changes=["wait"])) as (process, reader):
        eventually(lambda: len(descendants(process.pid)) == 2)
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)
        assert process.returncode == 128 + signal.SIGTERM
        assert {key for line in lines(reader) for key in line}.isdisjoint(("running", "exit-code"))


@either_way
def test_a_box_with_a_reaper(product: Product) -> None:
    """`child-pid` is the reaper, whose namespaces nobody may see; setup has the same."""
    source = spec(product, f"{boxes.SPEC}reaper: true\n")
    if boxes.ways[-1] == COMPILED:
        words: list[Word] = [compile_box(product, source)]
    else:
        words = [*product.toyspec, "run", "--no-cache", source]
    kinds = (*BUBBLEWRAPS, "user")
    script = f"{INSIDE}; kill -TERM $$"
    with telling_pipe(product, [*words, "--", "sh", "-c", script, "x", *kinds]) as (
        process,
        reader,
    ):
        found = lines(reader)
        out, _ = process.communicate(timeout=30)
    assert [found[0][f"{kind}-namespace"] for kind in kinds] == [int(word) for word in out.split()]
    assert found[1:] == [{"running": True}, {"exit-code": 128 + signal.SIGTERM}]
    for argv, status in ((["/nonexistent"], 127), (["/etc/hostname"], 126)):
        found, left, said = told(product, [*words, "--", *argv])
        assert (left, len(found)) == (status, 1), said


def test_a_reaper_s_command_that_is_killed_before_its_execve_never_ran(product: Product) -> None:
    """However late its reaper learns of that: it is held still until all else was told."""
    source = spec(product, f"{boxes.SPEC}reaper: true\n")
    words = [*boxes.command_line(product, ["unexecuted"]), "up", "-q", "--no-cache", source]
    with telling_pipe(product, [*words, "--", "true"]) as (process, reader):
        with open(reader, encoding="ascii", closefd=False) as file:
            init = json.loads(file.readline())["child-pid"]
        assert process.stderr is not None
        assert process.stderr.readline() == "held\n"
        (child,) = boxes.children(init)
        os.kill(init, signal.SIGSTOP)
        boxes.become("T", init)
        os.kill(child, signal.SIGKILL)
        boxes.become("Z", child)
        time.sleep(0.3)  # the monitor sees the pipe's end meanwhile
        os.kill(init, signal.SIGCONT)
        _, err = process.communicate(timeout=30)
        assert lines(reader) == [], err
        assert process.returncode == 125


@either_way
def test_namespaces_of_the_callers_are_none_of_the_boxs(product: Product) -> None:
    source = spec(product, IPC_OF_THE_HOST)
    if boxes.ways[-1] == COMPILED:
        words: list[Word] = [compile_box(product, source)]
    else:
        words = [*product.toyspec, "up", "-q", "--no-cache", source]
    found, status, said = told(product, [*words, "--", "sh", "-c", INSIDE, "x", "time"])
    assert status == 0, said
    kinds = {key.removesuffix("-namespace") for key in found[0] if key.endswith("-namespace")}
    assert kinds == {"cgroup", "mnt", "net", "pid", "time", "user"}
    assert found[0]["time-namespace"] == int(said)


def bubblewrapped(product: Product, *argv: str) -> tuple[list[dict[str, Any]], int, str]:
    reader, writer = os.pipe()
    options = ["--unshare-all", "--ro-bind", "/", "/", "--json-status-fd", str(writer)]
    words = ["bwrap", *options, "--proc", "/proc", "--dev", "/dev", *argv]
    with product.popen(words, program=True, pass_fds=(writer,)) as process:
        os.close(writer)
        found = lines(reader)
        out, _ = process.communicate(timeout=30)
    os.close(reader)
    return found, process.returncode, out


@either_way
def test_the_same_things_have_the_names_that_bubblewrap_gives_them(product: Product) -> None:
    tools.need("bwrap")
    script = f"{INSIDE}; exit 7"
    for telling_of in (
        bubblewrapped(product, "sh", "-c", script, "x", *BUBBLEWRAPS),
        told(product, up(product, "sh", "-c", script, "x", *BUBBLEWRAPS)),
    ):
        found, status, said = telling_of
        names = [f"{kind}-namespace" for kind in BUBBLEWRAPS]
        assert [found[0][name] for name in names] == [int(word) for word in said.split()]
        assert list(found[0])[:7] == ["child-pid", *names]
        assert (found[-1], status) == ({"exit-code": 7}, 7)


@either_way
@pytest.mark.parametrize(
    ("argv", "code"),
    [(["true"], 0), (["sh", "-c", "exit 9"], 9), (["/nonexistent"], None)],
)
def test_what_bubblewrap_says_of_an_end(
    product: Product, argv: list[str], code: int | None
) -> None:
    tools.need("bwrap")
    for found, *_ in (bubblewrapped(product, *argv), told(product, up(product, *argv))):
        codes = [line["exit-code"] for line in found if "exit-code" in line]
        assert codes == ([] if code is None else [code])


@either_way
def test_the_descriptor_does_not_cross_into_the_box(product: Product) -> None:
    script = "ls /proc/self/fd | wc -l; ls -l /proc/self/fd | grep -c pipe"
    with_it = told(product, up(product, "sh", "-c", script))[2]
    without = product.as_user(up(product, "sh", "-c", script))
    assert with_it == without.stdout + without.stderr


WRONG = {
    "x": "no number of a descriptor", "-1": "no number of a descriptor", "": "no number of a descriptor",
    "3.0": "no number of a descriptor", "³": "no number of a descriptor", "9" * 30: "no number of a descriptor",
    "0": "0, 1 and 2 are the box's", "1": "0, 1 and 2 are the box's",
    "77": "not open for writing", "999999999": "not open for writing",
}  # fmt: skip


@pytest.mark.parametrize("word", WRONG)
def test_what_is_no_descriptor_is_refused_before_anything_runs(product: Product, word: str) -> None:
    done = product.run(["up", f"--status-fd={word}", "/no/such.yaml"])
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith(f"toyspec: error: --status-fd {word}: {WRONG[word]}\n")


def test_a_descriptor_that_is_only_read_is_refused(product: Product) -> None:
    with open("/dev/null") as file:
        fd = file.fileno()
        words = [*product.toyspec, "up", "--status-fd", str(fd), "/no/such.yaml"]
        with product.popen(words, program=True, pass_fds=(fd,)) as process:
            _, err = process.communicate(timeout=30)
    assert process.returncode == 125
    assert f"--status-fd {fd}: not open for writing\n" in err


@pytest.mark.parametrize("word", ["x", "2", "77", "-1", ""])
def test_a_compiled_box_refuses_it_too(product: Product, word: str) -> None:
    done = product.as_user([boxes.compiled(product, ()), "--status", word, "--", "echo", "ran"])
    assert (done.returncode, done.stdout) == (125, "")
    assert f"--status takes a descriptor open for writing, above 2, not {word}\n" in done.stderr


@either_way
def test_nobody_reads(product: Product) -> None:
    """The write fails with EPIPE and SIGPIPE, which is ours and not the box's."""
    script = 'trap "echo pipe" PIPE; sleep 0.2; exit 5'
    reader, writer = os.pipe()
    os.close(reader)
    words = telling(writer, up(product, "sh", "-c", script))
    with product.popen(words, program=True, pass_fds=(writer,)) as process:
        os.close(writer)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (5, "", "")


@either_way
def test_nobody_reads_of_a_box_whose_init_is_no_pid_1(product: Product) -> None:
    """It would die of a SIGPIPE that was handed on."""
    with joined(product) as text:
        reader, writer = os.pipe()
        os.close(reader)
        source = spec(product, text)
        if boxes.ways[-1] == COMPILED:
            words: list[Word] = [compile_box(product, source)]
        else:
            words = [*product.toyspec, "up", "-q", "--no-cache", source]
        words = telling(writer, [*words, "--", "sh", "-c", "sleep 0.2; exit 5"])
        with product.popen(words, program=True, pass_fds=(writer,)) as box:
            os.close(writer)
            out, err = box.communicate(timeout=30)
        assert (box.returncode, out, err) == (5, "", "")


def full_pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


@either_way
def test_a_full_pipe_keeps_nobody(product: Product) -> None:
    """Signals go through meanwhile or soon, the status is the command's, the pipe is as it was."""
    reader, writer = full_pipe()
    script = 'trap "exit 6" TERM; echo ready; while :; do sleep 0.1; done'
    words = telling(writer, up(product, "sh", "-c", script))
    with product.popen(words, program=True, pass_fds=(writer,)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 6
    assert os.get_blocking(writer)
    os.close(writer)
    assert set(os.read(reader, 1 << 16)) == {ord("x")}
    assert os.read(reader, 1) == b""
    os.close(reader)


@either_way
def test_a_slow_reader_misses_nothing(product: Product) -> None:
    reader, writer = full_pipe()
    words = telling(writer, up(product, "sh", "-c", "exit 4"))
    with product.popen(words, program=True, pass_fds=(writer,)) as process:
        os.close(writer)
        eventually(lambda: len(descendants(process.pid)) == 2)
        said = b""
        while piece := os.read(reader, 1 << 16):
            said += piece
        assert process.wait(30) == 4
    os.close(reader)
    assert len(said.lstrip(b"x").splitlines()) == 3


@either_way
def test_a_socket_and_a_file(product: Product) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = telling(theirs.fileno(), up(product, "sh", "-c", "exit 4"))
        with product.popen(words, program=True, pass_fds=(theirs.fileno(),)) as process:
            theirs.close()
            with ours.makefile(encoding="ascii") as file:
                found = [json.loads(line) for line in file]
            assert process.wait(30) == 4
    assert found[1:] == [{"running": True}, {"exit-code": 4}]
    path = product.directory() / "status"
    path.write_text("before\n")
    with open(path, "a") as file:
        words = telling(file.fileno(), up(product, "sh", "-c", "exit 4"))
        with product.popen(words, program=True, pass_fds=(file.fileno(),)) as process:
            assert process.wait(30) == 4
    assert [json.loads(line) for line in path.read_text().splitlines()[1:]][1:] == found[1:]


@either_way
def test_sockets_that_nobody_reads(product: Product) -> None:
    script = 'trap "echo pipe" PIPE; sleep 0.2; exit 4'
    for gone in (True, False):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if gone:
                ours.close()
            else:
                theirs.setblocking(False)
                try:
                    while True:
                        theirs.send(b"x" * 4096)
                except BlockingIOError:
                    theirs.setblocking(True)
            words = telling(theirs.fileno(), up(product, "sh", "-c", script))
            with product.popen(words, program=True, pass_fds=(theirs.fileno(),)) as process:
                out, err = process.communicate(timeout=30)
            assert (process.returncode, out, err) == (4, "", "")


@either_way
def test_a_full_disk(product: Product) -> None:
    """/dev/full: ENOSPC (full(4))."""
    with open("/dev/full", "w") as file:
        words = telling(file.fileno(), up(product, "sh", "-c", "exit 4"))
        with product.popen(words, program=True, pass_fds=(file.fileno(),)) as process:
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (4, "", "")


@either_way
def test_many_boxes_tell_one_pipe(product: Product) -> None:
    """Each line is one write, so that they do not mix."""
    reader, writer = os.pipe()
    words = telling(writer, up(product, "sh", "-c", "exit 4"))
    started = [product.popen(words, program=True, pass_fds=(writer,)) for _ in range(16)]
    os.close(writer)
    found = lines(reader)
    os.close(reader)
    for process in started:
        process.communicate(timeout=30)
        assert process.returncode == 4
    for wanted in ("child-pid", "running", "exit-code"):
        assert sum(wanted in line for line in found) == 16
    assert len(found) == 48


@either_way
def test_a_stopped_terminal_keeps_nobody(product: Product) -> None:
    """^S on the terminal that the lines go to: nothing can be written there."""
    master, slave = os.openpty()
    termios.tcflow(slave, termios.TCOOFF)
    words = telling(slave, up(product, "sh", "-c", "exit 4"))
    with product.popen(words, program=True, pass_fds=(slave,)) as process:
        assert process.wait(30) == 4
    os.close(slave)
    os.close(master)


def test_the_executor_and_the_compiled_box_tell_the_same(product: Product) -> None:
    """But for numbers."""
    shapes = []
    for way in boxes.WAYS:
        boxes.ways.append(way)
        with (
            telling_pipe(product, up(product, "sh", "-c", "exit 4")) as (_, reader),
            open(reader, closefd=False, encoding="ascii") as file,
        ):
            shapes.append(re.sub(r"\d+", "N", file.read()))
        boxes.ways.pop()
    assert shapes[0] == shapes[1]
    assert shapes[0].count("\n") == 3
