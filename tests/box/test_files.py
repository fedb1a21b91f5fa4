"""What is made for a box: copies of host files, directories, and what is already at their targets."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.box.boxes import busybox, good, refused, tree, up
from tests.product import Product

HOST = "version: 1\nsystem: host\netc: none\n"


def spec(files: str, script: str, more: str = "") -> str:
    return f"{HOST}{more}files:\n{files}init:\n  - sh\n  - -c\n  - |\n    {script}\n"


def test_a_copy_has_its_source_s_bytes_and_mode_and_changes_alone(product: Product) -> None:
    directory = product.directory()
    data = bytes(range(256)) * 4096 + b"end"
    product.write(directory / "data", data, 0o751)
    product.write(directory / "empty", "", 0o600)
    (directory / "link").symlink_to("data")
    files = (
        "  - {target: /in/data, source: ./data}\n  - {target: /in/empty, source: ./empty}\n"
        "  - {target: /usr/lib/os-release, source: ./link}\n"
        "  - {target: /in/mode, source: ./data, mode: '0462'}\n"
    )
    script = (
        "cat /in/data /usr/lib/os-release | md5sum; stat -c '%a %u %s' /in/* /usr/lib/os-release; "
        "for f in /in/data /usr/lib/os-release; do echo mine > $f; cat $f; done"
    )
    before = tree(directory)
    import hashlib

    seen = good(up(product, directory, spec(files, script))).splitlines()
    assert seen[0].split()[0] == hashlib.md5(data * 2).hexdigest()
    size, uid = len(data), product.uid
    assert seen[1:5] == [
        f"751 {uid} {size}", f"600 {uid} 0", f"462 {uid} {size}", f"751 {uid} {size}",
    ]  # fmt: skip
    assert seen[5:] == ["mine", "mine"]
    after = tree(directory)
    assert {name: after[name] for name in before} == before


def test_host_content_is_in_no_plan(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "secret", "what-only-the-file-says\n")
    product.write(directory / "box.yaml", spec("  - {target: /s, source: ./secret}\n", "cat /s"))
    for form in ("--json", "--syscalls"):
        done = product.run(["plan", form, "box.yaml"], cwd=directory)
        assert done.returncode == 0, done.stderr
        assert "sendfile" in done.stdout
        assert "what-only-the-file-says" not in done.stdout
        assert "secret" in done.stdout


def test_a_source_that_changed_since_the_plan_is_told(product: Product) -> None:
    """Its size changes all the while: one of the runs meets it between plan and run."""
    directory = product.directory()
    source = product.write(directory / "moving", "x" * 100)
    text = spec("  - {target: /m, source: ./moving}\n", "wc -c < /m")
    product.write(directory / "box.yaml", text)
    told = 0
    for _ in range(20):
        process = product.popen(["up", "-q", "box.yaml"], cwd=directory)
        end = time.monotonic() + 20
        size = 100
        while process.poll() is None and time.monotonic() < end:
            size = 300 - size
            os.truncate(source, size)
            time.sleep(0.0005)
        out, err = process.communicate()
        if process.returncode == 0:
            assert out.strip() in ("100", "200")
            continue
        done = subprocess.CompletedProcess([], process.returncode, out, err)
        error = refused(done)
        assert "box.yaml:5:5" in error
        assert "the source has not the " in error
        assert "try again" in error
        told += 1
        if told == 2:
            break
    assert told


def test_sources_that_cannot_be_copied(product: Product) -> None:
    """All of them at once, each with its line."""
    directory = product.directory()
    os.mkfifo(directory / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(directory)
        listener.bind("socket")
        os.chdir(here)
    (directory / "dangling").symlink_to("nowhere")
    product.write(directory / "closed", "", 0o000)
    product.write(directory / "box.yaml", "")
    with open(directory / "large", "wb") as file:
        file.truncate((16 << 20) + 1)
    wrong = {
        "./nowhere": "does not exist", "./dangling": "is a dangling symlink",
        "/usr": "is a directory", "./fifo": "is a fifo", "./socket": "is a socket",
        "/dev/null": "is a character", "./large": "has 16777217 bytes, a copy at most 16777216",
        "/proc/version": "is the kernel's",
    }  # fmt: skip
    if product.uid:
        wrong["./closed"] = f"may not be read by uid {product.uid}"
    files = "".join(f"  - {{target: /x/{n}, source: {path}}}\n" for n, path in enumerate(wrong))
    error = refused(up(product, directory, spec(files, "true")))
    for number, (path, said) in enumerate(wrong.items()):
        name = str(directory / path[2:]) if path.startswith("./") else path
        assert f"box.yaml:{number + 5}:5: error: source {name} {said}" in error, error


def test_an_optional_copy_is_left_out_and_said(product: Product) -> None:
    directory = product.directory()
    text = spec("  - {target: /x, source: ./no, optional: true}\n", "test ! -e /x && echo none")
    assert good(up(product, directory, text)) == "none\n"
    done = product.run(["plan", "box.yaml"], cwd=directory)
    assert f"copy of {directory}/no left out" in done.stdout + done.stderr


def test_directories_have_their_mode_and_are_the_box_s(product: Product) -> None:
    directory = product.directory()
    files = (
        "  - {target: /a/b, directory: true, mode: '2770'}\n  - {target: /tmp, directory: true}\n"
        "  - {target: /usr/share, directory: true, mode: '1777'}\n"
        "  - {target: /a/b/c, directory: true}\n  - {target: /usr/share/x, content: x}\n"
        "  - {target: /code, directory: true, mode: '0700'}\n"
    )
    (directory / "shown").mkdir()
    product.write(directory / "shown/theirs", "")
    product.own(directory)
    script = (
        "for d in /a/b /tmp /usr/share /a/b/c /code; do "
        "touch $d/new && stat -c '%a %u' $d && ls $d; done"
    )
    seen = good(up(product, directory, spec(files, script))).splitlines()
    uid = product.uid
    assert seen == [
        f"2770 {uid}", "c", "new", f"755 {uid}", "new", f"1777 {uid}", "new", "x",
        f"755 {uid}", "new", f"700 {uid}", "new",
    ]  # fmt: skip
    assert [path.name for path in (directory / "shown").iterdir()] == ["theirs"]


THINGS = ("directory", "file", "link-file", "link-directory", "dangling", "loop", "fifo", "socket")
ENTRIES = {
    "content": "content: made", "copy": "source: ./source", "directory": "directory: true",
    "symlink": "symlink: elsewhere",
}  # fmt: skip
GOES = {
    "content": {"file", "link-file", "dangling", "fifo", "socket", "device"},
    "copy": {"file", "link-file", "dangling", "fifo", "socket", "device"},
    "directory": {"directory", "link-directory", "dangling"},
    "symlink": set[str](),
}


def put(path: Path, thing: str) -> None:
    if thing == "directory":
        path.mkdir()
    elif thing == "file":
        path.touch()
    elif thing == "fifo":
        os.mkfifo(path)
    elif thing == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            here = os.getcwd()
            os.chdir(path.parent)
            listener.bind(path.name)
            os.chdir(here)
    else:
        leads = {"link-file": "a-file", "link-directory": "a-directory", "dangling": "no"}
        path.symlink_to(leads.get(thing, path.name))


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_already_at_the_target(product: Product, entry: str) -> None:
    """In a root of the caller's: the right thing in the box, or an error with the entry's line."""
    directory = product.directory()
    root = directory / "root"
    root.mkdir()
    (root / "a-directory").mkdir()
    (root / "a-file").write_text("theirs\n")
    product.write(directory / "source", "copied")
    for thing in THINGS:
        put(root / thing, thing)
    product.write(directory / "box.yaml", "")
    product.own(directory)
    before = tree(root)
    for thing in THINGS:
        text = (
            f"version: 1\nroot: ./root\nbinds: [{busybox()}:/busybox]\n"
            f"files:\n  - {{target: /{thing}, {ENTRIES[entry]}}}\n"
            f"init: [/busybox, sh, -c, '/busybox cat /{thing}; echo x > /{thing}/x; :']\n"
        )
        done = up(product, directory, text)
        if thing not in GOES[entry]:
            assert "box.yaml:5:5: error: " in refused(done), (entry, thing)
            continue
        assert good(done) == {"content": "made", "copy": "copied"}.get(entry, ""), thing
        after = {name: each for name, each in tree(root).items() if name in before}
        assert after == before
        assert not list((root / "a-directory").iterdir())
        made = root / "no"  # what a dangling symlink leads to: an empty mount point
        if made.is_dir():
            made.rmdir()
        made.unlink(missing_ok=True)
