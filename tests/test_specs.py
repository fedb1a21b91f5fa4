"""The repository's specs, each run twice from a fresh copy, do what their first lines say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import good, only_mount_points, script, sections, tree
from tests.kernel_side.specs import fresh
from tests.product import Product

NEEDS_BUSYBOX = {"toybox-20230824", "toybox-20230927", "mkbox", "busybox-init"}


def twice(product: Product, name: str, *argv: str, timeout: float = 60) -> tuple[str, Path]:
    """Run the spec two times; the second time it finds what the first one left. Its output once."""
    if name in NEEDS_BUSYBOX:
        tools.need("busybox")
    spec = fresh(product, f"{name}.yaml")
    words = ["up", "-q", str(spec), *(("--", *argv) if argv else ())]
    first = good(product.run(words, timeout=timeout))
    left = tree(spec.parent)
    second = good(product.run(words, timeout=timeout))
    assert second == first
    assert tree(spec.parent) == left, "the second run changed what the first one left"
    return first, spec


def test_hello(caller: Product) -> None:
    out, _ = twice(caller, "hello")
    assert out.startswith("hello from a box: I am PID 1 on hello, and / holds: bin ")


WORK = {
    "compile": "gcc -o hi hi.c && ./hi",
    "venv": "python3 -m venv --without-pip env && env/bin/python -c 'import sys; print(sys.prefix)'",
    "git": "git init -q repo && cd repo && git config user.name me && git config user.email a@b "
    "&& echo x > x && git add x && git commit -qm one && git log --format=%s; cd ..",
    "home": "touch ~/there && ls -A ~ && test -w ~ && echo mine",
    "dev": "echo x > /dev/null && head -c 3 /dev/zero | wc -c && test -c /dev/urandom && echo y > "
    "/dev/shm/y && python3 -c 'import pty, os; print(os.ttyname(pty.openpty()[1]))'",
    "id": "id -un; hostname; getent hosts localhost; getent passwd root | cut -d: -f1",
    "threads": "python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, [-1, -2]))'",
    "sockets": 'python3 -c \'import socket as s; l = s.create_server(("127.0.0.1", 80)); '
    's.create_connection(l.getsockname()); print("connected")\'',
    "closed": "touch /usr/x; touch /etc/ld.so.cache; python3 -c 'import socket as s; "
    's.create_connection(("192.0.2.1", 80), 1)\' 2>&1 | tail -n 1',
}


def test_dev(product: Product) -> None:
    """A compiler, python, git: what this directory needs, and nothing of the host's but it."""
    tools.need("gcc", "git", "python3")
    spec = fresh(product, "dev.yaml")
    program = '#include <stdio.h>\nint main(void) { return puts("compiled") < 0; }\n'
    product.write(spec.parent / "hi.c", program)
    for _ in range(2):
        words = ["up", "-q", str(spec), "--", "bash", "-c", script(WORK)]
        done = product.run(words)
        seen = {name: text.strip() for name, text in sections(done.stdout).items()}
        assert done.returncode == 0, done.stdout + done.stderr
        assert seen["compile"] == "compiled"
        if "ensurepip" not in seen["venv"]:
            assert seen["venv"] == "/code/env"
        assert seen["git"] == "one"
        assert seen["home"].splitlines() == ["there", "mine"]
        assert seen["dev"].splitlines() == ["3", "/dev/pts/0"]
        name, host, localhost, root = seen["id"].splitlines()
        assert (host, root) == ("dev", "root")
        assert name not in ("root", "")
        assert localhost.split()[1] == "localhost"
        assert seen["threads"] == "[1, 2]"
        assert "connected" in seen["sockets"] or "Permission denied" in seen["sockets"]
        assert seen["closed"].count("cannot touch") == 2
        assert "Network is unreachable" in seen["closed"]
        for made in ("hi", "env/bin/python", "repo/.git/HEAD"):
            assert (spec.parent / made).lstat().st_uid == product.uid
        for name in ("env", "repo"):
            done = product.as_user(["rm", "-r", str(spec.parent / name)])
            assert done.returncode == 0


def test_toybox_20230824(caller: Product) -> None:
    """Root prompt and all the tools of home; the faux root gets empty mount points and symlinks."""
    out, spec = twice(caller, "toybox-20230824")
    who, version = out.splitlines()
    assert who == "root"
    assert "coreutils" in version
    left = {p: e for p, e in tree(spec.parent).items() if p.startswith("toybox-20230824/")}
    links = {p: os.readlink("/" + p.partition("/")[2]) for p, e in left.items() if e.kind == "l"}
    only_mount_points({}, left, "toybox-20230824", links)


