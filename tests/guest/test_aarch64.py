"""A box compiled for aarch64, on an emulated machine with Debian's kernel for it.

Deep: it fetches 60 MB of packages. `TOYSPEC_DEEP=1 pytest -m deep tests/guest`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import good
from tests.guest.machine import debian_arm64
from tests.product import Product

SPEC = """\
version: 1
name: guest
root: {type: tmpfs}
binds: [/bin/busybox]
mounts:
  - {type: proc, target: /proc}
  - {type: dev, target: /dev}
  - {type: tmpfs, target: /tmp}
environment: [WORD]
init:
  - /bin/busybox
  - sh
  - -c
  - |
    export PATH=/bin
    echo "$WORD from $(busybox uname -m): PID $$, uid $(busybox id -u)" $(busybox ls /)
    busybox grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status
    busybox touch /bin/busybox || exit 7
"""
LACKING = SPEC.replace("/bin/busybox]", "/bin/busybox, /etc/hostname]")
"""With a file that the machine here has, and the emulated one has not."""
SCRIPT = """\
busybox mkdir -p {home}
busybox chown {uid}:{gid} {home}
box() {{ busybox su them -c "WORD=hello /given/box $1"; echo "status $?"; }}
echo '--- as it is'
box
echo '--- another command'
box "-- /bin/busybox sh -c 'echo \\$0 \\$((6 * 7)); exit 3' word"
echo '--- no such command'
box '-- /bin/nothing'
echo '--- a variable that is missing'
busybox su them -c '/given/box'
echo "status $?"
echo '--- a step that fails'
busybox su them -c 'WORD=hello /given/lacking'
echo "status $?"
echo '--- somebody else'
WORD=hello /given/box
echo "status $?"
echo '--- asked to end'
busybox su them -c 'WORD=hello exec /given/box -- /bin/busybox sh -c "trap \\"echo asked; exit 9\\" TERM; echo \
listens; while :; do /bin/busybox sleep 1; done"' > /tmp/said &
until busybox grep -q listens /tmp/said; do busybox sleep 1; done
for each in /proc/[0-9]*; do
  case $(busybox readlink $each/exe) in
    /given/box) monitor=${{monitor:-${{each#/proc/}}}} ;;
  esac
done
kill -TERM $monitor
wait
busybox cat /tmp/said
echo '--- terminal'
busybox setsid busybox cttyhack busybox su them -c 'WORD=hello /given/box -- /bin/busybox test -t 0' \
  < /dev/console
echo "status $?"
echo '--- plan'
busybox su them -c '/given/box --plan' | busybox grep -c '"call": "pivot_root"'
"""


@pytest.mark.deep
@pytest.mark.skipif(os.environ.get("TOYSPEC_DEEP") != "1", reason="deep: TOYSPEC_DEEP=1 runs it")
def test_a_box_for_aarch64_comes_up_there(product: Product, tmp_path: Path) -> None:
    assert tools.need("busybox") == "/usr/bin/busybox"
    guest = debian_arm64(tmp_path)
    directory = product.directory()
    given = {}
    for name, spec in {"box": SPEC, "lacking": LACKING}.items():
        product.write(directory / f"{name}.yaml", spec)
        asked = product.run(["facts", f"{name}.yaml"], cwd=directory, env={"WORD": "here"})
        facts = json.loads(good(asked))
        facts.update(arch="aarch64", kernel=guest.release, landlock=2)
        product.write(directory / "facts.json", json.dumps(facts))
        words = ["compile", f"{name}.yaml", "--facts", "facts.json", "-o", name]
        product.run(words, cwd=directory, env={"WORD": "here"})
        given[name] = (directory / name).read_bytes()
    user = f"them:x:{product.uid}:{product.gid}:them:{product.home}:/bin/sh"
    script = SCRIPT.format(home=product.home, uid=product.uid, gid=product.gid)
    said = guest.boot(tmp_path, {**given, "script": script.encode()}, user)
    parts = dict(
        part.partition(" ---\n" if " ---\n" in part else "\n")[::2] for part in said.split("--- ")
    )
    assert "end" in parts, said
    assert parts["as it is"] == (
        f"hello from aarch64: PID 1, uid {product.uid} bin dev proc tmp\n"
        "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
        "touch: /bin/busybox: Read-only file system\nstatus 7\n"
    )
    assert parts["another command"] == "word 42\nstatus 3\n"
    assert "no /bin/nothing in the box" in parts["no such command"]
    assert parts["no such command"].endswith("status 127\n")
    assert "WORD is not set" in parts["a variable that is missing"]
    assert parts["a variable that is missing"].endswith("status 125\n")
    assert "ENOENT" in parts["a step that fails"]
    assert "lacking.yaml:4" in parts["a step that fails"]
    assert parts["a step that fails"].endswith("status 125\n")
    assert parts["somebody else"].endswith("status 125\n")
    assert parts["asked to end"] == "listens\nasked\n"
    assert parts["terminal"] == "status 0\n"
    assert parts["plan"] == "1\n"
