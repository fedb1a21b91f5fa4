"""The C that every emitted program has: how a call is made, and what a process does that supervises."""

from __future__ import annotations

from typing import Final

CALL: Final = {
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
"""By architecture: how a call is made, and where a process begins."""

HELPERS: Final = """\
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

/* Every signal is blocked. setup takes two: SIGCHLD, and SIGCONT, which says that the monitor ended. */
static inline void attend(int init)
{
    u64 both = 1ul << 16 | 1ul << 17;
    while (call(%(rt_sigtimedwait)d, (u64)&both, 0, 0, sizeof both, 0, 0) != 17)
        call(%(kill)d, (u64)(long)init, 9, 0, 0, 0, 0);
}

/* A reaper. Every signal is blocked; each is taken and goes to the command, SIGCHLD says who ended.
 * Of a command that executed nothing another signal tells (__WCLONE). */
static inline __attribute__((noreturn)) void reap(int command)
{
    u64 every = ~0ul;
    int status = 0, pid;
    for (;;) {
        while ((pid = (int)call(%(wait4)d, ~0ul, (u64)&status, 1, 0, 0, 0)) > 0 && pid != command)
            ;
        if (pid != command)
            pid = (int)call(%(wait4)d, ~0ul, (u64)&status, 1 | 0x80000000ul, 0, 0, 0);
        if (pid == command)
            break;
        long number = call(%(rt_sigtimedwait)d, (u64)&every, 0, 0, sizeof every, 0, 0);
        if (number > 0 && number != 17)
            call(%(kill)d, (u64)(long)command, (u64)number, 0, 0, 0, 0);
    }
    for (;;)
        call(%(exit_group)d, (u64)(status & 127 ? 128 + (status & 127) : status >> 8), 0, 0, 0, 0, 0);
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
