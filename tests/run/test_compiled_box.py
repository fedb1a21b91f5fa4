"""A compiled box itself: whom it serves, what it takes from its caller, and who looks on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess

import pytest

from tests import holder, tools
from tests.product import Product, Word
from tests.run.boxes import (
    PROMPT,
    command_line,
    compile_box,
    compiled,
    descendants,
    eventually,
    family,
    gone,
    pss,
    shell,
    spec,
    started,
    up,
)
from toyspec.start import places

LAUNCHER = "tests/run/launcher.py"
MOST = 48  # kB that each of a box's waiting processes may cost


LOOK = """\
import os, sys, time
print("looks", flush=True)
until = time.monotonic() + 20
while time.monotonic() < until:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/exe").st_size != int(sys.argv[1]):
                continue
            fd = os.open(f"/proc/{pid}/exe", os.O_PATH)
            name = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue
        for attempt in range(200):
            try:
                os.write(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY), b"gotcha")
            except OSError as error:
                if error.strerror == "Text file busy":
                    time.sleep(0.02)
                    continue
                sys.exit(print(f"{os.path.basename(name)}, {error.strerror}"))
            sys.exit(print(f"{name}: written"))
sys.exit("seen nothing")
"""
SHOWN = """\
version: 1
system: host
init: [sh, -c, "echo by init; exit 3"]
"""
BROKEN = """\
version: 1
system: host
binds: [DIRECTORY/thing]
init: [echo, never]
"""


def test_another_caller_is_refused(product: Product) -> None:
    tools.need("unshare")
    outside: list[Word] = [
        "unshare",
        "--user",
        "--map-root-user",
        compiled(product, ()),
        "--",
        "true",
    ]
    done = product.as_user(outside)
    assert done.returncode == 125
    assert done.stderr.endswith(
        f"error: this box was made for another caller, with uid {product.uid}\n"
    )


def test_another_home_is_refused(product: Product) -> None:
    words: list[Word] = [compiled(product, ()), "--", "true"]
    assert product.as_user(words).returncode == 0
    assert product.as_user(words, env={"HOME": f"{product.home}//"}).returncode == 0
    for home in ("/elsewhere", f"{product.home}/x", "/", "", "relative", None):
        done = product.as_user(words, env={"HOME": home})
        assert done.returncode == 125
        assert done.stderr.endswith(f"one whose HOME is {product.home}\n")


@pytest.mark.parametrize("name", sorted(places.VARIABLES))
def test_a_box_that_would_cover_other_directories_is_refused(product: Product, name: str) -> None:
    """toyspec's own are covered in what it may write: those of whoever made it."""
    text = "version: 1\nsystem: host\nbinds: ['.:/code:rw']\ninit: [sh]\n"
    source, elsewhere = spec(product, text), str(product.directory())
    file = source.with_suffix("")
    words: list[Word] = [*product.toyspec, "compile", "-q", source, "-o", file]
    runs: list[Word] = [file, "--", "true"]
    assert product.as_user(words, env={name: None}).returncode == 0
    assert product.as_user(runs, env={name: "not/absolute"}).returncode == 0
    done = product.as_user(runs, env={name: elsewhere})
    assert done.returncode == 125
    assert done.stderr.endswith(f"error: this box was made for one whose {name} is not set\n")
    assert product.as_user(words, env={name: elsewhere}).returncode == 0
    assert product.as_user(runs, env={name: elsewhere}).returncode == 0
    for other in (f"{elsewhere}/x", None):
        done = product.as_user(runs, env={name: other})
        assert done.returncode == 125
        assert done.stderr.endswith(f"one whose {name} is {elsewhere}\n")


def test_a_box_cannot_replace_its_own_file(product: Product) -> None:
    """Where a bind shows it, it is covered, and so it has to stay there; elsewhere nothing is shown."""
    text = "version: 1\nsystem: host\nbinds: ['.:/code:rw']\nworking_dir: /code\ninit: [sh]\n"
    source = spec(product, text)
    file, elsewhere = source.with_suffix(""), product.directory() / "box"
    words: list[Word] = ["compile", "-q", "--force", source, "-o"]
    assert product.run([*words, file]).returncode == 0
    before = file.read_bytes()
    plant = "rm -f box; echo evil > box; mv box x; cp /bin/true x; mv x box; touch mine; exit 0"
    done = product.as_user([file, "--", "sh", "-c", plant])
    assert done.returncode == 0
    assert "Read-only file system" in done.stderr
    assert file.read_bytes() == before
    assert (file.parent / "mine").exists()
    shutil.move(file, elsewhere)
    done = product.as_user([elsewhere, "--", "true"])
    assert done.returncode == 125
    assert done.stderr.endswith(f"where it was made, as it covers that: {file}\n")
    assert product.run([*words, elsewhere]).returncode == 0
    assert product.as_user([elsewhere, "--", "true"]).returncode == 0
    shutil.move(elsewhere, file)
    done = product.as_user([file, "--", "true"])
    assert done.returncode == 125
    assert done.stderr.endswith("could write its own file here: make it anew where it is to lie\n")


