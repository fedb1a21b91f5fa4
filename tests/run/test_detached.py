"""Boxes that are left to themselves: how they begin, what is known of them, how they end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import Product, Word
from tests.run import detached
from tests.run.boxes import SESSION, TTY, eventually, stat
from tests.run.detached import Place, gone, kill, without_login

NAME_EXEC = "toyspec exec box -- "


@pytest.fixture
def place(product: Product) -> Iterator[Place]:
    with detached.place(product) as made:
        yield made


def test_it_runs_when_its_name_is_said(place: Place) -> None:
    place.up("sh", "-c", "echo out; echo err >&2; exec sleep 1000")
    said = place.status()
    assert said.ran and said.exit_code is None
    monitor, setup, init = place.processes()
    assert stat(monitor)[SESSION] == str(monitor)  # its own, and nobody's child
    assert stat(init)[SESSION] == str(init)
    assert {stat(each)[TTY] for each in (monitor, setup, init)} == {"0"}
    (row,) = place.ps().values()
    assert (row["state"], row["exit_code"], row["pid"]) == ("running", None, init)
    assert row["command"] == ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"]
    done = place.run("logs", "box")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")
    assert place.run("down", "box", "-t", "0").returncode == 0
    assert list(place.boxes.iterdir()) == []
    gone(monitor, setup, init)


def test_its_streams_are_its_own(place: Place) -> None:
    """Who starts it in a pipe gets the end of it; nothing else of his crosses."""
    reader, writer = os.pipe()
    try:
        script = "cat; ls -l /proc/self/fd | wc -l; test -t 0 || echo no terminal"
        done = place.start(
            *place.words("sh", "-c", f"{script}; exec sleep 1000"), pass_fds=[writer]
        )
        out, err = done.communicate("", timeout=30)
        assert (done.returncode, out, err) == (0, "box\n", "")
        os.close(writer)
        writer = -1
        assert os.read(reader, 1) == b""  # nobody holds it, and the box lives
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)
    eventually(lambda: place.run("logs", "box").stdout == "5\nno terminal\n")
    monitor = place.processes()[0]
    held = {os.readlink(f"/proc/{monitor}/fd/{fd}") for fd in os.listdir(f"/proc/{monitor}/fd")}
    known = ("/dev/null", "pipe:", "anon_inode:", str(place.boxes))
    assert all(each.startswith(known) for each in held), held
    assert os.readlink(f"/proc/{monitor}/cwd") == "/"


def test_no_descriptor_of_the_callers_is_kept_whatever_his_limit(place: Place) -> None:
    """One that was opened before the limit was lowered lies above it."""
    script = 'exec 900<"$0" 901</ 70</; ulimit -Sn 200; exec "$@"'
    words = [*place.product.toyspec, *place.words("sleep", "1000")]
    done = place.product.as_user(["bash", "-c", script, place.spec, *words], env=place.env)
    assert done.returncode == 0, done
    for pid in place.processes()[:2]:
        assert not {"70", "900", "901"} & set(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("status", [0, 3, 125])
def test_its_status_is_kept(place: Place, status: int) -> None:
    place.up("sh", "-c", f"exit {status}")
    assert place.ends() == status
    assert place.ends() == status
    (row,) = place.ps().values()
    assert (row["state"], row["exit_code"], row["pid"]) == ("ended", status, None)
    assert place.run("ps").stdout.count("\n") == 1
    assert f"ended, status {status}" in place.run("ps", "-a").stdout
    assert place.run("kill", "box").returncode == 1
    assert place.run("stop", "box").returncode == 0
    assert place.run("down", "box").returncode == 0
    done = place.run("down", "box")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no box `box`" in done.stderr


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["/nonexistent"], 127, "no /nonexistent in the box"),
        (["/etc/passwd"], 126, "/etc/passwd cannot be executed"),
        (["nonexistent"], 127, "no `nonexistent` in the box"),
    ],
)
def test_what_does_not_start_is_told_and_leaves_nothing(
    place: Place, argv: list[str], status: int, said: str
) -> None:
    done = place.run(*place.words(*argv))
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr and "box.yaml" in done.stderr
    assert list(place.boxes.iterdir()) == []
    assert place.ps() == {}


@pytest.mark.parametrize("how", ["command", "spec"])
def test_where_no_box_begins_the_last_one_is_kept(place: Place, how: str) -> None:
    """Its log, its status, and what `restart` needs; until one begins."""
    place.up("sh", "-c", "echo out; echo err >&2; exit 3")
    assert place.ends() == 3
    before = place.ps()
    for _ in range(2):
        text = "nonsense: 1\n" if how == "spec" else ""
        done = place.run(*place.words("/nonexistent", text=text))
        assert done.returncode == (125 if how == "spec" else 127)
        said = place.run("logs", "box")
        assert (said.stdout, said.stderr) == ("out\n", "err\n")
        assert place.ps() == before
        assert place.ends() == 3
    place.words()  # the spec is valid again
    assert place.run("restart", "box").returncode == 0
    assert place.ends() == 3
    place.up("echo", "new")
    assert place.ends() == 0
    assert place.run("logs", "box").stdout == "new\n"
    assert not [each for each in os.listdir(place.boxes / "box") if "earlier" in each]


def test_an_invalid_spec_is_told_before_anything_is_made(place: Place) -> None:
    done = place.run(*place.words("true", text="nonsense: 1\n"))
    assert done.returncode == 125 and "nonsense" in done.stderr
    assert not place.boxes.exists()


def test_who_watches_over_it_is_its_state(place: Place) -> None:
    done = place.run(*place.words()[:2], "--status-fd", "3", place.words()[2], "--", "true")
    assert done.returncode == 125
    done = place.product.as_user(
        ["sh", "-c", 'exec "$@" 3>/dev/null', "sh", *place.product.toyspec,
         "up", "-d", "--status-fd", "3", place.words()[2]],
        env=place.env,
    )  # fmt: skip
    assert done.returncode == 125 and "contradict" in done.stderr
    assert not place.boxes.exists()


def test_a_name_that_runs_is_refused(place: Place) -> None:
    place.up("sleep", "1000")
    path = place.words()[2]
    for words in (["up", "-d", path], ["up", "-q", path], ["up", "-q", "--no-cache", path]):
        done = place.run(*words, "--", "true")
        assert (done.returncode, done.stdout) == (125, ""), words
        assert NAME_EXEC in done.stderr
    place.run("stop", "-t", "0", "box")
    assert place.run("up", "-q", path, "--", "sh", "-c", "exit 3").returncode == 3
    place.up("sh", "-c", "exit 4")  # takes the place of the one that has ended
    assert place.ends() == 4


def test_a_kept_box_is_not_served_where_its_name_runs(place: Place) -> None:
    """Whether there is a state is one more question of the cache and of the front."""
    path = place.words()[2]
    words = ["up", "-q", path, "--", "echo", "mine"]
    for _ in range(4):
        assert place.run(*words).stdout == "mine\n"
    place.up("sleep", "1000")
    for _ in range(2):
        done = place.run(*words)
        assert (done.returncode, done.stdout) == (125, "")
        assert NAME_EXEC in done.stderr
    place.run("down", "-t", "0", "box")
    assert place.run(*words).stdout == "mine\n"


def test_of_two_that_begin_at_once_one_wins(place: Place) -> None:
    words = place.words("sleep", "1000")
    for _ in range(3):
        both = [place.start(*words) for _ in range(3)]
        ends = [(each.communicate(timeout=60), each.returncode) for each in both]
        assert sorted(status for _, status in ends) == [0, 125, 125]
        for (out, err), status in ends:
            assert (out == "box\n") is (status == 0)
            assert (NAME_EXEC in err) is (status == 125)
        assert len([each for each in place.ps().values() if each["state"] == "running"]) == 1
        assert place.run("down", "-t", "0", "box").returncode == 0


def test_a_spec_names_its_box(place: Place) -> None:
    place.up("sleep", "1000")
    path = Path(os.fspath(place.words()[2]))  # type: ignore[arg-type]
    assert place.run("logs", path).returncode == 0
    place.product.write(path, "version: 1\nname: other\nsystem: host\ninit: [sh]\n")
    done = place.run("stop", path)
    assert done.returncode == 1 and "no box `other`" in done.stderr
    done = place.run("restart", "box")
    assert done.returncode == 125 and "whose name is `other` by now" in done.stderr
    assert place.ps()["box"]["state"] == "running"
    assert place.run("stop", "-t", "0", "box").returncode == 0


@pytest.mark.parametrize("given", ["0.3", "300ms"])
def test_stop_gives_it_time_and_then_none(place: Place, given: str) -> None:
    place.up("sh", "-c", "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.02; done")
    eventually(lambda: place.run("logs", "box").stdout == "ready\n")
    assert place.run("stop", "box").returncode == 0
    assert place.ends() == 7
    assert place.run("logs", "box").stdout == "ready\nasked\n"
    place.up("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.02; done")
    eventually(lambda: place.run("logs", "box").stdout == "ready\n")
    began = time.monotonic()
    assert place.run("stop", "-t", given, "box").returncode == 0
    assert time.monotonic() - began > 0.3
    assert place.ends() == 128 + signal.SIGKILL


@pytest.mark.parametrize(
    "given", ["-s USR1", "-s SIGUSR1", "-s usr1", "-s 10", "-10", "-USR1", "--signal SIGUSR1"]
)
def test_kill_sends_what_is_asked_for(place: Place, given: str) -> None:
    place.up("sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do sleep 0.02; done")
    eventually(lambda: place.run("logs", "box").stdout == "ready\n")
    done = place.run("kill", *given.split(), "box")
    assert (done.returncode, done.stderr) == (0, "")
    assert place.ends() == 9


def test_stop_waits_however_long_the_spec_says(place: Place) -> None:
    """It is more milliseconds than poll(2) takes at once."""
    listen = "trap 'sleep 0.2; exit 7' TERM; echo ready; while :; do sleep 0.02; done"
    place.up("sh", "-c", listen, text="stop_grace_period: 999999h\n")
    eventually(lambda: place.run("logs", "box").stdout == "ready\n")
    done = place.run("stop", "box")
    assert (done.returncode, done.stderr) == (0, "")
    assert place.status().exit_code == 7


def test_kill_kills(place: Place) -> None:
    place.up("sleep", "1000")
    assert place.run("kill", "box").returncode == 0
    assert place.ends() == 128 + signal.SIGKILL
    for given, said in (("NOSUCH", "no signal"), ("0", "no signal"), ("65", "no signal")):
        done = place.run("kill", "-s", given, "box")
        assert done.returncode == 2 and said in done.stderr


def test_restart_begins_the_same_anew(place: Place) -> None:
    text = "environment: [GIVEN]\n"
    words = place.words("sh", "-c", "echo $GIVEN $ADDED; exec sleep 1000", text=text)
    at = words.index("--")
    done = place.run(*words[:at], "-e", "ADDED=too", *words[at:], env={"GIVEN": "secret"})
    assert done.returncode == 0, done.stderr
    first = place.status()
    eventually(lambda: place.run("logs", "box").stdout == "secret too\n")
    done = place.run("restart", "-t", "0", "box")  # without the variable
    assert (done.returncode, done.stdout, done.stderr) == (0, "box\n", "")
    assert place.status().child != first.child
    eventually(lambda: place.run("logs", "box").stdout == "secret too\n")
    place.run("stop", "-t", "0", "box")
    assert place.run("restart", "box").returncode == 0  # one that has ended begins, too
    assert place.ps()["box"]["state"] == "running"
    kept = place.boxes / "box"
    assert (kept / "environment").stat().st_mode & 0o777 == 0o600
    assert "secret" not in (kept / "plan.json").read_text() + (kept / "box.json").read_text()
    plan = json.loads((kept / "plan.json").read_text())
    assert plan["box"] == "box"


def test_what_it_left_for_its_host_to_run_is_said_by_all_who_end_it(place: Place) -> None:
    project = place.spec.parent
    said = f"toyspec: while the box ran, .envrc appeared in {project}: look at it before you run anything there\n"

    def begin(name: str) -> None:
        (project / ".envrc").unlink(missing_ok=True)
        place.up(
            "sh",
            "-c",
            "touch .envrc; trap 'exit 0' TERM; while :; do sleep .1; done",
            name=name,
            text="binds: ['.:/code:rw']\nworking_dir: /code\n",
        )
        eventually((project / ".envrc").exists)

    def told(*words: str) -> None:
        assert place.run(*words).stderr == said, words

    begin("stopped")
    told("stop", "stopped")
    told("wait", "stopped")
    told("stop", "stopped")
    told("restart", "stopped")
    (project / ".envrc").unlink()
    assert place.run("down", "stopped").stderr.count("went away") == 1
    begin("downed")
    told("down", "downed")
    begin("again")
    place.run("kill", "again")
    told("wait", "again")
    told(*map(str, place.words("true", name="again")))
    assert place.run("wait", "again").stderr == ""


def test_who_follows_a_box_that_is_lost_is_told(place: Place) -> None:
    place.up("sh", "-c", "echo begun; exec sleep 1000")
    follower = place.start("logs", "-f", "box")
    assert follower.stdout is not None and follower.stdout.readline() == "begun\n"
    kill(*place.processes())
    _, said = follower.communicate(timeout=30)
    assert follower.returncode == 2
    assert "with which status nobody knows" in said


def test_restart_of_what_cannot_be_planned_leaves_the_old_one(place: Place) -> None:
    place.up("sleep", "1000")
    path = Path(os.fspath(place.words()[2]))  # type: ignore[arg-type]
    place.product.write(path, "version: 1\nbroken\n")
    before = place.processes()
    assert place.run("restart", "box").returncode == 125
    assert place.processes() == before
    assert place.ps()["box"]["state"] == "running"


def test_a_spec_from_a_pipe_cannot_begin_again(place: Place) -> None:
    text = "version: 1\nname: box\nsystem: host\ninit: [sleep, '1000']\n"
    done = place.run("up", "-d", "-", input=text)
    assert (done.returncode, done.stdout) == (0, "box\n")
    done = place.run("restart", "box")
    assert done.returncode == 125 and "standard input" in done.stderr


def test_what_is_not_written_down_yet_cannot_begin_again(place: Place) -> None:
    """Between the lock and box.json a box has begun with nothing that anybody could know."""
    place.up("sleep", "1000")
    (place.boxes / "box/box.json").unlink()
    done = place.run("restart", "box")
    assert done.returncode == 125 and "not written down yet" in done.stderr
    (spec,) = {each for each in place.spec.parent.iterdir() if each.name == "box.yaml"}
    said = place.run("restart", "box", cwd=spec.parent).stderr
    assert "toyspec down box, then toyspec up -d box.yaml\n" in said


def test_a_directory_in_a_state_is_named_and_nothing_else_removed(place: Place) -> None:
    place.up("sleep", "1000")
    inner = place.boxes / "box/inner"
    inner.mkdir()
    try:
        for verb in (["down", "-t", "0", "box"], place.words("true")):
            done = place.run(*verb)
            assert done.returncode != 0
            assert f"{inner} is a directory" in done.stderr and "remove it" in done.stderr
            assert (place.boxes / "box/box.json").exists()
    finally:
        inner.rmdir()
    assert place.run("down", "box").returncode == 0
    assert list(place.boxes.iterdir()) == []


def test_environment_files_work_and_their_values_are_kept_private(place: Place) -> None:
    place.product.write(place.spec.parent / "secrets.env", "TOKEN=from-file\n")
    text = "env_file: secrets.env\n"
    place.up("sh", "-c", "echo $TOKEN; exec sleep 1000", text=text)
    eventually(lambda: place.run("logs", "box").stdout == "from-file\n")
    for name in ("box.json", "plan.json", "status"):
        assert b"from-file" not in (place.boxes / "box" / name).read_bytes()
    for pid in place.processes()[:2]:
        assert b"from-file" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_an_interrupted_start_leaves_no_box(place: Place) -> None:
    for seconds in (0.05, 0.15, 0.3):
        starts = place.start(*place.words("sleep", "1000"))
        time.sleep(seconds)
        starts.send_signal(signal.SIGINT)
        out, _ = starts.communicate(timeout=60)
        if starts.returncode == 0:
            assert out == "box\n"
            place.run("down", "-t", "0", "box")
        else:
            assert place.ps() == {}


def test_json_of_ps(place: Place) -> None:
    assert place.ps() == {}
    assert place.run("ps").stdout == "NAME  STATE  PID  SINCE  SPEC  COMMAND\n"
    place.up("sh", "-c", "exec sleep 1000")
    place.up("true", name="second")
    place.ends("second")
    found = place.ps()
    assert list(found) == ["box", "second"]
    assert set(found["box"]) == {
        "name", "state", "exit_code", "pid", "created", "command", "spec",
    }  # fmt: skip
    assert found["second"]["exit_code"] == 0
    assert place.run("ps", "-q").stdout == "box\n"
    assert place.run("ps", "-aq").stdout == "box\nsecond\n"
    shown = place.run("ps", env={"COLUMNS": "200"}).stdout
    assert re.search(r"^box +running +\d+ +\S.* sh -c 'exec sleep 1000'$", shown, re.MULTILINE)


@pytest.mark.parametrize("reaper", ["true", "false"])
@pytest.mark.parametrize("whom", ["monitor", "setup", "init", "all"])
def test_whatever_is_killed_the_truth_is_known(place: Place, whom: str, reaper: str) -> None:
    place.up("sleep", "1000", text=f"reaper: {reaper}\n")
    monitor, setup, init = place.processes()
    pids = {"monitor": [monitor], "setup": [setup], "init": [init], "all": [monitor, setup, init]}
    kill(*pids[whom])
    gone(monitor, setup, init)
    eventually(lambda: place.ps()["box"]["state"] in ("ended", "lost"))
    row = place.ps()["box"]
    done = place.run("wait", "box")
    if whom in ("setup", "init"):
        assert (row["state"], row["exit_code"], done.returncode) == ("ended", 137, 137)
    else:
        assert (row["state"], row["exit_code"], done.returncode) == ("lost", None, 125)
        assert "nobody knows: its monitor, which writes that down, was killed" in done.stderr
    place.up("sh", "-c", "exit 5")  # the name is free
    assert place.ends() == 5


def test_what_outlives_all_of_ours_is_ended_by_the_next_command(place: Place) -> None:
    """No reaper, PDEATHSIG cleared, and monitor and setup killed at once."""
    code = (
        "import ctypes, time; ctypes.CDLL(None).prctl(1, 0, 0, 0, 0); print('ready', flush=True);"
        "time.sleep(1000)"
    )
    words = ["/usr/bin/python3", "-c", code]
    for verb in (["down", "box"], ["up"]):
        place.up(*words, text="reaper: false\n")
        eventually(lambda: place.run("logs", "box").stdout == "ready\n")
        monitor, setup, init = place.processes()
        for each in (monitor, setup):
            os.kill(each, signal.SIGSTOP)  # or one would see the end of the other
        kill(setup, monitor)  # that of the monitor would wake setup
        gone(monitor, setup)
        assert place.ps()["box"]["state"] == "lost"
        assert stat(init)[0] in ("S", "R")
        if verb == ["up"]:
            place.up("true")
        else:
            assert place.run(*verb).returncode == 0
        gone(init)


@pytest.mark.parametrize("verb", ["stop", "down"])
@pytest.mark.parametrize("monitor_too", [True, False])
def test_a_setup_that_somebody_stopped_is_no_hindrance(
    place: Place, verb: str, monitor_too: bool
) -> None:
    """It holds the lock, and does nothing until it goes on."""
    place.up("sleep", "1000")
    pids = monitor, setup, _ = place.processes()
    os.kill(setup, signal.SIGSTOP)
    if monitor_too:
        kill(monitor)
    done = place.run(verb, "-t", "1", "box")
    assert (done.returncode, done.stderr) == (0, "")
    gone(*pids)


def test_a_pid_that_came_again_is_left_alone(place: Place) -> None:
    """The state of a box whose processes' numbers are others' by now."""
    place.up("sleep", "1000")
    monitor, setup, init = place.processes()
    kill(monitor, setup, init)
    gone(monitor, setup, init)
    innocent = place.product.popen(["sleep", "1000"], program=True)
    try:
        kept = place.boxes / "box/status"
        text = kept.read_text()
        for old in (monitor, setup, init):
            text = text.replace(f": {old}", f": {innocent.pid}")
        kept.write_text(text)
        assert place.run("kill", "box").returncode == 1
        assert place.run("stop", "-t", "0", "box").returncode == 0
        assert place.run("down", "box").returncode == 0
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.communicate()


def log_out(place: Place) -> None:
    """What systemd-logind does with the last session's runtime directory: all that lies in it goes."""
    for each in sorted(place.runtime.rglob("*"), reverse=True):
        each.rmdir() if each.is_dir() else each.unlink()


STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.02; done"
ASKED = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done"


@pytest.mark.parametrize(("script", "grace", "status"), [(ASKED, "1h", 5), (STUBBORN, "50ms", 137)])
def test_a_box_whose_state_is_removed_ends_as_by_stop(
    place: Place, script: str, grace: str, status: int
) -> None:
    """No verb could end it any more, and another of its name would run beside it."""
    place.up("sh", "-c", script, text=f"stop_grace_period: {grace}\n")
    eventually(lambda: place.run("logs", "box").stdout == "ready\n")
    processes = place.processes()
    with place.start("wait", "box") as waits, place.start("logs", "-f", "box") as follows:
        assert waits.stderr is not None and follows.stdout is not None
        assert follows.stdout.readline() == "ready\n"
        eventually(lambda: stat(waits.pid)[0] == "S" and holds(waits.pid, "status"))
        log_out(place)
        assert waits.wait(60) == status
        _, said = follows.communicate(timeout=60)
    assert "what was kept of this box was removed" in said
    gone(*processes)
    assert place.ps() == {}
    place.up("true")


def holds(pid: int, name: str) -> bool:
    """Whether a process has a file of the box's open."""
    found = Path(f"/proc/{pid}/fd")
    return any(os.readlink(each).endswith(f"/box/{name}") for each in found.iterdir())


