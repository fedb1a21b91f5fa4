"""Values of C expressions, as a compiler sees them in the kernel's and the C library's headers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from tests import tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

KERNEL: Final = (
    "asm/unistd.h", "linux/version.h", "linux/fcntl.h", "linux/openat2.h", "linux/mount.h",
    "linux/stat.h", "linux/sched.h", "asm/signal.h", "asm/ioctls.h", "linux/sockios.h",
    "linux/capability.h", "linux/prctl.h", "linux/seccomp.h", "linux/audit.h", "linux/magic.h",
    "linux/close_range.h", "asm/errno.h", "linux/filter.h", "asm/statfs.h",
    "linux/landlock.h", "linux/resource.h", "linux/ioprio.h", "linux/keyctl.h", "linux/wait.h",
)  # fmt: skip
LIBC: Final = ("stddef.h", "sched.h", "sys/socket.h", "sys/mount.h", "net/if.h")
GENERIC: Final = ("asm-generic/unistd.h",)
_ENUMS: Final = ("FSCONFIG_", "IOPRIO_WHO_", "LANDLOCK_RULE_")
AARCH64: Final = "/usr/aarch64-linux-gnu/include"


def values(
    headers: Sequence[str],
    expressions: Iterable[str],
    directory: Path,
    *,
    include: str | None = None,
    defines: Sequence[str] = (),
) -> dict[str, int]:
    """What each expression is. Names that no header defines are left out.

    A name is looked for with #ifdef, but those of an enum (`_ENUMS`); anything that is not
    just a name has to compile.
    """
    gcc = tools.need("gcc", "cc")
    lines = [*(f"#define {name}" for name in defines), "extern int printf(const char *, ...);"]
    lines += [f"#include <{header}>" for header in headers]
    lines += ["#undef offsetof", "#define offsetof(t, f) __builtin_offsetof(t, f)"]
    lines += ["int main(void) {"]
    for expression in expressions:
        shown = f'printf("%lld %s\\n", (long long)({expression}), "{expression}");'
        if expression.isidentifier() and not expression.startswith(_ENUMS):
            shown = f"\n#ifdef {expression}\n{shown}\n#endif"
        lines.append(shown)
    lines += ["return 0; }", ""]
    source, program = directory / "values.c", directory / "values"
    source.write_text("\n".join(lines))
    flags = ["-nostdinc", "-isystem", include] if include else []
    subprocess.run([gcc, "-w", *flags, "-o", program, source], check=True)
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in output.splitlines():
        number, _, expression = line.partition(" ")
        found[expression] = int(number)
    return found
