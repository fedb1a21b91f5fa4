"""Much of everything at once, between the caller's terminal and the box's own: nothing is lost, nothing
waits for ever, and what relays it stays small.
"""

from __future__ import annotations

import hashlib
import os
import select
import time
from pathlib import Path

import pytest

from tests import tools
from tests.product import Product
from tests.run.boxes import Shell, children, eventually, family, shell, up

LINE = b"0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789!\n"
PASTE = LINE * (1_000_000 // len(LINE) + 1)
OUTPUT = 100_000_000
SECONDS = 120.0

RAW = """
import hashlib, os, sys, tty
tty.setraw(0)
print("re" "ady", end="", flush=True)
seen, left = hashlib.sha256(), {size}
while left:
    data = os.read(0, min(left, 65536))
    seen.update(data)
    left -= len(data)
print("sum", seen.hexdigest(), end="\\r\\n", flush=True)
"""


def exchange(outside: Shell, typed: bytes, until: bytes, seconds: float = SECONDS) -> bytes:
    """Type all that, as fast as it is taken, and read meanwhile; gives what was shown."""
    shown, left, end = bytearray(), memoryview(typed), time.monotonic() + seconds
    os.set_blocking(outside.master, False)
    try:
        while until not in shown[-65536:]:
            assert time.monotonic() < end, (len(left), bytes(shown[-200:]))
            wanted = [outside.master] if left else []
            readable, writable, _ = select.select([outside.master], wanted, [], 1)
            if readable:
                shown += os.read(outside.master, 65536)
            if writable:
                left = left[os.write(outside.master, left[:4096]) :]
    finally:
        os.set_blocking(outside.master, True)
    return bytes(shown)


def most_memory(pid: int) -> int:
    """What a process ever had, in kB, shared or not (VmHWM of proc_pid_status(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.usefixtures("either_way")
def test_a_megabyte_is_pasted_into_a_full_screen_program(product: Product) -> None:
    tools.need("python3")
    with shell(product) as outside:
        outside.start(up(product, "python3", "-c", RAW.format(size=len(PASTE))))
        outside.expect("ready")
        shown = exchange(outside, PASTE, b"OUTSIDE> ")
        assert hashlib.sha256(PASTE).hexdigest().encode() in shown


@pytest.mark.usefixtures("either_way")
def test_a_megabyte_of_lines_with_their_echo(product: Product) -> None:
    """Both directions are full at once; the end of input comes behind all of it."""
    with shell(product) as outside:
        outside.start(up(product, "sh", "-c", "echo re''ady; exec sha256sum"))
        outside.expect("ready\n")
        shown = exchange(outside, PASTE + b"\x04", b"OUTSIDE> ")
        assert shown.count(LINE[:-1]) > PASTE.count(LINE) // 2  # Linux drops echoes (n_tty.c)
        assert hashlib.sha256(PASTE).hexdigest().encode() in shown


@pytest.mark.usefixtures("either_way")
def test_a_hundred_megabytes_are_shown_in_little_memory(product: Product) -> None:
    tools.need("python3")
    script = f"stty raw; yes 0123456789abcdef | head -c {OUTPUT}; printf '<end>'; stty -raw; read y"
    with shell(product) as outside:
        outside.start(up(product, "sh", "-c", "echo re''ady; read x; " + script))
        outside.expect("ready\n")
        monitor = children(outside.process.pid)[0]
        before = most_memory(monitor)
        shown = exchange(outside, b"\n", b"<end>", 300)
        assert most_memory(monitor) - before < 1000
        data = shown.partition(b"\r\n")[2].removesuffix(b"<end>")
        assert len(data) == OUTPUT
        wanted = (b"0123456789abcdef\n" * (OUTPUT // 17 + 1))[:OUTPUT]
        assert hashlib.sha256(data).digest() == hashlib.sha256(wanted).digest()
        exchange(outside, b"\n", b"OUTSIDE> ")


@pytest.mark.usefixtures("either_way")
def test_the_last_output_comes_before_the_command_ends(product: Product) -> None:
    """Even where the caller's terminal takes it late."""
    with shell(product) as outside:
        outside.start(
            up(
                product,
                "sh",
                "-c",
                "stty raw; head -c 60000 /dev/zero | tr '\\0' z; printf '<end>'",
            )
        )
        eventually(lambda: children(outside.process.pid))
        time.sleep(0.5)
        shown = exchange(outside, b"", b"OUTSIDE> ")
        assert shown.count(b"z" * 100) == 600
        assert shown.index(b"<end>") < shown.index(b"OUTSIDE> ")


@pytest.mark.usefixtures("either_way")
def test_a_box_that_writes_while_nobody_reads_can_still_be_interrupted(product: Product) -> None:
    """The caller's terminal takes nothing, and keys get through all the same."""
    with shell(product) as outside:
        outside.start(
            up(product, "bash", "-c", "trap 'exit 7' INT; echo re''ady; while :; do echo y; done")
        )
        outside.expect("ready\n")
        family(children(outside.process.pid)[0], "bash")
        time.sleep(0.3)
        os.write(outside.master, b"\x03")
        shown = exchange(outside, b"", b"OUTSIDE> ")
        assert shown.count(b"y\r\n") > 100
        exchange(outside, b"echo status $?\n", b"status 7\r\n")