def test_only_the_lock_tells_that_a_state_is_gone(place: Place) -> None:
    """Whatever else is removed there, by hand or by toyspec itself, the box goes on."""
    place.up("sh", "-c", f"trap 'echo told' IO; {ASKED}")
    monitor, setup, init = place.processes()
    eventually(lambda: place.run("logs", "box").stdout == "ready\n")
    os.kill(monitor, signal.SIGIO)  # one from us is handed on
    eventually(lambda: place.run("logs", "box").stdout == "ready\ntold\n")
    place.product.write(place.boxes / "box/exec.0", "")
    for name in ("exec.0", "plan.json"):
        (place.boxes / "box" / name).unlink()
    os.kill(monitor, signal.SIGURG)
    time.sleep(0.2)
    assert place.ps()["box"]["state"] == "running"
    (place.boxes / "box/lock").unlink()
    gone(monitor, setup, init)
    assert place.ps()["box"]["exit_code"] == 5
    assert place.run("down", "box").returncode == 0
    assert place.ps() == {}


def test_where_the_kernel_tells_nobody_of_removed_files_the_monitor_looks(place: Place) -> None:
    """A kernel without CONFIG_DNOTIFY: now and then, and whenever anything else wakes it."""
    argv: list[Word] = [place.product.python, "-m", "tests.run.without_call", "fcntl=1026"]
    done = place.product.as_user(
        [*argv, *place.product.toyspec, *place.words("sh", "-c", ASKED)], env=place.env
    )
    assert (done.returncode, done.stdout) == (0, "box\n"), done
    monitor, setup, init = place.processes()
    eventually(lambda: place.run("logs", "box").stdout == "ready\n")
    log_out(place)
    time.sleep(0.2)
    assert stat(init)[0] != ""  # nobody told
    os.kill(monitor, signal.SIGURG)
    gone(monitor, setup, init)


