"""A C program that makes the calls of one plan and nothing else: what no way of running it can beat.

It is a measuring stick and a reading aid, no way to use a box: the values of variables are in it, it
relays no signals, gives no terminal back, and knows nothing of what a plan watches. Started with
SIGCHLD ignored it waits for ever: to mend that would be a call that the plan does not have. It is
generated, so it cannot drift from the plan; it needs no libc, so that nothing runs before the first
step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.kernel.errnos import TEXTS
from toyspec.kernel.syscalls import numbers
from toyspec.plan.traits import is_detached
from toyspec.program.program import ADDRESS, CELL, SUPERVISE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toyspec.plan.step import Plan, Role, Step
    from toyspec.program.program import Instruction, Operand, Program

_TRIES: Final = 1024  # of a call whose errno is retried, as the executor has it
_CHUNK: Final = 200  # steps in one C function: compilers take long over long ones
_WORDS: Final = 4  # of data, in one line

BUILD: Final = (
    "gcc -O2 -static -nostdlib -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables"
    " -Wl,-z,noseparate-code,--build-id=none"
)
"""What the program is built by; `-o FILE FILE.c` comes after it."""

_CALL: Final = {
    "x86_64": """\
static inline long call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
    register u64 r10 __asm__("r10") = d;
    register u64 r8 __asm__("r8") = e;
    register u64 r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

__asm__(".globl _start\\n_start:\\n\\txor %ebp, %ebp\\n\\tand $-16, %rsp\\n\\tcall monitor\\n");
""",
    "aarch64": """\
static inline long call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
    register u64 x8 __asm__("x8") = (u64)number;
    register u64 x0 __asm__("x0") = a;
    register u64 x1 __asm__("x1") = b;
    register u64 x2 __asm__("x2") = c;
    register u64 x3 __asm__("x3") = d;
    register u64 x4 __asm__("x4") = e;
    register u64 x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return (long)x0;
}

__asm__(".globl _start\\n_start:\\n\\tmov x29, #0\\n\\tmov x30, #0\\n\\tbl monitor\\n");
""",
}

_HELPERS: Final = """\
#define AT(offset) ((u64)memory + (offset))
#define CELL(offset) (*(cell *)AT(offset))
#define GIVEN(offset) ((u64)(long)CELL(offset))

/* A step failed: `step N: call: errno`, and 125. */
static __attribute__((noreturn, noinline, cold)) void failed(int step, const char *name, long result)
{
    static const char *const errnos[] = {
%(errnos)s
    };
    const char *why = "the result is not the expected one";
    const char *words[5] = {"step ", 0, ": ", name, ": "};
    char digits[12], text[256], *digit = digits + sizeof digits - 1;
    unsigned length = 0;
    *digit = 0;
    do
        *--digit = (char)('0' + step %% 10);
    while (step /= 10);
    words[1] = digit;
    if (result < 0) {
        u64 number = (u64)-result;
        why = number < sizeof errnos / sizeof *errnos && errnos[number] ? errnos[number] : "errno";
    }
    for (int each = 0; each < 5; each++)
        for (const char *from = words[each]; *from && length < 200; from++)
            text[length++] = *from;
    for (; *why && length < 254; why++)
        text[length++] = *why;
    text[length++] = '\\n';
    call(%(write)d, 2, (u64)text, length, 0, 0, 0);
    for (;;)
        call(%(exit_group)d, 125, 0, 0, 0, 0, 0);
}

/* Whether the bytes there, under a mask, are the wanted ones. */
static inline int holds(u64 offset, const char *mask, const char *wanted, int length)
{
    for (int at = 0; at < length; at++)
        if ((((char *)memory)[offset + (u64)at] & mask[at]) != wanted[at])
            return 0;
    return 1;
}

/* A number as decimal text. */
static inline void decimal(u64 offset, long number)
{
    char digits[24], *digit = digits + sizeof digits - 1, *to = (char *)memory + offset;
    *digit = 0;
    do
        *--digit = (char)('0' + number %% 10);
    while (number /= 10);
    while ((*to++ = *digit++))
        ;
}

