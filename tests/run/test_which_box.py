"""Which box a verb means, and what is said where it is not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import Product
from tests.run import detached
from tests.run.detached import Place

SLEEPS = "version: 1\nsystem: host\ninit: [sleep, '1000']\n"


@pytest.fixture
def place(product: Product) -> Iterator[Place]:
    with detached.place(product) as made:
        yield made


@pytest.fixture
def here(place: Place) -> Path:
    """Where the specs lie: nothing above it is one."""
    return place.spec.parent


def write(place: Place, name: str, text: str) -> Path:
    return place.product.write(place.spec.parent / name, text)


def begin(place: Place, name: str, text: str) -> Path:
    path = write(place, name, text)
    done = place.run("up", "-d", path)
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"name: dev\n{SLEEPS}foo: 1\n",
        f"name: dev\n{SLEEPS}binds: ['${{NOBODY_SETS_THIS}}:/x']\n",
        f"name: dev\n{SLEEPS}binds: [1\n",  # no YAML: the one box that was begun from this file
        f"name: Dev\n{SLEEPS}",
        f"name: {'d' * 65}\n{SLEEPS}",
        "",
    ],
)
def test_a_spec_that_is_not_valid_any_more_still_names_its_box(
    place: Place, here: Path, text: str
) -> None:
    path = begin(place, "work.yaml", f"name: dev\n{SLEEPS}")
    write(place, "work.yaml", text)
    done = place.run("exec", "work.yaml", "--", "echo", "in", cwd=here)
    assert (done.returncode, done.stdout) == (0, "in\n"), done.stderr
    assert done.stderr.startswith("toyspec: warning: work.yaml:")
    assert done.stderr.count("\n") == 1 and "the box `dev` is meant" in done.stderr
    assert place.run("plan", "--exec", path, "--", "true").returncode == 0
    assert place.run("restart", path).returncode == 1
    assert place.ps()["dev"]["state"] == "running"
    for verb in ("logs", "kill", "wait", "stop", "down"):
        done = place.run(verb, "-q", path)
        assert (done.returncode, done.stderr) == (137 if verb == "wait" else 0, ""), verb
    assert place.ps() == {}


def test_a_spec_without_a_name_is_its_file_valid_or_not(place: Place) -> None:
    path = begin(place, "work.yaml", SLEEPS)
    write(place, "work.yaml", f"{SLEEPS}foo: 1\n")
    done = place.run("down", "-t", "0", path)
    assert done.returncode == 0 and "`work`" in done.stderr


VERBS = ("logs", "kill", "wait", "stop", "restart", "down")


def test_two_specs_of_one_name_are_told_apart(place: Place) -> None:
    """What is meant for the one never happens to the other's box."""
    one = begin(place, "one/toyspec.yaml", f"name: dev\n{SLEEPS}")
    other = write(place, "other/toyspec.yaml", f"name: dev\n{SLEEPS}")
    for words in (["up", "-d"], ["up", "-q"]):
        done = place.run(*words, other)
        assert done.returncode == 125
        assert f"the box `dev` runs already, left to itself, begun from {one}\n" in done.stderr
        assert "\n  give one of the two specs another `name:`" in done.stderr
    again = place.run("up", "-d", one)
    assert again.returncode == 125 and "another `name:`" not in again.stderr
    for verb in (*VERBS, "exec"):
        argv = ["--", "true"] if verb == "exec" else []
        for found in ({"cwd": other.parent}, {}):
            done = place.run(verb, *([] if found else [other]), *argv, **found)
            assert done.returncode == (125 if verb in ("exec", "wait") else 1), verb
            said = f"the box `dev` was begun from {one}, not from {other}\n"
            assert said in done.stderr and f"toyspec {verb} dev" in done.stderr, done.stderr
    assert place.ps()["dev"]["spec"] == str(one)
    assert place.ps()["dev"]["state"] == "running"
    for verb in VERBS:
        expected = 137 if verb == "wait" else 0
        assert place.run(verb, one if verb in ("logs", "stop") else "dev").returncode == expected
    assert place.run("up", "-d", other).returncode == 0  # it has ended: the name is free
    assert place.run("down", "-t", "0", "dev").returncode == 0


