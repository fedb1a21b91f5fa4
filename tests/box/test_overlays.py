"""Overlays, and the host's own tree as a root: what the box sees, what stays, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tools
from tests.plan.world import DIRECTORY, World, host
from tests.product import Product
from toyspec.plan.error import PlanError

TOUCH = "cat /opt/kept; echo new > /opt/written; rm /opt/kept; ls /opt"


def lower(product: Product) -> str:
    """A directory of layers, as the product's user owns it."""
    directory = product.directory()
    product.write(directory / "lower/opt/kept", "from below\n")
    return str(directory)


def run(product: Product, directory: str, root: str, command: str = TOUCH) -> str:
    text = f"version: 1\nsystem: host\n{root}\ninit: [sh, -c, '{command}']\n"
    spec = product.write(product.directory() / "box.yaml", text.replace("@", directory))
    done = product.run(["up", "-q", spec])
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_in_memory_it_is_gone_with_the_box(caller: Product) -> None:
    directory = lower(caller)
    for _ in range(2):
        assert run(caller, directory, "root: {lower: '@/lower'}") == "from below\nwritten\n"
    with open(f"{directory}/lower/opt/kept", encoding="utf-8") as file:
        assert file.read() == "from below\n"


def test_on_disk_it_stays_whatever_the_name(caller: Product) -> None:
    directory = lower(caller)
    root = "root: {type: overlay, lower: ['@/lower'], upper: '@/up,per:\\dir'}"
    assert run(caller, directory, root) == "from below\nwritten\n"
    again = "cat /opt/written; ls /opt"
    assert run(caller, directory, root, again) == "new\nwritten\n"


def test_an_overlay_is_mounted_below_too_first_layer_on_top(caller: Product) -> None:
    directory = lower(caller)
    mount = "mounts: [{type: overlay, target: /data, lower: ['@/patch', '@/lower/opt']}]"
    caller.write(Path(directory) / "patch/kept", "patched\n")
    assert run(caller, directory, mount, "cat /data/kept; echo x > /data/x; ls /data") == (
        "patched\nkept\nx\n"
    )


def test_the_host_s_directories_each_have_an_overlay(product: Product) -> None:
    spec = product.write(
        product.directory() / "box.yaml",
        "version: 1\nroot: {type: overlay, lower: host}\n"
        "init: [sh, -c, 'grep -c \" - overlay \" /proc/self/mountinfo; ls /home /tmp /root']\n",
    )
    done = product.run(["up", "-q", spec])
    assert int(done.stdout.split()[0]) >= 2, done
    assert "/etc" not in done.stderr


def test_the_host_s_tree_is_read_only_and_covered(caller: Product) -> None:
    tools.need("sh")
    script = (
        "touch /usr/x /etc/x 2>&1 | grep -c Read-only; ls /home /tmp /var/tmp; ls /run | head -c 0; "
        "echo own > /tmp/x; grep -c . /proc/1/stat; ls /dev/null"
    )
    spec = caller.write(
        caller.directory() / "box.yaml",
        f"version: 1\nroot: {{type: host}}\ninit: [sh, -c, '{script}']\n",
    )
    done = caller.run(["up", "-q", spec])
    assert done.returncode == 0, done
    assert done.stdout.startswith("2\n/home:\n"), done.stdout
    assert done.stdout.endswith("1\n/dev/null\n")
    uncovered = caller.write(
        caller.directory() / "box.yaml",
        "version: 1\nroot: {type: host, uncover: [/run]}\ninit: [ls, /run]\n",
    )
    assert "/run of the host uncovered" in caller.run(["plan", uncovered]).stdout


FILES = {f"{DIRECTORY}/lower": "dir", f"{DIRECTORY}/file": "file", "/": "dir"}


def refused(world: World, text: str) -> str:
    with pytest.raises(PlanError) as caught:
        world.plan(text)
    return " ".join(problem.message for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ("{lower: ./absent}", "overlay layer /home/me/project/absent does not exist"),
        ("{lower: ./file}", "overlay layer /home/me/project/file is a file, not a directory"),
        ("{lower: ./lower, upper: ./lower/up}", "cannot write into its own layers"),
        ("{lower: ./lower, upper: ./up, work: ./up/work}", "cannot write into its own layers"),
        ("{lower: ./lower, upper: /etc/up}", "/etc/up cannot be written by uid 1000"),
    ],
)
def test_what_cannot_be_an_overlay(root: str, said: str) -> None:
    assert said in refused(host({**FILES, "/etc": "dir"}), f"root: {root}\ninit: [/x]")


def test_a_kernel_that_has_none_in_user_namespaces() -> None:
    said = refused(host(FILES, kernel="5.10.0-32"), "root: {lower: ./lower}\ninit: [/x]")
    assert said == "overlays in a user namespace need Linux 5.11, this is 5.10.0-32"


def test_an_older_kernel_s_overlay_in_memory_is_warned_of() -> None:
    plan = host(FILES, kernel="6.1.0").plan("root: {lower: ./lower}\ninit: [/x]")
    assert any("before 6.6" in warning for warning in plan.warnings)
