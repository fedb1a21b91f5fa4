"""What `exec` is like to use: its status, streams, words, errors, and its end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests import holder, tools
from tests.entering.boxes import Box, running
from tests.kernel_side.test_trace_equals_plan import read_all
from tests.product import Product
from tests.run.boxes import descendants, eventually, gone, spec, started
from tests.run.test_callers import WAYS_OUT, leading_out


@pytest.fixture
def box(product: Product) -> Iterator[Box]:
    with running(product, spec(product)) as made:
        yield made


@pytest.mark.parametrize(
    ("argv", "status"),
    [(["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137),
     (["sh", "-c", "kill -TERM $$"], 143), (["nothing-of-that-name"], 127), (["/etc"], 126),
     (["/bin/nothing"], 127)],
)  # fmt: skip
def test_its_status_is_the_command_s(box: Box, argv: list[str], status: int) -> None:
    done = box.exec(*argv)
    assert done.returncode == status, done.stderr


def test_on_a_terminal_it_has_one_of_the_box_s(box: Box) -> None:
    """Of the box's own devpts, with job control; the caller's is not to be seen."""
    script = "tty; stty size; echo $TERM; ps -o tpgid=,pgid= -p $$; ls /proc/self/fd; exit 3"
    words = ["exec", box.name, "--", "bash", "-c", script]
    process, screen = box.product.terminal(words, env={"TERM": "xterm-256color"}, size=(33, 99))
    with process:
        shown: list[bytes] = []
        read_all(screen, shown)
        assert process.wait(timeout=60) == 3, shown
    os.close(screen)
    tty, size, term, groups, *fds = b"".join(shown).decode().split("\r\n")
    assert (tty, size, term) == ("/dev/pts/0", "33 99", "xterm-256color")
    assert len(set(groups.split())) == 1, groups
    assert " ".join(fds).split() == ["0", "1", "2", "3"]


def test_no_stream_that_leads_out_of_the_box(box: Box) -> None:
    """The first time as it is made, then as it is kept."""
    for opened, said in WAYS_OUT.items():
        done = box.product.as_user(leading_out(opened, box.words("echo", "ran")))
        assert (done.returncode, done.stdout) == (125, "")
        assert done.stderr.count(said) == 1 or not said
        assert box.exec("echo", "ran").stdout == "ran\n"


def test_without_a_terminal_it_has_none(box: Box) -> None:
    words = ["exec", "-T", box.name, "--", "sh", "-c", "ps -o tty= -p $$; echo $TERM"]
    process, screen = box.product.terminal(words, env={"TERM": "xterm-256color"})
    with process:
        shown: list[bytes] = []
        read_all(screen, shown)
        assert process.wait(timeout=60) == 0, shown
    os.close(screen)
    assert b"".join(shown).split() == [b"?"]


def test_what_comes_in_and_goes_out(box: Box) -> None:
    """Megabytes through both pipes, and nothing else."""
    data = os.urandom(8 << 20).hex()
    done = box.exec("sha256sum", input=data)
    digest = hashlib.sha256(data.encode()).hexdigest()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{digest}  -\n", "")
    assert box.exec("cat", input=data).stdout == data


def test_who_is_read_by_nobody_ends_of_it(box: Box) -> None:
    words = " ".join(f"'{os.fspath(word)}'" for word in box.words("yes"))  # type: ignore[str-bytes-safe]
    script = f"({words}; echo $? >&2) | head -n 1"
    done = box.product.as_user(["sh", "-c", script])
    assert (done.stdout, done.stderr) == ("y\n", "141\n")


@pytest.mark.parametrize(
    ("argv", "options", "says"),
    [
        (["true"], ["-e", "NOT_SET_HERE"], "-e NOT_SET_HERE: this variable is not set here"),
        (["true"], ["-w", "tmp"], "-w tmp: the working directory is a path inside the box"),
        (["true"], ["-w", "/nowhere"], "working directory /nowhere: no such file or directory"),
        ([], [], "no command to run in the box"),
        (["true"], ["--status-fd", "7"], "--status-fd 7: not open for writing"),
    ],
)  # fmt: skip
def test_what_a_person_got_wrong(box: Box, argv: list[str], options: list[str], says: str) -> None:
    done = box.exec(*argv, options=options)
    assert says in done.stderr
    assert (done.returncode, done.stdout) == (125, "")


def test_a_name_that_is_none(box: Box) -> None:
    for name, says in (("boy", "did you mean box?"), ("gone.yaml", "gone.yaml: No such file")):
        done = box.product.run(["exec", name, "--", "true"])
        assert (done.returncode, done.stdout) == (125, "")
        assert says in done.stderr


def test_a_spec_names_its_box(box: Box) -> None:
    done = box.product.run(["exec", box.spec, "--", "echo", "hello"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")
    done = box.product.run(["exec", "--", "pwd"], cwd=box.spec.parent)
    assert done.returncode == 125, "there is no toyspec.yaml here"


def test_where_and_with_what_it_begins(box: Box) -> None:
    options = ["-w", "/tmp", "-e", "A=1", "-e", "B", "-e", "HOME=/x"]
    done = box.exec("sh", "-c", "pwd; echo $A $B $HOME", options=options, env={"B": "it"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "/tmp\n1 it /x\n", "")


def test_a_box_that_has_ended(product: Product) -> None:
    here = spec(product)
    begun = product.run(["up", "-d", "-q", here, "--", "sh", "-c", "exit 9"])
    assert begun.returncode == 0, begun.stderr
    assert product.run(["wait", "box"]).returncode == 9
    done = product.run(["exec", "box", "--", "true"])
    assert (done.returncode, done.stdout) == (125, "")
    said = "the box `box` has ended, with status 9\n  toyspec restart box begins it anew\n"
    assert said in done.stderr
    here.rename(here.with_name("moved.yaml"))
    done = product.run(["exec", "box", "--", "true"], cwd=here.parent)
    assert (
        f"  {here} is not there any more; from where it lies by now: toyspec down box, "
        in done.stderr
    )
    assert "then toyspec up -d SPEC -- sh -c 'exit 9'\n" in done.stderr
    product.run(["down", "box"])


def test_a_box_that_ends_meanwhile(box: Box) -> None:
    with started(box.product, box.words("sh", "-c", "echo in; sleep 1000")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        assert box.product.run(["kill", box.name]).returncode == 0
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (137, "")


LEFT = """
import ctypes, time
assert ctypes.CDLL(None).unshare(0x10020000) == 0  # CLONE_NEWUSER, CLONE_NEWNS
print("=== stands ===", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("user", ["new", "joined"])
def test_a_box_that_left_where_it_began(product: Product, user: str) -> None:
    """In a joined user namespace too, where the monitor could not look: its plan says which that is."""
    tools.need("python3")
    joins = f"namespaces: {{user: {holder.file(product, 'user')}}}\n" * (user == "joined")
    here = spec(product, f"version: 1\nsystem: host\nseccomp: none\n{joins}init: [sh]\n")
    with running(product, here, argv=["python3", "-c", LEFT]) as box:
        done = box.exec("echo", "in")
    assert (done.returncode, done.stdout) == (125, "")
    assert "no process of the box `box` is where the box began" in done.stderr


def test_many_at_once(box: Box) -> None:
    running = [
        box.product.popen(box.words("sh", "-c", f"echo {n}; exit {n}"), program=True)
        for n in range(50)
    ]
    ends = []
    for process in running:
        out, said = process.communicate(timeout=120)
        ends.append((process.returncode, out, said))
    assert ends == [(n, f"{n}\n", "") for n in range(50)]


CLEARS = """
import ctypes, sys, time
ctypes.CDLL(None).prctl(1, 0)  # PR_SET_PDEATHSIG
print("in", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("who", ["monitor", "setup"])
def test_it_dies_with_the_command_line(box: Box, who: str) -> None:
    """Even where it cleared its PDEATHSIG; the box lives on."""
    tools.need("python3")
    before = box.processes()
    with started(box.product, box.words("python3", "-c", CLEARS)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        setup, init = descendants(process.pid)[:2]
        os.kill(process.pid if who == "monitor" else setup, signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == (-9 if who == "monitor" else 137)
        eventually(lambda: gone([setup, init]))
    assert box.processes() == before
    assert box.exec("true").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_command(box: Box, number: signal.Signals) -> None:
    traps = f"trap 'echo got; exit 4' {number.name.removeprefix('SIG')}"
    for script, status in ((f"{traps}; echo in; while :; do sleep 0.01; done", 4),
                           ("echo in; exec sleep 1000", 128 + number)):  # fmt: skip
        with started(box.product, box.words("sh", "-c", script)) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "in\n"
            process.send_signal(number)
            out, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (status, "")
        assert out == "got\n" * (status == 4)


def test_a_supervisor_is_told(box: Box) -> None:
    reader, writer = os.pipe()
    options = ["--status-fd", str(writer)]
    words = box.words("sh", "-c", "ls /proc/self/fd; exit 5", options=options)
    with box.product.popen(words, program=True, pass_fds=(writer,)) as process:
        os.close(writer)
        with open(reader, encoding="ascii") as file:
            lines = [json.loads(line) for line in file]
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out.split(), said) == (5, ["0", "1", "2", "3"], "")
    assert [next(iter(line)) for line in lines] == ["child-pid", "running", "exit-code"]
    assert lines[2] == {"exit-code": 5}


KEYRING = """
import ctypes
print(ctypes.CDLL(None).syscall(250, 0, -3, 0))  # KEYCTL_GET_KEYRING_ID of the session's
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of keyctl(2) is x86_64's")
def test_its_session_keyring_is_nobody_else_s(product: Product) -> None:
    tools.need("python3")
    here = spec(product, "version: 1\nsystem: host\nseccomp: none\ninit: [sh]\n")
    with running(product, here) as box:
        found = [box.exec("python3", "-c", KEYRING).stdout.strip() for _ in range(2)]
    found.append(product.as_user(["python3", "-c", KEYRING]).stdout.strip())
    assert len(set(found)) == 3, found


def test_its_plan_is_printed_and_changes_nothing(box: Box) -> None:
    for form in ([], ["--syscalls"], ["--json"]):
        done = box.product.run(["plan", "--exec", box.name, *form, "--", "id"])
        assert (done.returncode, done.stderr) == (0, "")
        assert "setns" in done.stdout or "join user, mount" in done.stdout
    own = json.loads(box.product.run(["plan", "--exec", box.name, "--json"]).stdout)
    assert own["steps"][-1]["args"][1] == box.plan["steps"][-1]["args"][1]
    done = box.product.run(["plan", "--exec", "nobody"])
    assert done.returncode in (1, 2)
    assert "no box `nobody`" in done.stderr


def test_it_does_not_start_itself(box: Box) -> None:
    """A program of the box's that names what entered it as its interpreter: that is refused (CVE-2019-5736)."""
    script = "printf '#!/proc/self/exe\\n' > /tmp/again; chmod +x /tmp/again"
    assert box.exec("sh", "-c", script).returncode == 0
    done = box.exec("/tmp/again", "--plan")
    assert (done.returncode, done.stdout) == (125, "")
    assert "a box does not start itself" in done.stderr


def test_a_directory_of_the_host_s_is_no_place_to_begin(box: Box) -> None:
    """A link of the box's that leads to what the newcomer has open (CVE-2024-21626). No such stream is
    taken; this is the wall behind that.
    """
    assert box.exec("ln", "-s", "/proc/self/fd/0", "/tmp/link").returncode == 0
    product, here = box.product, box.product.directory()
    words = ["plan", "--exec", box.name, "-w", "/tmp/link", "--json", "--", "pwd"]
    saved = product.write(here / "plan.json", product.run(words).stdout)
    driver = product.checkout / "tests/entering/driver.py"
    file = here / "entering"
    made = product.as_user([product.python, driver, "open", saved, file, box.spec])
    assert (made.returncode, made.stderr) == (0, "")
    outside = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    done = product.as_user([file], stdin=outside)  # Python itself would not begin with that
    os.close(outside)
    assert (done.returncode, done.stdout) == (125, "")
    assert "working directory /tmp/link: it is not inside the box's root" in done.stderr
