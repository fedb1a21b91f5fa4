"""Writes `ready.py`: the default filter of a box without capabilities, assembled beforehand.

    python -m toyspec.plan.seccomp.make_ready > ready.py   # then move it here

A test holds that it is what `default.py` says today.
"""

from __future__ import annotations

from textwrap import wrap

from toyspec.plan.seccomp.assemble import assemble
from toyspec.plan.seccomp.default import default_profile

_HEAD = '''\
"""The default filter of a box without capabilities, per host: made by `make_ready`, not by hand.

Most boxes have this one, and to assemble it takes 9 ms of each start. `plan -v` shows it in words.
"""

# fmt: off
FILTERS: dict[str, tuple[tuple[int, int, int, int], ...]] = {
'''
_COLUMNS = 100


def module() -> str:
    """The text of `ready.py`."""
    text = _HEAD
    for arch in ("x86_64", "aarch64"):
        instructions = assemble(default_profile(arch))
        shown = "".join(f"({code},~{yes},~{no},~{k:#x}), " for code, yes, no, k in instructions)
        lines = wrap(shown, _COLUMNS - 8, break_long_words=False)
        body = "".join(f"        {line}\n" for line in lines).replace("~", " ")
        text += f'    "{arch}": (\n{body}    ),\n'
    return text + "}\n"


if __name__ == "__main__":
    print(module(), end="")
