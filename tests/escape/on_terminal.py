"""The caller's side of a terminal: `on_terminal.py shared|apart WORDS…`, as a session's leader.

Runs WORDS with the terminal as its streams (shared), or with none of them (apart); then reads what
lies in the terminal's input, as a shell would, and prints it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

if __name__ == "__main__":
    streams, *words = sys.argv[1:]
    other = subprocess.DEVNULL if streams == "apart" else None
    pipe = subprocess.PIPE if streams == "apart" else None
    done = subprocess.run(words, stdin=other, stdout=pipe, stderr=pipe, check=False)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpgrp())
    there, _, _ = select.select([0], [], [], 0.1)
    typed = os.read(0, 100) if there else b""
    said = (done.stdout or b"") + (done.stderr or b"")
    print(f"{said.decode()}\nread {typed!r}, after status {done.returncode}", flush=True)