@pytest.mark.parametrize("came", ["directory", "link", "another than a link"])
def test_a_box_protects_what_came_since_it_was_made_or_refuses(product: Product, came: str) -> None:
    text = "version: 1\nsystem: host\nbinds: ['.:/code:rw']\ninit: [sh]\n"
    source = spec(product, text)
    if came == "another than a link":
        (source.parent / ".git").symlink_to("elsewhere")
    file = compile_box(product, source)
    words: list[Word] = [file, "--", "touch", "/code/.envrc"]
    done = product.as_user(words)
    assert done.returncode == 0
    assert ".envrc appeared in" in done.stderr
    (source.parent / ".envrc").unlink()
    there = source.parent / ".git"
    if came == "link":
        there.symlink_to("elsewhere")
    else:
        there.unlink(missing_ok=True)
        there.mkdir()
    done = product.as_user(words)
    assert done.returncode == 125
    said = f"since this box was made {there} came, which it would not protect: compile it again\n"
    assert done.stderr.endswith(said)
    assert not (source.parent / ".envrc").exists()
    words = ["compile", "-q", "--force", source, "-o", file]
    assert product.run(words).returncode == 0
    assert product.as_user([file, "--", "true"]).returncode == 0


def test_what_a_login_gives_may_be_missing(product: Product) -> None:
    text = "version: 1\nsystem: host\nbinds: ['.:/code:rw']\ninit: ['true']\n"
    source, given = spec(product, text), f"/run/user/{product.uid}"
    words: list[Word] = ["compile", "-q", source, "-o", source.with_suffix("")]
    assert product.run(words, env={"XDG_RUNTIME_DIR": given}).returncode == 0
    done = product.as_user([source.with_suffix("")], env={"XDG_RUNTIME_DIR": None})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "words",
    [
        ["up"],
        ["--progress"],
        ["-q"],
        ["--again", "/bin/id"],
        ["--progress", "3"],
        ["--view", "3"],
        ["--command"],
        ["--log", "3"],
        ["--lock", "3"],
    ],
)
def test_unknown_words_are_refused(product: Product, words: list[str]) -> None:
    done = product.as_user([compiled(product, ()), *words])
    assert (done.returncode, done.stdout) == (125, "")
    assert f"takes --plan, or -- and a command, not {words[0]}\n" in done.stderr


@pytest.mark.parametrize("words", [["\x1b[31mX"], ["--status", "\x1b[31mX", "--", "true"]])
def test_words_are_told_without_what_recolours_a_terminal(
    product: Product, words: list[str]
) -> None:
    done = product.as_user([compiled(product, ()), *words])
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.endswith(r", not \e[31mX" + "\n")


@pytest.mark.parametrize("words", [[], ["--again", "/usr/bin/id"], ["--plan"]])
@pytest.mark.parametrize("changes", [(), ("kept",)])
def test_a_setuid_box_serves_nobody(
    product: Product, as_root: Product, changes: tuple[str, ...], words: list[str]
) -> None:
    """It is refused before a word is read, whatever it would take."""
    file = product.directory() / "box"
    shutil.copy(compiled(product, changes), file)
    product.own(file)
    file.chmod(0o6755)
    done = as_root.as_user([file, *words])
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.endswith(
        "error: this file gives more rights than its caller has, and a box none\n"
    )


def test_what_is_not_with_plan_is_named(product: Product) -> None:
    for words in (["--plan", "extra"], ["--plan", "--", "x"], ["--status", "1", "--plan"]):
        done = product.as_user([compiled(product, ()), *words])
        other = next(each for each in words if each != "--plan")
        assert (done.returncode, done.stdout) == (125, "")
        assert done.stderr == f"toyspec: error: --plan stands alone, not with {other}\n"