@pytest.mark.parametrize("name", ["../box", "/etc", "box/../box", "Box", "-box", "a" * 65, "a\nb"])
def test_a_name_that_leads_elsewhere_is_none(place: Place, name: str) -> None:
    place.up("sleep", "1000")
    for verb in ("stop", "kill", "down", "logs", "wait", "restart"):
        done = place.run(verb, name)
        assert done.returncode not in (0, 130), (verb, name)
    assert place.ps()["box"]["state"] == "running"


def test_a_state_that_others_could_have_made_is_refused(place: Place) -> None:
    (place.runtime / "toyspec").mkdir(mode=0o755)
    place.product.own(place.runtime / "toyspec")
    done = place.run(*place.words("true"))
    assert done.returncode == 125
    assert "is open to others (mode 0755)" in done.stderr and "chmod go=" in done.stderr
    (place.runtime / "toyspec").rmdir()
    (place.runtime / "toyspec").symlink_to(place.product.directory())
    done = place.run(*place.words("true"))
    assert done.returncode == 125 and "is a symlink" in done.stderr
    (place.runtime / "toyspec").unlink()
    done = place.run("ps", env={"XDG_RUNTIME_DIR": "/proc"})
    assert done.returncode in (0, 2)


def test_without_a_runtime_directory_it_lies_below_the_home(place: Place) -> None:
    without_login(place.product)
    env = {"XDG_RUNTIME_DIR": None, "XDG_STATE_HOME": str(place.runtime / "state")}
    run = place.product.run
    done = run(place.words("sleep", "1000"), env=env)
    assert (done.returncode, done.stdout) == (0, "box\n"), done.stderr
    assert (place.runtime / "state/toyspec/run/toyspec/boxes/box/box.json").exists()
    assert run(["down", "-t", "0", "box"], env=env).returncode == 0
    subprocess.run(["rm", "-r", place.runtime / "state"], check=True)


