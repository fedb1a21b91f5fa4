"""What people write: odd names, options of the command line, commands that do not start."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import busybox, good, refused, script, sections, tree, up
from tests.product import Product

ODD = [
    "a b", "  ", "ü/ß", "日本", "-rf", "--", "'", '"', "\\", "\\040", "$HOME", "*", "#x", "a:b", "a,b",
    "x=y", "{z}", "&", "%s", "é\u0301", "🙂", "\u2028", "a" * 255,
]  # fmt: skip


def odd_spec(root: str) -> str:
    """Every odd name as a source, a target, a file, a symlink, a tmpfs, a directory on the way."""
    lines = ["version: 1", root]
    text = json.dumps
    keys: dict[str, list[dict[str, str]]] = {"binds": [], "mounts": [], "files": []}
    for odd in ODD:
        name = odd.replace("$", "$$")
        keys["binds"] += [
            {"source": f"./src/{name}", "target": f"/bind/{name}"},
            {"source": f"./src/{name}/file", "target": f"/file/{name}"},
        ]
        keys["mounts"] += [{"type": "tmpfs", "target": f"/tmpfs/{name}/{name}"}]
        keys["files"] += [
            {"target": f"/made/{name}", "content": f"{name}\n"},
            {"target": f"/link/{name}", "symlink": f"/made/{name}"},
        ]
    keys["binds"].append({"source": busybox(), "target": "/busybox"})
    keys["mounts"].append({"type": "proc"})
    for key, entries in keys.items():
        lines += [f"{key}:", *(f"  - {text(entry, ensure_ascii=False)}" for entry in entries)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("api", ["new", "old"])
@pytest.mark.parametrize("root", ["root: {type: tmpfs}", "root: {path: ./root, create: true}"])
def test_odd_names(product: Product, root: str, api: str) -> None:
    """Each arrives as it was written, by either way of mounting."""
    directory = product.directory()
    for name in ODD:
        product.write(directory / "src" / name / "file", f"{name}\n")
    looks = {
        "bind": 'for f in /bind/*/file /bind/*/*/file; do test -f "$f" && b cat "$f"; done',
        "file": 'for f in /file/* /file/*/*; do test -f "$f" && b cat "$f"; done',
        "made": "b find /made -type f -exec /busybox cat {} +",
        "link": "b find /link -type l -exec /busybox cat {} +",
        "tmpfs": "b grep -c ' /tmpfs/' /proc/self/mountinfo",
        "closed": 'for f in /file/* /file/*/*; do if test -f "$f"; then echo x >> "$f"; fi; done',
    }
    text = odd_spec(root)
    init = ["/busybox", "sh", "-c", "IFS=''; " + script(looks, 'b() { /busybox "$@"; }')]
    text += f"init: {json.dumps([*init[:3], init[3] + '; exit 0'])}\n"
    for _ in range(2):
        seen = sections(good(up(product, directory, text, api=api)))
        every = sorted(name.encode() for name in ODD)
        for look in ("bind", "file", "made", "link"):
            assert sorted(line.encode() for line in seen[look].split("\n") if line) == every, look
        assert seen["tmpfs"] == f"{len(ODD)}\n"
        assert "written" not in seen["closed"]
        assert seen["closed"].count("\n") == len(ODD)


def test_control_characters_are_refused(product: Product) -> None:
    directory = product.directory()
    spec = f'version: 1\nbinds: ["{busybox()}:/a\\nb"]\ninit: [/busybox]\n'
    error = refused(up(product, directory, spec))
    assert "U+000A" in error


def test_optional_binds(product: Product) -> None:
    """Left out where there is nothing, there where there is; a dangling symlink is nothing."""
    directory = product.directory()
    (directory / "dangling").symlink_to("nowhere")
    product.write(directory / "here", "here\n")
    closed = directory / "closed"
    product.write(closed / "file", "")
    closed.chmod(0)
    spec = f"""
version: 1
binds:
  - {busybox()}:/busybox
  - ./absent:/absent:optional
  - ./dangling:/dangling:optional,rw
  - ./here:/here:optional
  - ./closed/file:/closed:optional