def test_a_plan_that_cannot_be_written_is_told(product: Product) -> None:
    """With what `toyspec plan` says, and its status."""
    words: list[Word] = [compiled(product, ()), "--plan"]
    done = product.as_user(["/bin/sh", "-c", '"$@" >/dev/full', "sh", *words])
    assert done.returncode == 2
    said = "toyspec: error: cannot write to standard output: no space left, or a limit is reached\n"
    assert done.stderr == said
    reader, writer = os.pipe()
    os.close(reader)
    ignoring: list[Word] = ["/bin/sh", "-c", "trap '' PIPE; exec \"$@\"", "sh", *words]
    process = product.popen(ignoring, stdout=writer, program=True)
    os.close(writer)
    assert (process.communicate(timeout=60)[1], process.returncode) == ("", 141)


def test_a_box_does_not_start_itself(product: Product) -> None:
    """Its file would be open inside of it (CVE-2019-5736)."""
    done = product.as_user([compiled(product, ()), "--", "/proc/self/exe"])
    assert done.returncode == 125
    assert done.stderr.endswith("error: a box does not start itself\n")


def test_a_box_starts_as_another_pid_1_that_dies_with_its_parent(product: Product) -> None:
    """As a box's init it would look just so, but for where its file is."""
    unshare = tools.need("unshare")
    words: list[Word] = [
        unshare,
        "-cpf",
        "--kill-child",
        compiled(product, ()),
        "--",
        "echo",
        "yes",
    ]
    done = product.as_user(words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "yes\n", "")


def test_a_box_that_others_look_into_runs_from_sealed_memory(product: Product) -> None:
    """Its init is told to execute its own program again, which makes it one that they may look at: what
    they find and keep hold of is no file (CVE-2019-5736).
    """
    held = holder.hold(product)
    user, pid, mount = (holder.file(product, kind) for kind in ("user", "pid", "mnt"))
    text = f"version: 1\nnamespaces: {{user: {user}, pid: {pid}, mount: {mount}}}\ninit: [/proc/self/exe]\n"
    source = spec(product, text)
    file = compile_box(product, source)
    before = file.read_bytes(), file.stat().st_ino
    look: list[Word] = [product.python, "-c", LOOK, str(file.stat().st_size)]
    enter: list[Word] = [
        "nsenter",
        f"--target={held}",
        "--user",
        "--pid",
        "--mount",
        "--preserve-credentials",
        *look,
    ]
    tools.need("nsenter")
    with started(product, enter) as attacker:
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == "looks\n"
        while attacker.poll() is None:
            assert "a box does not start itself" in product.as_user([file]).stderr
        out, err = attacker.communicate(timeout=60)
    assert (out, err) == ("memfd:toyspec (deleted), Operation not permitted\n", "")
    assert (file.read_bytes(), file.stat().st_ino) == before


def test_variables_are_the_callers_and_lie_in_no_file(product: Product) -> None:
    text = """\
version: 1
system: host
environment: [TOKEN, "BOTH=<${TOKEN}>"]
init: [sh, -c, 'echo $TOKEN $BOTH']
"""
    source = spec(product, text)
    words: list[Word] = [*product.toyspec, "compile", "-q", source, "-o", source.parent / "box"]
    made = product.as_user(words, env={"TOKEN": "not-for-the-file"})
    assert (made.returncode, made.stderr) == (0, "")
    file = source.parent / "box"
    assert b"not-for-the-file" not in file.read_bytes()
    done = product.as_user([file], env={"TOKEN": "of-now"})
    assert done.stdout == "of-now <of-now>\n"
    done = product.as_user([file])
    assert done.returncode == 125
    assert done.stderr.endswith("error: the variable TOKEN is not set\n")


def test_a_variable_that_counts_only_with_a_value_is_not_taken_empty(product: Product) -> None:
    text = """\
version: 1
system: host
environment: {A: "${A:?ask Eve}", B: "${B:-other}", C: "${C}"}
init: [sh, -c, 'echo $A $B $C']
"""
    source = spec(product, text)
    file = source.parent / "box"
    given = {"A": "a", "B": "b", "C": "c"}
    words: list[Word] = [*product.toyspec, "compile", "-q", source, "-o", file]
    assert product.as_user(words, env=given).returncode == 0
    assert product.as_user([file], env=given).stdout == "a b c\n"
    assert product.as_user([file], env={**given, "C": ""}).stdout == "a b\n"
    for changed, said in (
        ({"A": ""}, "A: ask Eve"),
        ({"A": None}, "A: ask Eve"),
        ({"B": ""}, "the variable B is empty, and was not when this box was made"),
        ({"B": None}, "the variable B is not set"),
    ):
        done = product.as_user([file], env={**given, **changed})
        assert (done.returncode, done.stdout) == (125, "")
        assert done.stderr == f"toyspec: error: {said}\n"