def test_a_spec_by_another_way_to_it_is_the_same(place: Place, here: Path) -> None:
    path = begin(place, "work.yaml", SLEEPS)
    link = here / "link"
    link.symlink_to(here)
    place.product.write(here / "deeper/file", "")
    for again in ("link/work.yaml", "deeper/../work.yaml", "./work.yaml"):
        assert place.run("logs", again, cwd=here).returncode == 0
    path.rename(here / "new.yaml")
    path.write_text(SLEEPS)  # as editors do: another file, in its place
    assert place.run("logs", path).returncode == 0
    place.run("down", "-t", "0", "work")
    done = place.product.run(["up", "-d", "-"], env=place.env, input=f"name: piped\n{SLEEPS}")
    assert done.returncode == 0, done
    whose = write(place, "piped.yaml", SLEEPS)
    assert place.run("logs", whose).returncode == 0  # nobody knows better


def test_ps_shows_what_each_was_begun_from(place: Place) -> None:
    path = begin(place, "work.yaml", SLEEPS)
    lines = place.run("ps").stdout.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "PID", "SINCE", "SPEC", "COMMAND"]
    assert f" {path} " in lines[1] and lines[1].endswith("sleep 1000")
    shown = place.run("ps", env={"HOME": str(path.parent)}).stdout.splitlines()[1]
    assert " ~/work.yaml " in shown


def test_a_spec_needs_no_command_to_name_its_box(place: Place) -> None:
    path = write(place, "work.yaml", "version: 1\nsystem: host\n")
    assert place.run("up", "-d", path, "--", "sleep", "1000").returncode == 0
    done = place.run("down", "-t", "0", path)
    assert (done.returncode, done.stderr) == (0, "")


def test_where_an_invalid_spec_tells_no_name_names_are_offered(place: Place) -> None:
    begin(place, "dev.yaml", SLEEPS)
    path = write(place, "other.yaml", "name: [")
    done = place.run("stop", path)
    assert done.returncode == 1
    assert "other.yaml:1:8: error: " in done.stderr
    assert "the box can be named: toyspec stop NAME; running: dev; " in done.stderr


def test_a_spec_that_is_gone_is_known_to_the_box_that_began_from_it(place: Place) -> None:
    path = begin(place, "work.yaml", f"name: dev\n{SLEEPS}")
    path.unlink()
    done = place.run("stop", path)
    assert done.returncode == 2 and "No such file" in done.stderr
    assert done.stderr.endswith("can be named: toyspec stop dev\n")


def test_a_spec_that_has_another_name_by_now(place: Place) -> None:
    path = begin(place, "work.yaml", f"name: dev\n{SLEEPS}")
    write(place, "work.yaml", f"name: dew\n{SLEEPS}")
    done = place.run("stop", path)
    assert done.returncode == 1 and "no box `dew`" in done.stderr
    assert "`dev` was begun from this spec: toyspec stop dev" in done.stderr


def test_a_near_name_is_offered_for_one_that_was_typed_only(place: Place, here: Path) -> None:
    begin(place, "proja.yaml", SLEEPS)
    path = write(place, "projb.yaml", SLEEPS)
    done = place.run("stop", path, cwd=here)
    assert done.returncode == 1 and "did you mean" not in done.stderr
    assert "toyspec up -d projb.yaml begins it; running: proja" in done.stderr
    assert "did you mean proja?" in place.run("stop", "proj").stderr


def test_names_have_no_capitals(place: Place) -> None:
    begin(place, "proja.yaml", SLEEPS)
    done = place.run("down", "projA")
    assert done.returncode == 2
    assert "`projA` is no box's name: those are of a-z, 0-9, _ and -" in done.stderr
    assert "did you mean: toyspec down proja\n" in done.stderr
    assert "running: proja; " in place.run("down", "Other").stderr
    assert place.ps()["proja"]["state"] == "running"


def test_a_verb_without_a_word_says_what_can_be_named(place: Place, here: Path) -> None:
    begin(place, "dev.yaml", SLEEPS)
    for verb in ("stop", "down", "kill", "logs", "wait", "restart"):
        done = place.run(verb, cwd=here)
        assert done.returncode == (125 if verb in ("wait", "restart") else 2)
        assert "no toyspec.yaml or toyspec.yml in" in done.stderr
        assert f"a box can be named: toyspec {verb} NAME; running: dev; " in done.stderr
    done = place.run("exec", "--", "true", cwd=here)
    assert done.returncode == 125
    assert "a box can be named: toyspec exec NAME -- COMMAND…; running: dev; " in done.stderr


