"""What is compiled does what the same text does as Python, with numbers of 64 bits."""

from __future__ import annotations

import ctypes
import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.emit.language.compiling import Program, python
from tests.emit.language.programs import programs
from tests.emit.machine.running import DATA, MACHINES, MAPPED, Emulated, runs, signed
from tests.emit.machine.test_machine import CONDITIONS
from toyspec.emit.language.source import LanguageError

runnable = pytest.mark.parametrize("arch", [arch for arch in sorted(MACHINES) if runs(arch)])
native = pytest.mark.skipif(
    not runs("x86_64"), reason="makes calls of x86_64's: this machine is none"
)
NUMBERS = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(-20, 20),
    st.sampled_from([1 << 62, 4096, -4097]),
)


@given(programs(), st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=4))
@runnable
@settings(max_examples=250, deadline=None)
def test_any_program(arch: str, source: str, inputs: list[tuple[int, int, int]]) -> None:
    program = Program(arch, source, "main")
    for numbers in inputs:
        assert program("main", *numbers) == python(source, "main", *numbers), source


SAMPLES = {
    "many_parameters": (
        "def main(a, b, c, d, e, f):\n    return other(f, e, d, c, b, a) * 3 + a\n"
        "def other(a, b, c, d, e, f):\n    return a - b * 2 + c * 4 - d * 8 + e * 16 - f * 32\n",
        (1, 2, 3, 4, 5, 6),
    ),
    "nested_calls": (
        "def main(a, b, c):\n    return one(one(a, b), one(b, one(c, a))) - one(one(c, c), a)\n"
        "def one(a, b):\n    return a * 3 - b\n",
        (5, 7, 11),
    ),
    "recursion": (
        "def main(n):\n    if n < 2:\n        return n\n    return main(n - 1) + main(n - 2)\n",
        (15,),
    ),
    "each_other": (
        "def main(n):\n    if n == 0:\n        return 1\n    return odd(n - 1)\n"
        "def odd(n):\n    if n == 0:\n        return 0\n    return main(n - 1)\n",
        (11,),
    ),
    "loops": (
        "def main(n):\n    total = 0\n    i = 0\n    while True:\n        i += 1\n        if i > n:\n"
        "            break\n        if i % 3 == 0:\n            continue\n        j = i\n"
        "        while j:\n            total += j\n            j -= 1\n            if total > 1000:\n"
        "                return -total\n    return total\n",
        (12,),
    ),
    "many_locals": (
        "def main(a, b):\n"
        + "".join(f"    v{n} = a * {n} + b\n" for n in range(40))
        + "    c = tell(v3)\n    return c"
        + "".join(f" + v{n} * {n % 7}" for n in range(40))
        + "\ndef tell(a):\n    return a ^ 5\n",
        (123456789, -987654321),
    ),
    "constants": (
        "A: int = 1 << 40\nB = A // 3 | 5\n_C = -B\ndef main(a):\n    return a * B + _C - A % 7\n",
        (9,),
    ),
    "a_local_hides_a_constant": ("A = 5\ndef main(a):\n    A = a + 1\n    return A * 2\n", (9,)),
    "conditions": (
        "def main(a, b, c):\n    n = 0\n    if a < b and (b < c or not a == c):\n        n += 1\n"
        "    if not (a and b) or c:\n        n += 2\n    if not (a > b or b > c) and a != 3:\n"
        "        n += 4\n    while a > 0 and b > 0 or c == 1:\n        a -= 1\n        c = 0\n        n += 8\n"
        "    d = a == b\n    e = 7 if a < b else 9\n    return n * 1000 + d * 100 + e\n",
        (3, 5, 1),
    ),
    "falls_through": ("def main(a):\n    if a:\n        a = 2\n", (1,)),
    "nothing_returned": ("def main(a):\n    return\n", (1,)),
    "a_docstring": ('def main(a):\n    """Says it."""\n    return a\n', (4,)),
    "unary": ("def main(a, b):\n    return -a + ~b - -(a + b) + ~(a * b)\n", (77, -3)),
    "itself_on_the_right": (
        "def main(x, y):\n    x = y - x\n    y = x * y - y\n    x = (y + 1) - (x - y)\n    x -= x * 2 - y\n"
        "    y = y + y * y\n    y = 5 - y\n    x = 3 * (x - y)\n    return x * 31 + y\n",
        (17, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SAMPLES))
@runnable
def test_samples(arch: str, name: str) -> None:
    source, numbers = SAMPLES[name]
    program = Program(arch, source, "main")
    if "falls" in name or "nothing" in name:
        assert program("main", *numbers) == 0
    else:
        assert program("main", *numbers) == python(source, "main", *numbers)


@given(NUMBERS, NUMBERS)
@runnable
@example(-7, 8)
@settings(max_examples=50, deadline=None)
def test_arithmetic_with_itself(arch: str, a: int, b: int) -> None:
    source, _ = SAMPLES["itself_on_the_right"]
    assert Program(arch, source, "main")("main", a, b) == python(source, "main", a, b)


@runnable
def test_functions_of_other_modules(arch: str) -> None:
    program = Program(
        arch,
        "from other import FACTOR, again as twice\ndef main(a):\n    return twice(a) + FACTOR\n",
        "main",
        other="BASE = 5\nFACTOR = BASE * 3\ndef again(a):\n    return a + a + FACTOR\n",
    )
    assert program("main", 4) == 8 + 15 + 15


def memory(program: Program, content: bytes) -> int:
    """The address of `content`, writable."""
    if isinstance(program.running, Emulated):
        program.running.engine.mem_write(DATA, content)
        return DATA
    buffer = ctypes.create_string_buffer(content, len(content))
    KEPT.append(buffer)
    return ctypes.addressof(buffer)


KEPT: list[object] = []


def read(program: Program, address: int, size: int) -> bytes:
    if isinstance(program.running, Emulated):
        return bytes(program.running.engine.mem_read(address, size))
    return ctypes.string_at(address, size)


@runnable
@pytest.mark.parametrize(
    ("size", "expected"),
    [(8, 0xF1), (16, 0xE2F1), (32, -0x3B2C1D0F), (64, signed(0x8897A6B5C4D3E2F1))],
)
def test_memory(arch: str, size: int, expected: int) -> None:
    program = Program(
        arch,
        f"def get(at):\n    return load{size}(at)\n"
        f"def before(at):\n    return load{size}(at - 8)\n"
        f"def index(at, i):\n    return load{size}(at + i * 8 + 16) + load{size}(at) * 0\n"
        f"def put(at, value):\n    store{size}(at + 8, value)\n    return 0\n"
        f"def fixed(at):\n    store{size}(at + 8, -2)\n    store{size}(at, 1)\n    return 0\n"
        f"def big(at):\n    store{size}(at + 8, 0x123456789ABCDEF0)\n    return 0\n"
        f"def deep(at, v):\n    store{size}(where(at) + 8 * one(v), where(v) + one(v))\n    return 0\n"
        f"def one(v):\n    return 1\ndef where(at):\n    return at\n",
        *("get", "before", "index", "put", "fixed", "big", "deep"),
    )
    at = memory(program, bytes.fromhex("f1e2d3c4b5a69788") + b"\xaa" * 16)
    assert program("get", at) == expected
    assert program("before", at + 8) == expected
    assert program("index", at, -2) == expected
    length = size // 8
    for name, given_, stored, start in (
        ("put", (0x1122334455667788,), 0x1122334455667788, b"\xaa"),
        ("fixed", (), -2, b"\x01"),
        ("big", (), 0x123456789ABCDEF0, b"\xaa"),
        ("deep", (0x1122334455667788,), 0x1122334455667789, b"\xaa"),
    ):
        at = memory(program, b"\xaa" * 24)
        program(name, at, *given_)
        cut = (stored & ((1 << size) - 1)).to_bytes(length, "little")
        expected_start = start[:1] + (
            b"\0" * (length - 1) if start == b"\x01" else b"\xaa" * (length - 1)
        )
        whole = expected_start + b"\xaa" * (8 - length) + cut + b"\xaa" * (16 - length)
        assert read(program, at, 24) == whole, name


@runnable
@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_memory_is_compared(arch: str, size: int) -> None:
    numbers = [0, 1, -1, 127, 128, 200, 255, -128, -129, 256, 65535, (1 << 31) - 1, -(1 << 31)]
    operators = ("==", "!=", "<", "<=", ">", ">=")
    lines = ["def main(at):", "    n = 0"]
    for index, number in enumerate(numbers):
        for operator in operators:
            lines += [
                f"    if load{size}(at + 8) {operator} {number}:",
                f"        n += {index + 1}",
            ]
    lines += [f"    if load{size}(at + 8):", "        n += 1000", "    return n"]
    program = Program(arch, "\n".join(lines) + "\n", "main")
    for value in numbers:
        cut = value & ((1 << size) - 1)
        loaded = cut if size < 32 else cut - ((cut >> size - 1) << size)
        at = memory(program, b"\xaa" * 8 + cut.to_bytes(8, "little"))
        expected = 1000 * bool(loaded) + sum(
            index + 1
            for index, number in enumerate(numbers)
            for operator in operators
            if CONDITIONS[operator](loaded, number)
        )
        assert program("main", at) == expected


@runnable
def test_texts_are_bytes_with_a_nul(arch: str) -> None:
    program = Program(
        arch,
        "def main(i):\n    return load8(text('gr\u00fc\u00df') + i) + load8(text('\u00df') + i) * 256\n"
        "def empty(i):\n    return load8(text('') + i)\n",
        *("main", "empty"),
    )
    whole, part = "gr\u00fc\u00df".encode() + b"\0", "\u00df".encode() + b"\0"
    assert [program("main", i) for i in range(3)] == [whole[i] + part[i] * 256 for i in range(3)]
    assert program("main", 6) % 256 == 0
    assert program("empty", 0) == 0
    assert program.code.count("\u00df".encode()) == 1  # a text that ends another is part of it


@runnable
def test_rooms_are_apart_and_a_functions_own(arch: str) -> None:
    program = Program(
        arch,
        "def main(a):\n    x = a\n    first = room(20)\n    second = room(3000)\n    y = a + 1\n"
        "    store64(first, 1)\n    store64(first + 8, 2)\n    store32(first + 16, 3)\n"
        "    i = 0\n    while i < 3000:\n        store8(second + i, 255)\n        i += 1\n"
        "    inner(a)\n"
        "    return load64(first) + load64(first + 8) * 10 + load32(first + 16) * 100 + x * 1000"
        " + y * 10000 + (load64(second + 2992) == -1) * 100000 + (first % 8 == 0) * 1000000\n"
        "def inner(a):\n    return clean(room(64), 64)\n"
        "def clean(at, size):\n    while size:\n        size -= 1\n        store8(at + size, 0)\n    return at\n",
        "main",
    )
    assert program("main", 4) == 1154321


@native
def test_system_calls_are_made() -> None:
    program = Program(
        "x86_64",
        "def say(fd):\n    return syscall(nr('write'), fd, text('hello'), length(text('hello')))\n"
        "def length(t):\n    n = 0\n    while load8(t + n):\n        n += 1\n    return n\n"
        "def wrong():\n    return syscall(nr('close'), -1)\n"
        "def own():\n    return syscall(nr('getpid'))\n"
        "def six(a):\n    m = syscall(nr('mmap'), 0, 4096 + a, 3, 34, -1, 0)\n    store8(m, 65)\n"
        "    n = load8(m)\n    syscall(nr('munmap'), m, 4096)\n    return n\n"
        "def opened():\n    return syscall(nr('openat'), -100, text('/'), flag('open', 'O_PATH'), 0)\n"
        "def after(a, b, c, d):\n    e = a * 7\n    syscall(nr('getpid'))\n"
        "    return a + b * 2 + c * 3 + d * 4 + e\n",
        *("say", "wrong", "own", "six", "opened", "after"),
    )
    ours, theirs = os.pipe()
    assert program("say", theirs) == 5
    assert os.read(ours, 10) == b"hello"
    os.close(ours)
    os.close(theirs)
    assert program("wrong") == -9
    assert program("own") == os.getpid()
    assert program("six", 0) == 65
    fd = program("opened")
    os.close(fd)
    assert program("after", 1, 2, 3, 4) == 37


def test_system_calls_of_aarch64() -> None:
    """The emulator has no kernel: a hook tells what would have been asked."""
    from tests.emit.machine.running import arm64_const, unicorn

    program = Program(
        "aarch64",
        "def main(a, b):\n    r = syscall(nr('openat'), a, b, flag('open', 'O_DIRECTORY'), a + b, 5, a * b)\n"
        "    return r * 2 + a\n",
        "main",
    )
    seen: list[list[int]] = []
    assert isinstance(program.running, Emulated)
    engine = program.running.engine

    def hook(_engine: object, _number: int, _data: object) -> None:
        names = ("X8", "X0", "X1", "X2", "X3", "X4", "X5")
        registers = [getattr(arm64_const, f"UC_ARM64_REG_{name}") for name in names]
        seen.append([engine.reg_read(register) for register in registers])
        engine.reg_write(arm64_const.UC_ARM64_REG_X0, 21)

    engine.hook_add(unicorn.UC_HOOK_INTR, hook)
    assert program("main", 3, 4) == 45
    assert seen == [[56, 3, 4, 0o40000, 7, 5, 12]]


@runnable
def test_an_address_is_called(arch: str) -> None:
    program = Program(
        arch,
        "def main(f, a):\n    return call(f, a + 1, 10) + a\ndef twice(a, b):\n    return a * 2 + b\n",
        *("main", "twice"),
    )
    base = MAPPED if isinstance(program.running, Emulated) else program.running.base
    assert program("main", base + program.offsets["twice"], 5) == 2 * 6 + 10 + 5


@pytest.mark.parametrize("arch", sorted(MACHINES))
def test_what_nothing_reaches_is_left_out(arch: str) -> None:
    reached = "def main(a):\n    return a\n"
    more = reached + "def other(a):\n    return text('never said')\n"
    assert Program(arch, more, "main").code == Program(arch, reached, "main").code


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("for i in a:\n        pass", "no For"),
        ("return a / 2", "no"),
        ("return a ** 2", "no"),
        ("x.y = 3", "one name"),
        ("x = y = 3", "one name"),
        ("return unknown", "no local and no constant"),
        ("return unknown(3)", "no function unknown"),
        ("return main(1, 2)", "takes 1 argument"),
        ("return main(a=1)", "no names"),
        ("return a < 3 < 4", "one comparison"),
        ("return a is 3", "one comparison"),
        ("return a and 5", "no BoolOp"),
        ("return [a]", "no List"),
        ("return 'a'", "no"),
        ("return 1.5", "no"),
        ("return text(a)", "written out"),
        ("return room(a)", "constant"),
        ("return nr('nothing')", "not in the kernel's tables"),
        ("return flag('open', 'O_NO')", "not in the kernel's tables"),
        ("return a.b(3)", "by name"),
        ("del a", "no Delete"),
        ("global q", "no Global"),
        ("with a:\n        pass", "no With"),
        ("try:\n        pass\n    finally:\n        pass", "no Try"),
        ("raise a", "no Raise"),
        ("def inner():\n        pass", "no FunctionDef"),
        ("return (lambda: 3)", "no Lambda"),
        ("return (b := 3)", "no NamedExpr"),
        ("while a:\n        pass\n    else:\n        pass", "no else"),
    ],
)
def test_what_the_language_has_not_is_said_with_its_line(line: str, reason: str) -> None:
    source = f"# a comment\ndef main(a):\n    x = 1\n    {line}\n    return x\n"
    with pytest.raises(LanguageError, match=reason) as raised:
        Program("x86_64", source, "main")
    assert "sample:5: " in str(raised.value)  # a line of imports is before it


def test_seven_parameters_are_too_many() -> None:
    with pytest.raises(LanguageError, match="six"):
        Program("x86_64", "def main(a, b, c, d, e, f, g):\n    return 0\n", "main")


def test_an_entry_that_does_not_exist_is_said() -> None:
    with pytest.raises(LanguageError, match="no function main"):
        Program("x86_64", "def other():\n    return 0\n", "main")