def test_a_command_is_searched_in_the_boxs_path(product: Product) -> None:
    text = """\
version: 1
system: host
environment: ["PATH=relative:/nowhere:/usr/bin"]
files:
  - {target: /nowhere/odd, content: "no program", mode: "0644"}
init: [sh]
"""
    file = compile_box(product, spec(product, text))
    assert product.as_user([file, "--", "echo", "found"]).stdout == "found\n"
    denied = product.as_user([file, "--", "odd"])
    assert denied.returncode == 126
    assert "odd cannot be executed: permission denied\n    errno: EACCES, " in denied.stderr
    assert denied.stderr.endswith(
        "    likely cause: odd is not executable (mode 0644)\n    what to do: chmod +x odd\n"
    )
    missing = product.as_user([file, "--", "nonesuch"])
    assert missing.returncode == 127
    assert "no `nonesuch` in the box\n    errno: ENOENT, " in missing.stderr
    assert missing.stderr.endswith("a command that is in the box's root, or bind what holds it\n")
    empty = product.as_user([file, "--", ""])
    assert (empty.returncode, empty.stdout) == (125, "")  # as `up` has it
    assert empty.stderr == "toyspec: error: an empty command: give one after --\n"


def test_a_path_of_the_callers_is_searched_as_it_is_now(product: Product) -> None:
    text = "version: 1\nsystem: host\nenvironment: [PATH]\ninit: [ls, /]\n"
    file = compile_box(product, spec(product, text))
    assert "usr" in product.as_user([file], env={"PATH": "relative:/nowhere:/usr/bin/:"}).stdout
    missing = product.as_user([file], env={"PATH": "/nowhere"})
    assert (missing.returncode, missing.stdout) == (127, "")
    assert "error: no `ls` in the box\n" in missing.stderr


def test_a_refusal_may_be_explained_by_another(product: Product) -> None:
    """As whoever started the box would have had it: nohup's SIGHUP is ignored again."""
    tools.need("nohup")
    ignored = "grep SigIgn /proc/self/status"
    text = "version: 1\nsystem: host\nenvironment: [TOKEN]\ninit: [sh]\n"
    source = spec(product, text)
    file = source.with_suffix("")
    words = [*command_line(product, ["kept"]), "compile", "-q", source, "-o", file]
    assert product.as_user(words, env={"TOKEN": "x"}).returncode == 0
    words = ["nohup", file, "--again", "/bin/sh", "-c", ignored]
    assert product.as_user(words).stdout == f"SigIgn:\t{1:016x}\n"


def test_a_box_that_signals_would_not_reach_does_not_begin(product: Product) -> None:
    """A monitor without a descriptor for them would wait for ever, deaf."""
    words: list[Word] = [product.python, "-m", "tests.run.without_call", "signalfd4"]
    done = product.as_user([*words, compiled(product, ()), "--", "echo", "never"], timeout=30)
    assert (done.returncode, done.stdout) == (125, "")
    said = "error: no descriptor is left by which signals would reach the box\n"
    assert done.stderr == f"toyspec: {said}"


def _pressed(process: subprocess.Popen[str]) -> bool:
    """Whether it has ended; else it gets ^C once more."""
    process.send_signal(signal.SIGINT)
    return process.poll() is not None


def test_a_key_ends_the_box_of_a_caller_with_many_groups(
    product: Product, as_root: Product
) -> None:
    """What init does with signals stands behind them in /proc/PID/status."""
    setpriv = tools.need("setpriv")
    groups = ",".join(map(str, range(100_000, 101_500)))
    become = [setpriv, f"--reuid={product.uid}", f"--regid={product.gid}", f"--groups={groups}"]
    words: list[Word] = [*become, compiled(product, ()), "--", "sleep", "1000"]
    process = as_root.popen(words, env={"HOME": str(product.home)}, program=True)
    try:
        family(process.pid, "sleep")
        eventually(lambda: _pressed(process))
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert "init has no handler for ^C" in said
    assert process.returncode != 0


def test_who_waits_costs_little(product: Product) -> None:
    """Once it has waited for a while."""
    with started(product, [compiled(product, ()), "--", "sleep", "1000"]) as process:
        waiting = family(process.pid, "sleep")[:2]
        eventually(lambda: all(pss(pid) <= MOST for pid in waiting))