def test_where_it_was_looked_for_is_said(place: Place) -> None:
    done = place.run("stop", "box")
    assert done.returncode == 1
    assert f"there is none; looked in {place.boxes} (XDG_RUNTIME_DIR is set)" in done.stderr
    begin(place, "dev.yaml", SLEEPS)
    place.run("stop", "-t", "0", "dev")
    assert f"none runs; ended: dev; looked in {place.boxes} " in place.run("wait", "x").stderr
    nowhere = place.run("stop", "dev", env={"XDG_RUNTIME_DIR": None}).stderr
    assert "toyspec/boxes (XDG_RUNTIME_DIR is not set)" in nowhere
    odd = place.run("stop", "dev", env={"XDG_RUNTIME_DIR": "odd"}).stderr
    assert "(XDG_RUNTIME_DIR is no absolute path, and does not count)" in odd


def test_a_runtime_directory_that_is_none_is_said(place: Place, here: Path) -> None:
    """As `su` leaves one that is another user's, or that is not there."""
    begin(place, "dev.yaml", SLEEPS)
    missing = str(here / "missing")
    for verb in ("ps", "stop", "down", "kill", "logs", "wait", "restart", "exec"):
        words = [] if verb == "ps" else ["dev", "--", "true"] if verb == "exec" else ["dev"]
        done = place.run(verb, *words, env={"XDG_RUNTIME_DIR": missing})
        assert done.returncode == (125 if verb in ("wait", "restart", "exec") else 2), verb
        assert (
            f"{missing} does not exist, where XDG_RUNTIME_DIR has boxes looked for" in done.stderr
        )
    assert (
        place.run("up", "-d", here / "dev.yaml", env={"XDG_RUNTIME_DIR": missing}).returncode == 0
    )
    assert place.run("down", "-t", "0", "dev", env={"XDG_RUNTIME_DIR": missing}).returncode == 0
    place.runtime.chmod(0o000)
    try:
        for words in (["ps"], ["stop", "dev"]):
            done = place.run(*words)
            assert done.returncode == 2 and "Permission denied" in done.stderr
    finally:
        place.runtime.chmod(0o700)


def test_a_box_whose_directory_is_closed_is_listed(place: Place) -> None:
    for name in ("a", "b"):
        begin(place, f"{name}.yaml", SLEEPS)
    (place.boxes / "a").chmod(0o000)
    try:
        done = place.run("ps")
        assert done.returncode == 2 and "is closed to you, its owner" in done.stderr
        lines = [each.split()[:2] for each in done.stdout.splitlines()[1:]]
        assert lines == [["a", "unreadable"], ["b", "running"]]
        assert place.run("ps", "a").returncode == 2
        assert place.run("ps", "b").returncode == 0
        assert '"state": "unreadable"' in place.run("ps", "--format", "json").stdout
    finally:
        (place.boxes / "a").chmod(0o700)


def test_a_spec_of_that_stem_is_named(place: Place, here: Path) -> None:
    write(place, "paste.yaml", SLEEPS)
    done = place.run("stop", "paste", cwd=here)
    assert done.returncode == 1 and "toyspec up -d paste.yaml begins one; " in done.stderr
    begin(place, "paste.yaml", f"name: dev\n{SLEEPS}")
    done = place.run("stop", "paste", cwd=here)
    assert "`dev` was begun from paste.yaml: toyspec stop dev; " in done.stderr


@pytest.mark.parametrize("verb", ["wait", "exec"])
def test_no_box_is_no_status_of_a_box(place: Place, verb: str) -> None:
    words = ["--", "true"] if verb == "exec" else []
    assert place.run(verb, "nobox", *words).returncode == 125
    begin(place, "dev.yaml", SLEEPS)
    assert place.run(verb, "nobox", *words).returncode == 125


