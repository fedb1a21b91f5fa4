"""`toyspec compile`: the file that it writes, what it does not replace, and what it refuses."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.product import Product, Word

SPEC = "version: 1\nsystem: host\ninit: [sh, -c, 'exit 7']\n"


def made(product: Product) -> Path:
    """The place of the file; the spec is beside it."""
    directory = product.directory()
    product.write(directory / "s.yaml", SPEC)
    done = product.run(["compile", "-q", "s.yaml", "-o", "box"], cwd=directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return directory / "box"


def refused(product: Product, file: Path, *words: Word) -> str:
    """What is said; nothing is left beside the file."""
    done = product.run(["compile", "s.yaml", "-o", file.name, *words], cwd=file.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert {*os.listdir(file.parent)} <= {"s.yaml", file.name}
    return done.stderr


def test_a_file_that_runs_for_whoever_made_it(product: Product) -> None:
    file = made(product)
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert {*os.listdir(file.parent)} == {"s.yaml", "box"}
    assert product.as_user([file]).returncode == 7
    done = product.run(["plan", "--json", "s.yaml"], cwd=file.parent)
    assert product.as_user([file, "--plan"]).stdout == done.stdout


def test_the_umask_counts(product: Product) -> None:
    directory = made(product).parent
    words: list[Word] = [*product.toyspec, "compile", "-q", "s.yaml", "-o", "closed"]
    script = 'umask 077; exec "$@"'
    done = product.as_user(["/bin/sh", "-c", script, "sh", *words], cwd=directory)
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE((directory / "closed").stat().st_mode) == 0o700


def test_the_same_bytes_from_anywhere(product: Product) -> None:
    """Wherever it is started, whatever order sets have, and where to the file is written."""
    file = made(product)
    product.write(file.parent / "elsewhere" / "note", "")
    found = set()
    for seed, place in (("0", file.parent), ("4711", file.parent / "elsewhere"), ("4711", "/")):
        target = product.directory() / "box"
        words: list[Word] = ["compile", "-q", file.parent / "s.yaml", "-o", target]
        done = product.run(words, cwd=place, env={"PYTHONHASHSEED": seed})
        assert done.returncode == 0, done.stderr
        found.add(target.read_bytes())
    assert len(found) == 1


def test_a_box_is_replaced_also_while_it_runs(product: Product) -> None:
    file = made(product)
    before = file.read_bytes()
    product.write(file.parent / "s.yaml", SPEC.replace("exit 7", "exit 5"))
    running = product.popen(
        [file, "--", "sh", "-c", "echo up; read line; exit 9"],
        stdin=subprocess.PIPE,
        program=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    done = product.run(["compile", "-q", "s.yaml", "-o", "box"], cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert file.read_bytes() != before
    running.communicate("\n", timeout=30)
    assert running.returncode == 9
    assert product.as_user([file]).returncode == 5


@pytest.mark.parametrize("content", ["nothing", "script", "executable"])
def test_what_is_no_box_is_replaced_by_force_only(product: Product, content: str) -> None:
    file = made(product)
    shell = Path("/bin/sh").read_bytes()
    there = {"nothing": b"", "script": b"#!/bin/sh\n", "executable": shell}[content]
    product.write(file, there)
    said = refused(product, file)
    assert said == "toyspec: error: box is there, and no compiled box\n  --force replaces it\n"
    assert file.read_bytes() == there
    done = product.run(["compile", "-q", "--force", "s.yaml", "-o", "box"], cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert product.as_user([file]).returncode == 7


@pytest.mark.parametrize("words", [(), ("--force",)], ids=["", "force"])
def test_what_is_no_file_is_never_replaced(product: Product, words: tuple[str, ...]) -> None:
    file = made(product)
    file.unlink()
    os.mkfifo(file)
    assert "box is there, and no file" in refused(product, file, *words)
    assert stat.S_ISFIFO(file.lstat().st_mode)
    file.unlink()
    file.mkdir()
    assert "name a file in it: -o box/box" in refused(product, file, *words)


def test_a_link_is_judged_by_what_it_leads_to_and_replaced_itself(product: Product) -> None:
    file = made(product)
    there = file.rename(file.parent / "s")
    file.symlink_to("s")
    done = product.run(["compile", "-q", "s.yaml", "-o", "box"], cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert not file.is_symlink()
    there.unlink()
    file.unlink()
    file.symlink_to("/bin/sh")
    assert "no compiled box" in refused(product, file)


def test_where_nothing_can_be_written(product: Product) -> None:
    directory = made(product).parent
    done = product.run(["compile", "s.yaml", "-o", "missing/box"], cwd=directory)
    assert done.returncode == 2
    assert "error: missing/box cannot be written: No such file" in done.stderr
    done = product.run(["compile", "s.yaml"], cwd=directory)
    assert done.returncode == 2
    assert "-o FILE" in done.stderr


def test_files_of_variables_are_refused_at_their_line(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "secret.env", "TOKEN=geheim\n")
    text = "version: 1\nsystem: host\nenv_file: secret.env\ninit: [sh]\n"
    product.write(directory / "s.yaml", text)
    done = product.run(["compile", "s.yaml", "-o", "box"], cwd=directory)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("s.yaml:3:11: error: a spec with `env_file` cannot be compiled")
    assert "environment: [NAME]" in done.stderr
    assert not (directory / "box").exists()


def test_variables_elsewhere_are_a_part_of_the_file(product: Product) -> None:
    """As the table in docs/compiled.md says."""
    directory = product.directory()
    text = (
        "version: 1\nsystem: host\nhostname: '${NAME}'\n"
        "environment: {A: '${A:-other}', B: '${B:-other}'}\n"
        "init: [sh, -c, 'echo $A $B; hostname']\n"
    )
    product.write(directory / "s.yaml", text)
    words: list[Word] = ["compile", "-q", "s.yaml", "-o", "box"]
    done = product.run(words, cwd=directory, env={"NAME": "then", "A": "then"})
    assert (done.returncode, done.stderr) == (0, "")
    done = product.as_user([directory / "box"], env={"NAME": "now", "A": "now", "B": "now"})
    assert done.stdout == "now other\nthen\n"


def test_saved_facts_alone_decide(product: Product) -> None:
    """For aarch64 too; HOME must be set then, whatever this machine's password file says."""
    directory = made(product).parent
    facts = product.run(["facts", "s.yaml"], cwd=directory)
    assert facts.returncode == 0, facts.stderr
    product.write(directory / "facts.json", facts.stdout.replace('"x86_64"', '"aarch64"', 1))
    words: list[Word] = ["compile", "s.yaml", "--facts", "facts.json", "-o", "box"]
    done = product.run(words, cwd=directory)
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith(f" bytes, for uid {product.uid} on aarch64\n")
    assert (directory / "box").read_bytes()[18:20] == b"\xb7\x00"


def test_an_old_kernel_lets_no_descriptor_in(product: Product) -> None:
    """Without CLOSE_RANGE_CLOEXEC (Linux 5.11) no step closes those that whoever starts the file has."""
    directory = made(product).parent
    text = SPEC.replace("exit 7", "ls /proc/self/fd")
    facts = product.run(["facts", "s.yaml"], cwd=directory)
    old = facts.stdout.replace('"close_range_cloexec": true', '"close_range_cloexec": false')
    assert old != facts.stdout
    product.write(directory / "facts.json", old)
    product.write(directory / "s.yaml", text)
    words: list[Word] = ["compile", "-q", "s.yaml", "--facts", "facts.json", "-o", "box"]
    done = product.run(words, cwd=directory)
    assert (done.returncode, done.stderr) == (0, "")
    opened = "exec 5</etc/passwd 9</etc/passwd; exec ./box"
    done = product.as_user(["sh", "-c", opened], cwd=directory)
    assert (done.returncode, done.stdout.split()) == (0, ["0", "1", "2", "3"])