init: [/busybox, ls, /]
"""
    assert good(up(product, directory, spec)).split() == ["busybox", "here"]
    for name in ("absent", "dangling", "closed"):
        error = refused(up(product, directory, re.sub(f"(/{name}):optional", r"\1:ro", spec)))
        line = {"absent": 5, "dangling": 6, "closed": 8}[name]
        if name == "dangling":
            error = refused(up(product, directory, spec.replace("optional,rw", "rw")))
        assert f"box.yaml:{line}:5: error: bind source" in error
    closed.chmod(0o755)


SHOW = """
version: 1
environment: [FROM=file, KEPT=file, TAKEN]
binds: [{busybox}:/bin/show, {busybox}:/bin/sh, {busybox}:/opt/tool/env]
files: [{{target: /somewhere/else/x, content: x}}]
init: [sh, -c, 'echo from the file']
"""


def test_the_command_line_comes_last(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "box.yaml", SHOW.format(busybox=busybox()))

    def run(*words: str, env: Mapping[str, str | None] | None = None) -> tuple[int, str, str]:
        done = product.run(["up", "-q", "box.yaml", *words], cwd=directory, env=env)
        return done.returncode, done.stdout, done.stderr

    assert run(env={"TAKEN": "x"})[:2] == (0, "from the file\n")
    taken = {"TAKEN": "a\nb=$c"}
    path = ["-e", "PATH=/opt/tool:/bin"]
    words = ["-e", "FROM=line", "-e", "NEW=a=b c", "-e", "TAKEN", *path]
    status, out, _ = run(*words, "--", "/opt/tool/env", env=taken)
    assert status == 0
    assert sorted(out.split("\n")) == sorted(
        ["PATH=/opt/tool:/bin", "HOME=/", "FROM=line", "KEPT=file", "TAKEN=a", "b=$c", "NEW=a=b c", ""]
    )  # fmt: skip
    # The name is searched in the box's PATH, the argv is taken word by word.
    status, out, _ = run(
        *path, "--", "env", "-i", "/bin/sh", "-c", 'echo "$#:$1"', "sh", "a b", "", env=taken
    )
    assert (status, out) == (0, "2:a b\n")
    status, out, _ = run("-w", "/somewhere/else", "--", "sh", "-c", "pwd; echo *", env=taken)
    assert (status, out) == (0, "/somewhere/else\nx\n")
    status, _, error = run("-w", "/absent", env=taken)
    assert status == 125
    assert "working directory /absent" in error
    status, _, error = run("-w", "/somewhere/else/x", env=taken)
    assert status == 125
    assert "not a directory" in error
    status, out, error = run(env={"TAKEN": None})
    assert status == 0 or "TAKEN" in error


def test_a_working_directory_that_is_missing_names_its_line(product: Product) -> None:
    spec = f"version: 1\nbinds: [{busybox()}:/busybox]\nworking_dir: /absent\ninit: [/busybox]\n"
    error = refused(up(product, product.directory(), spec))
    assert "box.yaml:3:14: error: working directory /absent: no such file or directory" in error


def test_a_working_directory_behind_a_symlink_stays_inside(product: Product) -> None:
    directory = product.directory()
    (directory / "root").mkdir()
    (directory / "outside").mkdir()
    (directory / "root/out").symlink_to(directory / "outside")
    (directory / "root/up").symlink_to("../../../..")
    product.own(directory)
    spec = f"version: 1\nroot: ./root\nbinds: [{busybox()}:/busybox]\nworking_dir: /%s\n"
    spec += "init: [/busybox, pwd]\n"
    refused(up(product, directory, spec % "out"))
    assert good(up(product, directory, spec % "up")) == "/\n"


PROGRAMS = {
    "three": ("#!/busybox sh\nexit 3\n", 0o755),
    "by-signal": ("#!/busybox sh\nkill -KILL $$\n", 0o755),
    "no-interpreter": ("exit 4\n", 0o755),
    "absent-interpreter": ("#!/nowhere/sh -e\n", 0o755),
    "dos": ("#!/busybox\r\nexit 0\r\n", 0o755),
    "not-executable": ("#!/busybox sh\n", 0o644),
    "empty": ("", 0o755),
    "garbage": ("\x7fELF garbage", 0o755),
}


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (["/busybox", "true"], 0, ""),
        (["/busybox", "false"], 1, ""),
        (["/bin/three"], 3, ""),
        (["three"], 3, ""),
        (["/busybox", "sh", "-c", "exit 125"], 125, ""),
        (["/busybox", "sh", "-c", "exit 255"], 255, ""),
        (["/busybox", "sh", "-c", "/busybox sh -c 'kill -TERM $$'; exit $?"], 143, ""),
        (["absent"], 127, "no `absent` in the box"),
        (["/bin/absent"], 127, "no /bin/absent in the box"),
        (["/bin/three/x"], 127, "/bin/three/x"),
        (["/bin/not-executable"], 126, "/bin/not-executable"),
        (["not-executable"], 126, "/bin/not-executable"),
        (["/bin"], 126, "/bin"),
        (["/bin/no-interpreter"], 126, "#!"),
        (["/bin/empty"], 126, "/bin/empty"),
        (["/bin/garbage"], 126, "/bin/garbage"),
        (["/bin/absent-interpreter"], 127, "/nowhere/sh"),
        (["absent-interpreter"], 127, "/nowhere/sh"),
        (["/bin/dos"], 127, "Windows"),
        (["/dynamic"], 127, "ld-linux"),
        ([".."], 126, ".."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_statuses(product: Product, command: list[str], status: int, said: str) -> None:
    directory = product.directory()
    for name, (text, mode) in PROGRAMS.items():
        product.write(directory / "bin" / name, text, mode)
    dynamic = os.path.realpath(tools.need("env"))
    spec = f"version: 1\nbinds: [{busybox()}:/busybox, ./bin:/bin, {dynamic}:/dynamic]\n"
    spec += f"init: {json.dumps(command)}\n"
    done = up(product, directory, spec)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if said:
        assert (
            f"{directory}/box.yaml:3:7: error" in done.stderr
            or "box.yaml:3:7: error" in done.stderr
        )


def test_init_ended_by_a_signal(product: Product) -> None:
    """SIGKILL from outside is all that ends a PID 1 without handlers: 128 + 9."""
    directory = product.directory()
    product.write(
        directory / "box.yaml",
        f"version: 1\nbinds: [{busybox()}:/busybox]\ninit: [/busybox, sleep, '60']\n",
    )
    words = ["up", "-q", "box.yaml"]
    with product.popen(words, cwd=directory) as process:
        init = _descendant(process.pid, "sleep")
        os.kill(init, 9) if os.geteuid() == 0 or os.getuid() == product.uid else None
        process.communicate(timeout=20)
    assert process.returncode == 137


def _descendant(pid: int, word: str) -> int:
    """Wait, bounded, until a process below `pid` has `word` in its command line."""
    import time

    end = time.monotonic() + 20
    while time.monotonic() < end:
        waiting = [pid]
        while waiting:
            here = waiting.pop()
            try:
                children = Path(f"/proc/{here}/task/{here}/children").read_text().split()
                line = Path(f"/proc/{here}/cmdline").read_bytes()
            except OSError:
                continue
            if here != pid and word.encode() in line.split(b"\0"):
                return here
            waiting += map(int, children)
        time.sleep(0.01)
    raise AssertionError("it never came up")


def test_nothing_is_left_behind(product: Product) -> None:
    """A box with a root of its own writes nothing at all on the host."""
    directory = product.directory()
    spec = (
        f"version: 1\nbinds: [{busybox()}:/bin/busybox]\nmounts: [{{type: dev}}, {{type: proc}}]\n"
    )
    spec += "files: [{target: /a/b/c, content: x}]\netc: auto\ninit: [busybox, touch, /new]\n"
    product.write(directory / "box.yaml", spec)
    before = tree(directory)
    good(up(product, directory, spec))
    assert tree(directory) == before


def test_a_home_of_its_own(product: Product) -> None:
    """Wherever HOME says, where that is possible; the host's own is not shown."""
    directory = product.directory()
    spec = (
        "version: 1\nsystem: host\ninit: [sh, -c, 'cd && pwd && ls -A && touch x && echo mine']\n"
    )
    for home in (str(product.home), f"{product.home}/./", "/home/someone", "/var/lib/x"):
        out = good(up(product, directory, spec, env={"HOME": home}))
        assert out.splitlines()[1:] == ["mine"], home
        assert os.path.normpath(out.splitlines()[0]) == os.path.normpath(home)
    for home in ("/usr/me", "/", "/tmp/../etc", "relative", "/etc"):
        done = up(product, directory, spec, env={"HOME": home})
        assert "Traceback" not in done.stderr
        assert "bug" not in done.stderr
