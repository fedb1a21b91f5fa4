"""Golden plans: what every spec becomes on every recorded host, to the byte.

On purpose changed? `python -m tests.golden.update`, and the diff is the review.
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.plans import (
    COMMAND,
    GOLDEN,
    HOSTS,
    PREPARED,
    PROJECT,
    REPOSITORY,
    SPECS,
    facts,
    golden,
    planned,
    text,
    wanted,
)
from tests.product import Product
from toyspec.emit.plan_json import from_json, to_json
from toyspec.program.lower import lower
from toyspec.program.verify import verify

EVERY = wanted()
OWN = ("/home/dev/.cache", "/home/dev/.local")
"""Where toyspec's own directories would be."""


def plan_id(value: tuple[str, str, str]) -> str:
    return "-".join(value)


@pytest.mark.parametrize("which", EVERY, ids=plan_id)
def test_golden(which: tuple[str, str, str]) -> None:
    path = golden(*which)
    committed = path.read_text("utf-8") if path.exists() else ""
    now = text(*which)
    if now != committed:
        name = str(path.relative_to(REPOSITORY))
        diff = difflib.unified_diff(
            committed.splitlines(keepends=True), now.splitlines(keepends=True), name, "now", n=1
        )
        pytest.fail(
            f"{name} is not what is planned now. If that is on purpose: {COMMAND}\n"
            + "".join(list(diff)[:60]),
            pytrace=False,
        )


def test_nothing_is_golden_that_nothing_wants() -> None:
    found = {p for p in GOLDEN.rglob("*") if p.suffix in (".txt", ".json")}
    assert found == {golden(*which) for which in EVERY}, f"run {COMMAND}"


def test_three_hosts_and_every_spec() -> None:
    assert HOSTS == ["debian-12", "linux-5.10", "split-usr"]
    here = {path.stem for path in (REPOSITORY / "specs").glob("*.yaml")}
    assert here == {*SPECS} | PREPARED


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "0", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu", "COLUMNS": "20"},
        {"PYTHONHASHSEED": "4711", "LC_ALL": "POSIX", "PYTHONUTF8": "0", "HOME": "/nonexistent"},
    ],
    ids=lambda each: each["PYTHONHASHSEED"],
)
def test_the_same_anywhere(environment: dict[str, str], tmp_path: Path) -> None:
    """Another hash seed, locale, environment, working directory and place of the checkout."""
    checkout = tmp_path / "elsewhere"
    for part in ("toyspec", "schemas", "specs", "tests/golden", "tests/hosts"):
        shutil.copytree(
            REPOSITORY / part, checkout / part, symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__", "root", "toybox-2023????"),
        )  # fmt: skip
    (checkout / "tests/__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.plans"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), **environment},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert done.stdout == b"".join(golden(*which).read_bytes() for which in EVERY)


@pytest.mark.parametrize("host", HOSTS)
def test_the_command_says_the_same(host: str, product: Product) -> None:
    """`plan --facts`, as a user types it, in a checkout that lies anywhere."""
    for form, option in (("syscalls", "--syscalls"), ("json", "--json")):
        done = product.run(
            ["plan", "--facts", f"tests/hosts/{host}.json", option, "specs/hello.yaml"],
            env={"TERM": "dumb", "LANG": "C"},
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == golden(host, "hello", form).read_text("utf-8")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", SPECS)
def test_golden_plans_can_be_run(host: str, name: str) -> None:
    made = planned(host, name)
    verify(made)
    lower(made, {"TERM": "dumb"})
    assert to_json(from_json(to_json(made))) == to_json(made)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*.json")), ids=lambda p: p.parent.name)
def test_golden_json_fits_its_schema(path: Path) -> None:
    import jsonschema

    schema = json.loads((REPOSITORY / "schemas/toyspec-plan-1.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(json.loads(path.read_text()))


@pytest.mark.parametrize("host", HOSTS)
def test_a_recording_is_of_a_neutral_place(host: str) -> None:
    found = facts(host)
    assert (found.uid, found.user_name, found.home) == (2000, "dev", "/home/dev")
    for path in (*found.paths, *(m.point for table in found.mounts.values() for m in table)):
        system = ("/bin", "/sbin", "/lib", "/usr", "/etc", "/dev", "/proc", "/sys", PROJECT)
        assert path in ("/", "/home", "/home/dev") or path.startswith((*system, *OWN)), path
    assert all(path.startswith("/usr/") for path in found.installation)
    assert any(path.startswith(PROJECT) for path in found.paths)
    recorded = (REPOSITORY / f"tests/hosts/{host}.json").read_text("utf-8")
    assert recorded == found.to_json()


def test_the_hosts_differ_in_what_they_are_recorded_for() -> None:
    modern, old, split = (facts(host) for host in HOSTS)
    assert modern.feature("mount_setattr")
    assert modern.feature("close_range_cloexec")
    assert modern.terminal
    assert not old.feature("mount_setattr")
    assert not old.feature("close_range_cloexec")
    assert old.kernel.startswith("5.10.")
    assert any(len(table) > 1 for table in old.mounts.values())
    assert modern.path("/bin").kind == "symlink"
    assert {split.path(path).kind for path in ("/bin", "/sbin", "/lib", "/lib64")} == {"directory"}
    calls = {host: {step.call for step in planned(host, "hello").steps} for host in HOSTS}
    assert "mount_setattr" not in calls["linux-5.10"]
    assert "close_range" not in calls["linux-5.10"]
    assert "mount_setattr" in calls["debian-12"]