def broken(product: Product, changes: list[str]) -> tuple[str, str]:
    """A box that will fail, since what it binds goes away after it was made; and its spec."""
    source = spec(product, "")
    (source.parent / "thing").mkdir()
    source.write_text(BROKEN.replace("DIRECTORY", str(source.parent)))
    file = compile_box(product, source, changes)
    (source.parent / "thing").rmdir()
    return str(file), str(source)


def test_a_step_that_fails_is_told(product: Product) -> None:
    file, source = broken(product, [])
    done = product.as_user([file])
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith(
        f"{source}:3:9: error: read-only bind {os.path.dirname(source)}/thing"
    )
    assert "ENOENT, no such file or directory" in done.stderr


def test_what_is_gone_since_it_was_compiled_is_told(product: Product) -> None:
    """What was protected then cannot be protected now: the box does not run without."""
    text = "version: 1\nsystem: host\nbinds: ['.:/code:rw']\ninit: [sh]\n"
    source = spec(product, text)
    product.write(source.parent / ".envrc", "")
    file = compile_box(product, source)
    (source.parent / ".envrc").unlink()
    done = product.as_user([file])
    assert (done.returncode, done.stdout) == (125, "")
    assert "error: protected /code/.envrc: no such file or directory\n" in done.stderr
    assert f"  or compile it again: toyspec compile {source} -o FILE\n" in done.stderr
    compile_box(product, source)
    assert product.as_user([file, "--", "true"]).returncode == 0


def test_a_step_that_fails_may_be_explained_by_another(product: Product) -> None:
    file, _ = broken(product, ["kept"])
    explain = "echo explained $0; grep SigBlk /proc/self/status; exit 7"
    done = product.as_user([file, "--again", "/bin/sh", "-c", explain, "well"])
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == f"explained well\nSigBlk:\t{0:016x}\n"


def test_a_box_that_is_ended_while_it_is_built_needs_no_explanation(product: Product) -> None:
    words: list[Word] = [compiled(product, ("wait", "kept")), "--again", "/bin/echo", "explained"]
    with started(product, words) as process:
        eventually(lambda: len(descendants(process.pid)) == 2)
        processes = descendants(process.pid)
        os.kill(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (128 + signal.SIGTERM, "", "")
    assert gone(processes)


def test_a_view_is_over_before_init_begins(product: Product) -> None:
    source = spec(product, SHOWN)
    file = compile_box(product, source, ["timed", "kept"])
    words: list[Word] = [product.python, product.checkout / LAUNCHER, file, source]
    with shell(product) as outside:
        outside.start(words)
        said = outside.expect(PROMPT)
        assert outside.run("echo $?") == "3\n"
    assert re.search(r"box: \d+ steps in [\d.]+ ms\s.*by init", said, re.DOTALL), said


def test_a_view_shows_where_a_box_stopped(product: Product) -> None:
    file, _ = broken(product, ["timed", "kept"])
    words: list[Word] = [product.python, product.checkout / LAUNCHER, file, spec(product)]
    with shell(product) as outside:
        outside.start(words)
        said = outside.expect(PROMPT)
        assert outside.run("echo $?") == "125\n"
    assert re.search(r"box: stopped at step \d+ of \d+", said), said
    assert "error: read-only bind" in said


def test_a_variable_in_a_file_s_content_is_refused(product: Product) -> None:
    source = spec(
        product,
        'version: 1\nsystem: host\nfiles: [{target: /f, content: "a ${WORD}"}]\ninit: [sh]\n',
    )
    done = product.run(["compile", source, "-o", source.parent / "box"], env={"WORD": "geheim"})
    assert done.returncode == 1
    said = "error: this cannot be compiled: the value of WORD would lie in the file\n"
    assert done.stderr.startswith(f"{source}:3:31: {said}")
    assert "      |                               ^^^^^^^^^^^\n" in done.stderr
    assert not (source.parent / "box").exists()


@pytest.mark.usefixtures("either_way")
def test_a_caller_whose_signals_cannot_be_queued(product: Product) -> None:
    """RLIMIT_SIGPENDING (getrlimit(2)): the kernel then does not tell who sent one."""
    tools.need("prlimit")
    done = product.as_user(["prlimit", "--sigpending=0:0", *up(product, "sh", "-c", "exit 3")])
    assert done.returncode == 3, done.stderr
