"""What is said where there is no box: each cause made for real, or from what such a host says."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import tools
from tests.product import Product, Word
from tests.run.boxes import spec, up
from toyspec.plan import calls
from toyspec.plan.step import Phase, Step
from toyspec.run import refusals
from toyspec.run.command import reason, why
from toyspec.spec.model import Origin

X86_64 = os.uname().machine == "x86_64"


def said(product: Product, words: Sequence[Word], status: int = 125) -> str:
    done = product.as_user(words)
    assert (done.stdout, done.returncode) == ("", status), done.stderr
    assert "Traceback" not in done.stderr
    assert "bug in toyspec" not in done.stderr
    return done.stderr


def in_namespaces(product: Product, script: str, words: Sequence[Word]) -> list[Word]:
    """A caller's own user and mount namespace, changed by a script, and then the words."""
    tools.need("unshare")
    shell = ["sh", "-e", "-c", f'{script}\nexec "$@"', "sh"]
    words = ["unshare", "--user", "--map-root-user", "--mount", *shell, *words]
    if product.as_user([*words[:9], "true"]).returncode:
        tools.lack(f"cannot do here: {script}")
    return list(words)


def filtered(product: Product, call: int, errno: int, words: Sequence[Word]) -> list[Word]:
    """A seccomp filter that refuses one call, as a container's does."""
    filters = [
        (0x20, 0, 0, 0),
        (0x15, 0, 1, call),
        (0x06, 0, 0, 0x00050000 | errno),
        (0x06, 0, 0, 0x7FFF0000),
    ]
    code = b"".join(struct.pack("HBBI", *each) for each in filters)
    program = f"""
import ctypes, os, struct, sys
code = ctypes.create_string_buffer({code!r})
prog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(code)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, prog, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
    return [product.python, "-I", "-c", program, *words]


def test_user_namespaces_are_off(product: Product) -> None:
    script = "echo 0 > /proc/sys/user/max_user_namespaces"
    text = said(product, in_namespaces(product, script, up(product, "true")))
    assert "user namespaces are off: user.max_user_namespaces is 0" in text
    assert "what to do: an administrator: sysctl -w user.max_user_namespaces=" in text


def test_masked_proc(product: Product) -> None:
    script = "mount --bind /dev/null /proc/version"
    text = said(product, in_namespaces(product, script, up(product, "true")))
    assert "parts of the host's /proc are covered (/proc/version" in text
    assert "outside of the container" in text


def test_no_proc(product: Product) -> None:
    script = "mount -t tmpfs none /proc"
    text = said(product, in_namespaces(product, script, up(product, "true")))
    assert "/proc" in text
    assert "mount -t proc proc /proc" in text


def test_proc_that_hides_other_users(product: Product) -> None:
    tools.need("unshare")
    outside = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "--pid",
        "--fork",
        "sh",
        "-e",
        "-c",
    ]
    outside += ['mount -t proc -o hidepid=2 proc /proc; exec "$@"', "sh"]
    assert product.as_user([*outside, *up(product, "sh", "-c", "exit 3")]).returncode == 3
    assert product.as_user([*outside, *up(product, "nonesuch")]).returncode == 127


def test_chroot(product: Product) -> None:
    """The chroot of a mount point, which looks like a root, and of a directory, which does not."""
    words = up(product, "true")
    text = said(
        product, in_namespaces(product, "mount --rbind / /mnt; cd /mnt", chroot("/mnt", words))
    )
    assert "chroot" in text
    inner = "mkdir /mnt/x; mount --rbind / /mnt/x"
    script = f"mount -t tmpfs none /mnt; {inner}"
    assert "chroot" in said(product, in_namespaces(product, script, chroot("/mnt/x", words)))


def chroot(path: str, words: Sequence[Word]) -> list[Word]:
    return [tools.need("chroot"), path, *words]


@pytest.mark.skipif(not X86_64, reason="the numbers are x86_64's")
@pytest.mark.parametrize(("call", "name"), [(272, "unshare"), (165, "mount"), (155, "pivot_root")])
def test_refused_by_a_filter(product: Product, call: int, name: str) -> None:
    text = said(product, filtered(product, call, 1, up(product, "true")))
    assert "EPERM" in text
    assert "a seccomp filter is in force here" in text
    assert name in text
    missing = said(product, filtered(product, call, 38, up(product, "true")))
    assert f"this kernel has no {name}(2), or a seccomp filter says so" in missing


def test_no_more_processes(product: Product) -> None:
    text = said(product, ["prlimit", "--nproc=1", *up(product, "true")])
    assert "RLIMIT_NPROC is 1" in text
    assert "fork the builder" in text


def test_a_root_without_the_right_to_map_itself(product: Product) -> None:
    """As in a box that root runs: Linux wants CAP_SETFCAP for uid 0."""
    tools.need("setpriv")
    script = "true"
    words: list[Word] = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *up(product, "true")]
    text = said(product, in_namespaces(product, script, words))
    assert "CAP_SETFCAP" in text


def boxed(product: Product, files: dict[str, bytes], mode: int = 0o755) -> tuple[Path, Path]:
    """A spec that binds a directory with files; the directory."""
    directory = product.directory()
    for name, content in files.items():
        product.write(directory / name, content, mode)
    text = f"version: 1\nsystem: host\nbinds: [{directory}]\ninit: [sh]\n"
    return spec(product, text), directory


def running(product: Product, path: Path, command: str) -> list[Word]:
    return [*product.toyspec, "up", "-q", path, "--", command]


def renamed_interpreter() -> bytes:
    program = Path("/bin/true").read_bytes()
    at = program.find(b"/ld-linux")
    if at < 0:
        tools.lack("needs a dynamic /bin/true")
    return program[: at + 4] + b"XXXXX" + program[at + 9 :]


def test_a_missing_elf_interpreter(product: Product) -> None:
    path, directory = boxed(product, {"tool": renamed_interpreter()})
    text = said(product, running(product, path, f"{directory}/tool"), 127)
    assert f"{directory}/tool needs the ELF interpreter /lib" in text
    assert "XXXXX" in text
    assert "which is not in the box" in text


ANOTHER = bytes.fromhex("7f454c460201010000000000000000000200") + b"\xf4\x01" + bytes(44)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"#!/usr/bin/nonesuch -x\n", 127, "needs the interpreter /usr/bin/nonesuch, which is not"),
        (b"#!/bin/sh\r\necho\r\n", 127, "has Windows line ends"),
        (b"#!\n", 126, "names no interpreter"),
        (b"echo hello\n", 126, "is neither an ELF program nor a script that begins with #!"),
        (b"", 126, "is an empty file"),
        (ANOTHER, 126, "is built for machine 500 of elf.h, and this is"),
    ],
)
def test_a_command_that_is_no_program(
    product: Product, content: bytes, status: int, words: str
) -> None:
    path, directory = boxed(product, {"tool": content})
    text = said(product, running(product, path, f"{directory}/tool"), status)
    assert f"{directory}/tool {words}" in text


def test_a_script_of_a_script(product: Product) -> None:
    path, directory = boxed(product, {"inner": b"#!/usr/bin/nonesuch\n"})
    product.write(directory / "outer", f"#!{directory}/inner\n", 0o755)
    text = said(product, running(product, path, f"{directory}/outer"), 127)
    assert f"{directory}/inner needs the interpreter /usr/bin/nonesuch" in text


def test_on_path_what_was_found_counts(product: Product) -> None:
    """Not the last directory, in which there was nothing."""
    path, directory = boxed(product, {"tool": b"#!/usr/bin/nonesuch\n"})
    words: list[Word] = [
        *product.toyspec,
        "up",
        "-q",
        "-e",
        f"PATH=/sbin:{directory}:/bin",
        path,
        "--",
        "tool",
    ]
    text = said(product, words, 127)
    assert f"{directory}/tool needs the interpreter /usr/bin/nonesuch" in text
    (directory / "tool").chmod(0o644)
    text = said(product, words, 126)
    assert f"{directory}/tool is not executable (mode 0644)" in text
    assert f"chmod +x {directory}/tool" in text


def test_a_command_that_may_not_be_executed(product: Product) -> None:
    path, directory = boxed(product, {"tool": b"#!/bin/sh\n"}, 0o644)
    up_there: list[Word] = [*product.toyspec, "up", "-q", path, "--"]
    assert "is not executable (mode 0644)" in said(product, [*up_there, f"{directory}/tool"], 126)
    assert f"{directory} is a directory" in said(product, [*up_there, str(directory)], 126)
    assert "/dev/null is no regular file" in said(product, [*up_there, "/dev/null"], 126)
    product.write(directory / "in/tool", b"", 0o755)
    (directory / "in").chmod(0o600)
    text = said(product, [*up_there, f"{directory}/in/tool"], 126)
    assert f"may not search the directory {directory}/in in the box" in text


def test_a_mount_that_forbids_execution(product: Product) -> None:
    path, directory = boxed(product, {})
    script = f"mount -t tmpfs -o noexec none {directory}; cp /bin/true {directory}/tool"
    words: list[Word] = [*product.toyspec, "up", "-q", path, "--", f"{directory}/tool"]
    text = said(product, in_namespaces(product, script, words), 126)
    assert f"{directory}/tool lies on a mount from which nothing may be executed (noexec)" in text


def test_arguments_that_are_too_long(product: Product) -> None:
    text = f"version: 1\nsystem: host\nenvironment: {{BIG: {'x' * 131072}}}\ninit: [sh]\n"
    done = product.run(["up", "-q", spec(product, text)])
    assert done.returncode == 126
    assert "one of them is larger than 128 KiB" in done.stderr


@pytest.mark.parametrize(
    ("path", "words"),
    [("/nonesuch", "/nonesuch is not there in the box"), ("/bin/sh", "/bin/sh is no directory")],
)
def test_a_working_directory_that_is_none(product: Product, path: str, words: str) -> None:
    text = said(product, [*product.toyspec, "up", "-q", "-w", path, spec(product)])
    assert words in text
    assert "working_dir" in text


def test_nobody_to_tell_is_asked_about(product: Product) -> None:
    """The command is looked for in the box, and not on the host."""
    text = said(product, up(product, "nonesuch"), 127)
    assert "no `nonesuch` in the box" in text
    assert "searched its PATH: /usr/local/sbin:" in text


@pytest.mark.parametrize("command", ["ls -la", "ls /tmp"])
def test_a_command_line_in_one_entry(product: Product, command: str) -> None:
    text = said(product, up(product, command), 127)
    assert f"no command named `{command}` in the box" in text
    assert f"one entry a word: [{', '.join(command.split())}]" in text
    assert "searched its PATH" not in text


def step(call: calls.Call, phase: Phase = "namespaces", item: str = "") -> Step:
    name, args = call
    return Step(1, phase, "setup", name, args, item, "", Origin("namespaces", 0, 0, "all"))


@pytest.mark.parametrize("errno", ["EPERM", "EACCES"])
@pytest.mark.parametrize(
    ("call", "phase"),
    [
        (calls.unshare("CLONE_NEWUSER"), "namespaces"),
        (calls.write("uid_map", ("0 1000 1",)), "identity"),
        (calls.call("mount"), "propagation"),
    ],
)
def test_apparmor(
    monkeypatch: pytest.MonkeyPatch, call: calls.Call, phase: Phase, errno: str
) -> None:
    """Ubuntu's profile lets unshare succeed, and what follows fails."""
    monkeypatch.setattr(refusals, "_read", {refusals.APPARMOR: "1"}.get)
    monkeypatch.setattr("sys.argv", ["/opt/x y/bin/toyspec"])
    cause, remedy = refusals.cause_of(step(call, phase), errno)
    assert cause is not None
    assert remedy is not None
    assert "kernel.apparmor_restrict_unprivileged_userns is 1" in cause
    readme = Path(__file__).parents[2] / "README.md"
    code = readme.read_text().partition("## Ubuntu 23.10")[2].split("```")
    command = (
        code[1]
        .removeprefix("sh\n")
        .rstrip()
        .replace('"$PWD/.venv/bin/toyspec"', "'/opt/x y/bin/toyspec'")
    )
    assert command in remedy
    assert code[3].removeprefix("sh\n").rstrip() in remedy