@pytest.mark.parametrize("part", ["", "toyspec", "toyspec/boxes", "toyspec/boxes/box"])
def test_a_directory_that_cannot_be_written_is_told(place: Place, part: str) -> None:
    """And the box that was to begin does not."""
    where = place.runtime
    for name in ["", *part.split("/")] if part else [""]:
        where /= name
        where.mkdir(mode=0o700, exist_ok=True)
        place.product.own(where)
    where.chmod(0o500)
    try:
        done = place.run(*place.words("true"))
        assert done.returncode == 125
        assert f"{where}/" in done.stderr and "Permission denied" in done.stderr
    finally:
        where.chmod(0o700)
    for name in reversed([each for each in part.split("/") if each]):
        assert where.name == name and not any(where.iterdir())
        where.rmdir()
        where = where.parent


@pytest.mark.parametrize("umask", ["777", "477", "277", "177", "0"])
@pytest.mark.parametrize("runtime", ["runtime", ""])
def test_the_caller_s_umask_is_nothing_to_what_is_kept(
    place: Place, umask: str, runtime: str
) -> None:
    """Whatever it takes away: the directories are 0700, the files 0600."""
    if not runtime:
        without_login(place.product)
    base = place.runtime / "made/anew" if runtime else place.product.directory()
    env = {"XDG_RUNTIME_DIR": str(base) if runtime else None, "XDG_STATE_HOME": f"{base}/state"}
    words = [*place.product.toyspec, *place.words("sh", "-c", "echo ready; exec sleep 1000")]
    under = ["sh", "-c", f'umask {umask}; exec "$@"', "sh"]
    run = place.product.run
    done = place.product.as_user([*under, *words], env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "box\n", "")
    eventually(lambda: run(["logs", "box"], env=env).stdout == "ready\n")
    inside = [*under, *place.product.toyspec, "exec", "box", "--", "true"]
    assert place.product.as_user(inside, env=env).returncode == 0
    made = [*(place.runtime / "made" if runtime else base / "state").rglob("*")]
    assert {each.stat().st_mode & 0o777 for each in made if each.is_dir()} == {0o700}
    assert {each.stat().st_mode & 0o777 for each in made if each.is_file()} == {0o600}
    assert {each.name for each in made} >= {"lock", "status", "box.json", "log", "environment"}
    assert run(["down", "-t", "0", "box"], env=env).returncode == 0
    if runtime:
        subprocess.run(["rm", "-r", place.runtime / "made"], check=True)


