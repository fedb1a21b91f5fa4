"""Record one host: `toyspec facts` for every spec, merged into one file. See README.md.

`python -m tests.hosts.record OUTPUT [--terminal] [--inherit FD]… [KEY=VALUE…]`, in a directory
that has specs/.
"""

from __future__ import annotations

import os
import subprocess
import sys
import termios
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

from tests.product import take_terminal
from toyspec.host.facts import HostFacts

INSTALLATION = ("/usr/lib/python3.11", "/usr/local/lib/python3.11/dist-packages/toyspec")
"""Where toyspec lies on every recorded host: not where the recording happened to have it."""


def main(arguments: list[str]) -> None:
    """Write OUTPUT; `KEY=VALUE` replaces what this machine cannot say (a sysctl: with its dots)."""
    output, *rest = arguments
    terminal = "--terminal" in rest
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for option, number in pairwise(rest):
        if option == "--inherit":
            os.dup2(os.open(os.devnull, os.O_RDONLY), int(number))
            os.set_inheritable(int(number), True)  # where open gave that very number
    found = [facts(spec, terminal) for spec in sorted(Path("specs").glob("*.yaml"))]
    whole = found[0]
    for more in found[1:]:
        assert without_answers(more) == without_answers(whole), "the machine changed meanwhile"
        whole = whole.merged(more)
    whole = replace(whole, installation=INSTALLATION)
    for word in rest:
        key, equals, value = word.partition("=")
        if equals:
            whole = changed(whole, key, value)
    Path(output).write_text(whole.to_json())


def facts(spec: Path, terminal: bool) -> HostFacts:
    """What `toyspec facts SPEC` prints, read from a terminal of its own or from a pipe."""
    command = [sys.executable, "-m", "toyspec.cli.main", "facts", str(spec)]
    if not terminal:
        done = subprocess.run(command, stdout=subprocess.PIPE, close_fds=False, check=True)
        return HostFacts.from_json(done.stdout.decode())
    master, slave = os.openpty()
    raw = termios.tcgetattr(slave)
    raw[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, raw)
    child = subprocess.Popen(
        command, stdin=slave, stdout=slave, start_new_session=True, preexec_fn=take_terminal
    )
    os.close(slave)
    text = b""
    try:
        while piece := os.read(master, 1 << 16):
            text += piece
    except OSError:
        pass  # EIO: the other end is closed
    os.close(master)
    assert child.wait() == 0
    return HostFacts.from_json(text.decode())


def without_answers(found: HostFacts) -> dict[str, object]:
    """What does not depend on the spec."""
    bare = replace(found, paths={}, mounts={}, variables={}, listings={}, namespaces={})
    return asdict(bare)


def changed(found: HostFacts, key: str, value: str) -> HostFacts:
    """One fact said anew."""
    if "." in key:
        return replace(found, sysctls={**found.sysctls, key: value})
    assert key == "kernel", key
    return replace(found, kernel=value)


if __name__ == "__main__":
    main(sys.argv[1:])