def test_debian_s_own_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_read", {refusals.CLONE: "0"}.get)
    cause, remedy = refusals.cause_of(step(calls.unshare("CLONE_NEWUSER")), "EPERM")
    assert cause == "unprivileged user namespaces are off: kernel.unprivileged_userns_clone is 0"
    assert remedy == "an administrator: sysctl -w kernel.unprivileged_userns_clone=1"


def test_a_user_that_nobody_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_read", {"/proc/self/uid_map": "70000 70000 1"}.get)
    cause, _ = refusals.cause_of(step(calls.unshare("CLONE_NEWUSER")), "EPERM")
    assert cause is not None
    assert "this user namespace does not map it" in cause


def test_a_mount_that_hides_nothing_of_proc_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "40 30 0:35 / {} rw - autofs systemd-1 rw"
    points = ("/proc/sys/fs/binfmt_misc", "/proc/kcore", "/proc/keys", "/proc/acpi", "/proc/scsi")
    table = "\n".join(line.format(point) for point in points)
    monkeypatch.setattr(refusals, "_read", {"/proc/self/mountinfo": table}.get)
    made = step(calls.call("fsmount"), "mounts", "proc at /proc")
    cause, _ = refusals.cause_of(made, "EPERM")
    assert cause is not None
    assert "(/proc/kcore, /proc/keys, /proc/acpi…)" in cause


def test_an_explanation_never_fails(tmp_path: Path) -> None:
    for content in (
        b"\x7fELF",
        b"\x7fELF\x02\x01" + b"\xff" * 60,
        b"#!",
        b"#! \t\n",
        b"\x7fELF" * 2,
    ):
        path = tmp_path / "file"
        path.write_bytes(content)
        for errno in (2, 8, 13, 20, 40):
            index, note = why([("/nonexistent/x", 2), (str(path), errno)])
            assert index == 1
            assert len(reason(note.decode())) == 2
    assert reason(why([("/\0", 2)])[1].decode()) == ("", "")