@pytest.mark.parametrize("part", ["toyspec", "toyspec/boxes", "toyspec/boxes/box"])
def test_what_was_closed_to_its_owner_is_named_and_down_removes_it(place: Place, part: str) -> None:
    where = place.runtime / part
    where.mkdir(parents=True)
    for each in (place.runtime / "toyspec", place.boxes, where):
        if each.exists():
            place.product.own(each)
            each.chmod(0o700)
    where.chmod(0)
    done = place.run(*place.words("true"))
    assert done.returncode == 125
    assert f"{where} is closed to you" in done.stderr and f"chmod u+rwx {where}" in done.stderr
    done = place.run("down", "box")
    assert done.returncode == 1 and "no box `box`" in done.stderr
    assert not (place.boxes / "box").exists()
    place.up("true")


def test_down_ends_a_box_whose_files_are_closed_to_their_owner(place: Place) -> None:
    place.up("sleep", "1000")
    processes = place.processes()
    for each in (*(place.boxes / "box").iterdir(), place.boxes / "box"):
        each.chmod(0)
    assert place.run("down", "-t", "0", "box").returncode == 0
    gone(*processes)
    assert place.ps() == {}


def test_a_launcher_that_is_killed_leaves_the_truth(place: Place) -> None:
    """Whenever that is: there is no box, or one that runs, or one that never did and is forgotten."""
    seen = set()
    for at in range(0, 16, 2):
        starts = place.start(*place.words("sleep", "1000"))
        time.sleep(at * 0.03)
        starts.kill()
        starts.communicate()
        eventually(lambda: place.ps().get("box", {"state": "none"})["state"] != "starting")
        row = place.ps().get("box", {"state": "none"})
        seen.add(row["state"])
        assert row["state"] in ("none", "running", "lost")
        place.run("down", "-t", "0", "box")
        assert place.ps() == {}
    assert seen


def test_what_cannot_be_looked_at_hides_no_other(place: Place) -> None:
    place.up("sleep", "1000")
    place.product.write(place.boxes / "file", "")
    done = place.run("ps", "-q")
    assert (done.returncode, done.stdout) == (0, "box\n")
    assert "file is no directory" in done.stderr
    (place.boxes / "file").unlink()


def test_a_box_of_root_s(as_root: Product) -> None:
    with detached.place(as_root) as place:
        place.up("sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        eventually(lambda: place.run("logs", "box").stdout == "ready\n")
        assert place.run("stop", "box").returncode == 0
        assert place.ends() == 3


def test_a_limit_on_files_is_named(place: Place) -> None:
    script = f"ulimit -f 0; exec {place.product.script} up -d {place.spec}"
    place.product.write(place.spec, "version: 1\nsystem: host\ninit: [sleep, '1000']\n")
    done = place.product.as_user(["bash", "-c", script], env=place.env)
    assert done.returncode == 125
    assert "File too large\n  a limit of the caller's says so: ulimit -f shows it" in done.stderr