/* Every signal is blocked. setup takes two: SIGCHLD, and SIGTERM, which says that the monitor ended. */
static inline void attend(int init)
{
    u64 both = 1ul << 14 | 1ul << 16;
    while (call(%(rt_sigtimedwait)d, (u64)&both, 0, 0, sizeof both, 0, 0) != 17)
        call(%(kill)d, (u64)(long)init, 9, 0, 0, 0, 0);
}

/* The end of a child is the end of its parent, as a shell would tell it. */
static inline __attribute__((noreturn)) void follow(int child)
{
    int status = 125 << 8;
    while (call(%(wait4)d, (u64)(long)child, (u64)&status, 0, 0, 0, 0) == -4) /* EINTR */
        ;
    for (;;)
        call(%(exit_group)d, (u64)(status & 127 ? 128 + (status & 127) : status >> 8), 0, 0, 0, 0, 0);
}
"""


def c_program(plan: Plan, program: Program) -> str:
    """The C of `program`, which was lowered from `plan`. The same for the same, to the byte.

    Raises ValueError for a detached box: the program keeps nothing of what a box prints.
    """
    if is_detached(plan):
        raise ValueError("what a detached box prints is kept by a compiled one only")
    steps = {step.id: step for step in plan.steps}
    return "\n".join(
        [
            _head(plan),
            _CALL[program.arch],
            _data(program),
            _HELPERS % {"errnos": _errnos(), **_numbers(program.arch)},
            *[
                f"static __attribute__((noreturn)) void {role}_role(void);"
                for role in program.roles
            ],
            "",
            *[
                _role(role, instructions, steps, program.arch)
                for role, instructions in program.roles.items()
            ],
            _MAIN,
        ]
    )


def is_program(file: bytes) -> bool:
    """Whether this is how a file begins that `c_program` made."""
    return file.startswith(b"/* The box ") and b"\n" + _GENERATED.encode() in file


_GENERATED: Final = " * Generated by `toyspec emit c`;"
_MAIN: Final = """\
__attribute__((noreturn, used)) void monitor(void);
void monitor(void)
{
    monitor_role();
}
"""


def _head(plan: Plan) -> str:
    return f"""\
/* The box {_comment(plan.box)} of {_comment(plan.spec_path)}, for Linux on {plan.arch}: {len(plan.steps)} steps.
{_GENERATED} a measuring stick, with the values of its variables in it.
 *
 * {BUILD} -o box box.c
 */