SENTENCES = [
    ("three subdirectories", "mkdirat", "tmp"),
    ("three subdirectories", "mkdirat", "proc"),
    ("three subdirectories", "mkdirat", "sys"),
    ("user, mount, PID and network namespace", "unshare", None),
    ("propagation PRIVATE", "mount", None),
    ("bind mount our target directory to itself", "open_tree", None),
    ("bind mount our target directory to itself", "move_mount", None),
    ("move our CWD into the directory", "fchdir", None),
    ("pivot_root, old root onto tmp", "pivot_root", None),
    ("chdir(/) immediately after", "chdir", None),
    ("fork()", "clone", None),
    ("mount our /proc", "fsopen", "proc"),
    ("mount our /proc", "move_mount", None),
    ("mount our /sys", "fsopen", "sysfs"),
    ("mount our /sys", "move_mount", None),
    ("unmount our old root", "umount2", "tmp"),
    ("a tmpfs over /tmp", "mount", "tmpfs"),
    ("do all the other stuff", "execve", None),
]


def test_toybox_20230927(caller: Product) -> None:
    """Each sentence of the blog's list is a step or a few, in its order."""
    tools.need("busybox")
    spec = fresh(caller, "toybox-20230927.yaml")
    plan = json.loads(caller.run(["plan", "--json", str(spec)]).stdout)
    steps = [step for step in plan["steps"] if step["role"] != "monitor"]
    at = 0
    for sentence, call, word in SENTENCES:
        for number in range(at, len(steps)):
            step = steps[number]
            texts = {arg.get("path") or arg.get("text") for arg in step["args"]}
            if step["call"] == call and (word is None or word in texts):
                at = number + 1
                break
        else:
            pytest.fail(
                f"no step for `{sentence}` ({call} {word}) after step {steps[at - 1]['id']}"
            )
    unshared = next(step for step in steps if step["call"] == "unshare")
    assert sorted(unshared["args"][0]["flags"]) == [
        "CLONE_NEWNET", "CLONE_NEWNS", "CLONE_NEWPID", "CLONE_NEWUSER",
    ]  # fmt: skip
    pivot = next(step for step in steps if step["call"] == "pivot_root")
    assert [arg["path"] for arg in pivot["args"]] == [".", "tmp"]
    roles = {step["id"]: step["role"] for step in steps}
    clone = next(step["id"] for step in steps if step["call"] == "clone")
    assert roles[pivot["id"]] == "setup"
    assert pivot["id"] < clone
    assert all(roles[s["id"]] == "init" for s in steps if s["call"] in ("umount2", "execve"))
    out, spec = twice(caller, "toybox-20230927")
    lines = out.splitlines()
    assert lines[0].split() == ["PID", "USER", "COMMAND"]
    assert sorted(set(out.partition("/:\n")[2].split())) == ["/tmp:", "bin", "proc", "sys", "tmp"]
    left = {p: e for p, e in tree(spec.parent).items() if p.startswith("toybox-20230927/")}
    only_mount_points({}, left, "toybox-20230927")


def test_mkbox(caller: Product) -> None:
    """uid 3333, four devices, a writable /data, a root that is read-only."""
    out, spec = twice(caller, "mkbox")
    assert out.split() == ["3333", "null", "random", "urandom", "zero"]
    assert (spec.parent / "mkbox/data/by-the-box").read_text() == "kept\n"
    assert (spec.parent / "mkbox/data/by-the-box").stat().st_uid == caller.uid
    text = script(
        {
            "root": "b touch /new /bin/new /sys/new /proc/sys/new",
            "data": "b touch /data/new /tmp/new && echo written",
            "caps": "b grep Cap /proc/1/status",
            "devices": "for d in null zero random urandom; do b dd if=/dev/$d of=/dev/null bs=1 "
            "count=1 2>/dev/null && b echo $d; done",
        },
        'b() { /bin/busybox "$@"; }',
    )
    out, _ = twice(caller, "mkbox", "/bin/busybox", "sh", "-c", text + "; exit 0")
    seen = sections(out)
    assert seen["root"].count("\n") == 4
    assert seen["root"].count("Read-only file system") >= 2
    assert seen["data"] == "written\n"
    assert {line.split()[1] for line in seen["caps"].splitlines()} == {"0" * 16}
    assert seen["devices"].split() == ["null", "zero", "random", "urandom"]


def test_busybox_init(caller: Product) -> None:
    """Its own init as PID 1 starts a daemon, which answers on the box's loopback."""
    out, _ = twice(caller, "busybox-init")
    assert "served by a daemon in the box, started by busybox's init" in out