def test_several_boxes_by_one_command(place: Place) -> None:
    """Each is done, whatever becomes of the others; the worst status counts."""
    paths = [begin(place, f"{name}.yaml", SLEEPS) for name in ("a", "b")]
    done = place.run("kill", "-s", "TERM", "a", "b", "nobox", "a")
    assert done.returncode == 1 and done.stderr.count("error:") == 1
    assert place.run("wait", "a", "b").returncode == 143
    assert place.run("wait", "nobox", "a").returncode == 143
    done = place.run("restart", "a", "nobox", "b")
    assert (done.returncode, done.stdout) == (1, "a\nb\n")
    assert place.run("stop", *paths).returncode == 0
    assert {each["state"] for each in place.ps().values()} == {"ended"}
    assert place.run("restart", paths[0], "b").stdout == "a\nb\n"
    for words in ([str(paths[0]), "b"], ["b", str(paths[0])]):
        assert place.run("stop", "-t", "0", *words).returncode == 0
        assert {each["state"] for each in place.ps().values()} == {"ended"}
        assert place.run("restart", *words).returncode == 0
    assert place.run("logs", paths[0], "b").returncode == 2
    assert place.run("down", "-t", "0", "a", paths[0], "a", "b").returncode == 0
    assert place.ps() == {}


def test_a_signal_in_a_box_s_place_sends_nothing(place: Place) -> None:
    begin(place, "dev.yaml", SLEEPS)
    for word, right in (("hup", "HUP"), ("TERM", "TERM"), ("15", "15"), ("0", "0")):
        for words in ([word, "dev"], ["dev", word]):
            done = place.run("kill", *words)
            assert done.returncode == 2
            assert f"toyspec kill -s {right} dev\n" in done.stderr
    for words in (["-s", "", "dev"], ["--signal=", "dev"]):
        done = place.run("kill", *words)
        assert done.returncode == 2 and "the value of -s is empty" in done.stderr
    assert place.ps()["dev"]["state"] == "running"
    begin(place, "hup.yaml", SLEEPS)
    assert place.run("kill", "hup").returncode == 0
    assert place.run("wait", "hup").returncode == 137
    assert place.ps()["dev"]["state"] == "running"


def test_each_of_several_begins_with_its_own_variables(place: Place) -> None:
    text = "version: 1\nsystem: host\nenvironment: [WHOSE]\ninit: [sh, -c, 'echo $WHOSE']\n"
    for name in ("a", "b"):
        path = write(place, f"{name}.yaml", text)
        assert place.run("up", "-d", path, env={"WHOSE": name}).returncode == 0
        place.ends(name)
    write(place, "b.yaml", text.replace("[WHOSE]", "{WHOSE: '${WHOSE:-mine}'}"))
    os.remove(place.boxes / "b" / "environment")
    assert place.run("restart", "a", "b", env={"WHOSE": None}).returncode == 0
    place.ends("b")
    assert (place.run("logs", "a").stdout, place.run("logs", "b").stdout) == ("a\n", "mine\n")


def test_plans_that_contradict_each_other_are_refused(place: Place) -> None:
    path = begin(place, "dev.yaml", SLEEPS)
    for words in (["-d", "--run", path], ["-d", "--exec", "dev"], ["--run", "--exec", "dev"]):
        done = place.run("plan", *words, "--", "true")
        assert (done.returncode, done.stdout) == (2, ""), words
        assert "contradict each other" in done.stderr
    plans = [place.run("plan", "--exec", each, "--", "true") for each in ("dev", path)]
    assert plans[0].returncode == 0 and plans[0].stdout == plans[1].stdout
    assert place.run("plan", "--exec", "nobox", "--", "true").returncode == 1


def test_ps_of_names(place: Place) -> None:
    for name in ("a", "b", "c"):
        begin(place, f"{name}.yaml", SLEEPS)
    place.run("stop", "-t", "0", "a")
    assert place.run("ps", "-q", "b", "a").stdout == "a\nb\n"
    done = place.run("ps", "nobox")
    assert (done.returncode, done.stdout) == (1, "") and "running: b, c; " in done.stderr
    assert place.run("ps", "./a.yaml").returncode == 2


def test_the_last_lines_by_a_letter(place: Place) -> None:
    path = write(place, "a.yaml", SLEEPS)
    place.run("up", "-d", path, "--", "printf", "1\\n2\\n3\\n")
    place.ends("a")
    assert place.run("logs", "-n", "2", "a").stdout == "2\n3\n"


def test_of_a_box_that_is_not_there_no_beginning_is_told(place: Place) -> None:
    path = write(place, "seven.yaml", f"name: 7\n{SLEEPS}")
    done = place.run("wait", path)
    assert "is meant\n" in done.stderr and "another text" not in done.stderr