typedef unsigned long u64;
typedef int __attribute__((may_alias)) cell;
"""


def _numbers(arch: str) -> dict[str, int]:
    known = numbers(arch)
    needed = ("write", "exit_group", "wait4", "rt_sigtimedwait", "kill")
    return {name: known[name] for name in needed}


def _errnos() -> str:
    pairs = [f'[{code}] = "{name}",' for code, (name, _) in sorted(TEXTS.items())]
    return "\n".join(
        "        " + " ".join(pairs[at : at + _WORDS]) for at in range(0, len(pairs), _WORDS)
    )


def _data(program: Program) -> str:
    """The data segment in words; those that point into it say where."""
    content = program.data + bytes(-len(program.data) % 8)
    size = max(len(content) // 8, 1)
    targets = dict(program.pointers)
    texts = [
        f"(u64)memory + {targets[at]:#x}"
        if at in targets
        else f"{int.from_bytes(content[at : at + 8], 'little'):#x}"
        for at in range(0, len(content), 8)
    ]
    lines = [f"static u64 memory[{size}] = {{"]
    for at in range(0, len(texts), _WORDS):
        shown = "".join(
            chr(byte) if chr(byte).isalnum() and byte < 128 else "."
            for byte in content[8 * at : 8 * (at + _WORDS)]
        )
        lines.append(f"    /* {8 * at:#06x} {shown} */ {', '.join(texts[at : at + _WORDS])},")
    return "\n".join([*lines, "};\n"])


def _role(
    role: Role, instructions: Sequence[Instruction], steps: dict[int, Step], arch: str
) -> str:
    """The functions of one role: its steps in pieces, and one that makes them all."""
    pieces, names = [], []
    item = ""
    for first in range(0, len(instructions), _CHUNK):
        names.append(f"{role}_{instructions[first].step}")
        lines = [f"static __attribute__((noinline)) void {names[-1]}(void)", "{", "    long r;", ""]
        for instruction in instructions[first : first + _CHUNK]:
            step = steps[instruction.step]
            if step.item != item or instruction is instructions[first]:
                item = step.item
                lines.append(f"    /* {_comment(item)} ({_origin(step)}) */")
            lines += [f"    {line}" for line in _step(instruction, arch)]
        pieces.append("\n".join([*lines, "}\n"]))
    last = instructions[-1]
    return "\n".join(
        [
            *pieces,
            f"static void {role}_role(void)",
            "{",
            *[f"    {name}();" for name in names],
            f'    failed({last.step}, "{last.call}", 0);',
            "}\n",
        ]
    )


def _step(instruction: Instruction, arch: str) -> Iterator[str]:
    """The lines of one step."""
    if instruction.number == SUPERVISE:
        yield f"/* {instruction.step} supervise: {', '.join(instruction.names)} */"
        cells = dict(zip(instruction.names, instruction.operands, strict=False))
        if "go" in cells:  # the monitor
            yield f'call({numbers(arch)["write"]}, {_operand(cells["go"])}, (u64)"g", 1, 0, 0, 0);'
        else:
            yield f"attend((int){_operand(cells['child'])});"
        yield f"follow((int){_operand(cells['child'])});"
        return
    given = ", ".join([_operand(operand) for operand in instruction.operands])
    made = f"r = call({instruction.number}, {given});"
    named = f"/* {instruction.step} {instruction.call}({', '.join(instruction.names)}) */"
    if instruction.retries:
        again = " || ".join(f"r == -{code}" for code in instruction.retries)
        yield f"{named} for (int tries = 0; tries <= {_TRIES}; tries++) {{"
        yield f"    {made}"
        yield f"    if (!({again}))"
        yield "        break;"
        yield "}"
    else:
        yield f"{named} {made}"
    yield f"if ({_refused(instruction)})"
    yield f'    failed({instruction.step}, "{instruction.call}", r);'
    if instruction.child is not None:
        yield "if (r == 0)"
        yield f"    {instruction.child}_role();"
    if instruction.cell >= 0:
        yield "if (r >= 0)"
        yield f"    CELL({instruction.cell:#x}) = (int)r;"
        if instruction.text >= 0:
            yield "if (r >= 0)"
            yield f"    decimal({instruction.text:#x}, r);"


def _refused(instruction: Instruction) -> str:
    """The condition under which a result is not what the step wants: `program.accepted`."""
    allowed = sorted({*instruction.tolerates, instruction.fails} - {0})
    fails = " && ".join(["r < 0", *[f"r != -{code}" for code in allowed]])
    if instruction.fails:
        return f"r >= 0 || ({fails})"
    if instruction.result is not None:
        return f"(r >= 0 && r != {_literal(instruction.result)}) || ({fails})"
    checks = [
        f"!holds({offset:#x}, {_string(mask)}, {_string(wanted)}, {len(mask)})"
        for offset, mask, wanted in instruction.memory
    ]
    return " || ".join([f"({fails})", *[f"(r >= 0 && {check})" for check in checks]])


def _operand(operand: Operand) -> str:
    kind, value = operand
    if kind == ADDRESS:
        return f"AT({value:#x})"
    if kind == CELL:
        return f"GIVEN({value:#x})"
    return f"(u64){_literal(value)}" if value < 0 else f"{value:#x}"


def _literal(value: int) -> str:
    """A C constant; a C compiler has no word for the lowest of the negative ones, nor has a plan."""
    return f"{value:#x}" if value >= 0 else f"-{-value}l"


def _string(data: bytes) -> str:
    return '"' + "".join(f"\\{byte:03o}" for byte in data) + '"'


def _origin(step: Step) -> str:
    origin = step.origin
    if origin.default is not None:
        return f"default {_comment(origin.default)}"
    return f"{_comment(origin.path)}, line {origin.line}"


def _comment(text: str) -> str:
    """A text that a comment can hold: nothing ends or begins one in it, nor a line."""
    plain = "".join(each if each.isprintable() else "?" for each in text)
    plain = plain.encode("ascii", "backslashreplace").decode()
    while "*/" in plain or "/*" in plain:
        plain = plain.replace("*/", "* /").replace("/*", "/ *")
    return plain
