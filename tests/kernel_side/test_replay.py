"""A plan says everything: its JSON alone, and code that shares nothing with toyspec, make the box."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from tests.kernel_side import constants, encode, operands, replay, structs
from tests.kernel_side.specs import fresh
from tests.product import Product


def test_the_replayer_shares_no_code_with_toyspec() -> None:
    own = {"tests.kernel_side." + name for name in ("constants", "encode", "operands", "structs")}
    for module in (constants, encode, operands, replay, structs):
        assert module.__file__ is not None
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            imported: list[str] = []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported = [node.module or ""]
            for name in imported:
                assert not name.startswith("toyspec"), f"{module.__name__} imports {name}"
                assert not name.startswith("tests") or name in own, name


def test_hellos_plan_runs_from_its_json_alone(product: Product) -> None:
    spec = fresh(product, "hello.yaml")
    plan = product.run(["plan", "--json", spec], cwd=spec.parent)
    assert plan.returncode == 0, plan.stderr
    saved = product.write(product.directory() / "plan.json", plan.stdout)
    up = product.run(["up", "-q", spec], cwd=spec.parent)
    replayed = product.as_user(
        [product.python, "-B", product.checkout / "tests/kernel_side/replay.py", saved],
        cwd=spec.parent,
    )
    assert (replayed.returncode, replayed.stdout) == (up.returncode, up.stdout), replayed.stderr
    assert up.stdout


def test_the_replayer_returns_inits_status_and_names_a_step_that_fails(product: Product) -> None:
    spec = fresh(product, "hello.yaml")
    script = product.checkout / "tests/kernel_side/replay.py"

    def replay_of(*command: str) -> tuple[int, str]:
        done = product.run(["plan", "--json", spec, "--", *command], cwd=spec.parent)
        assert done.returncode == 0, done.stderr
        saved = product.write(product.directory() / "plan.json", done.stdout)
        ran = product.as_user([product.python, "-B", script, saved], cwd=spec.parent)
        return ran.returncode, ran.stderr

    assert replay_of("sh", "-c", "exit 7") == (7, "")
    assert replay_of("sh", "-c", "kill -9 $$; exit 8")[0] in (8, 137)
    status, words = replay_of("/nowhere/at-all")
    assert status == 125
    assert "execve: ENOENT" in words


def test_the_steps_of_a_plan_are_all_that_it_needs(product: Product) -> None:
    spec = fresh(product, "hello.yaml")
    plan = json.loads(product.run(["plan", "--json", spec], cwd=spec.parent).stdout)
    least = {key: plan[key] for key in ("format", "format_version")}
    kept = ("id", "phase", "role", "call", "args", "tolerates", "retries", "expects", "yields")
    least["steps"] = [{key: step[key] for key in kept} for step in plan["steps"]]
    saved = product.write(product.directory() / "plan.json", json.dumps(least))
    ran = product.as_user(
        [product.python, "-B", product.checkout / "tests/kernel_side/replay.py", saved]
    )
    assert (ran.returncode, ran.stderr) == (0, "")
