"""The docs say what is so: generated pages are current, names are those of the code, links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.installation import REPOSITORY
from tests.product import Product
from toyspec.plan.step import PHASES, ROLES
from toyspec.spec import coming_from
from toyspec.spec.etc import NAMES
from toyspec.spec.foreign import FOREIGN, SHARED
from toyspec.spec.protected import GIT_RUNS, HOME, PROJECT
from toyspec.spec.reference import flow, reference
from toyspec.spec.words import WORDS

DOCS = REPOSITORY / "docs"
PAGES = sorted([*DOCS.glob("*.md"), REPOSITORY / "README.md"])
SPEC = json.loads((REPOSITORY / "schemas/toyspec-1.schema.json").read_text("utf-8"))
PLAN = json.loads((REPOSITORY / "schemas/toyspec-plan-1.schema.json").read_text("utf-8"))


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def section(text: str, title: str) -> str:
    """A page's part below one heading, up to the next of any level."""
    return re.split(r"^#+ ", text.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_column(text: str) -> list[str]:
    """The names in the first column of tables, without backquotes."""
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_the_reference_is_current() -> None:
    assert page("reference.md") == reference(), (
        "docs/reference.md is old: python -m toyspec.spec.reference > docs/reference.md"
    )


def test_the_reference_has_a_command(product: Product) -> None:
    done = product.as_user([product.python, "-m", "toyspec.spec.reference"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == page("reference.md")


def keys(node: Any, name: str = "") -> set[str]:
    """Every key that the schema knows, as the reference names it."""
    while "$ref" in node:
        node = SPEC["definitions"][node["$ref"].rpartition("/")[2]]
    found = {name} if name else set()
    for part in ("then", "else"):
        found |= keys(node[part], name) if part in node else set()
    if "items" in node and isinstance(node["items"], dict):
        found |= keys(node["items"], name + "[]") - {name + "[]"}
    for key, inner in node.get("properties", {}).items():
        found |= keys(inner, f"{name}.{key}" if name else key)
    return found


def test_the_reference_has_every_key() -> None:
    headings = set(re.findall(r"^#+ `([^`]+)`$", page("reference.md"), re.MULTILINE))
    every = keys(SPEC["definitions"]["box"]) | {"x-…"}
    twice = {key for key in every if re.fullmatch(r"ulimits\.\w+\.(soft|hard)", key)}
    assert headings == every - twice  # the two forms of a limit are said once, with each limit


def test_every_word_is_on_a_page() -> None:
    text = page("reference.md")
    ours = [word for word in WORDS if word not in FOREIGN]
    assert all(f"| `{word.word}` |" in text and word.says in text for word in ours)
    assert text.partition("## Slips")[2].count("\n| `") == len(ours)
    theirs = page("coming-from.md")
    for word in (*FOREIGN, *SHARED):
        rows = re.findall(
            rf"^\| `([^`]*[^\w`])?{re.escape(word.word)}`.* \| (.*) \|$", theirs, re.MULTILINE
        )
        assert word.says in [row[1] for row in rows], word


def test_the_reference_has_every_protected_name() -> None:
    text = page("reference.md").partition("\n## What stays read-only\n")[2]
    rows = first_column(text.partition("\n## ")[0])
    assert rows == [name for name, _ in (*PROJECT, *HOME, *GIT_RUNS)]


def test_coming_from_is_current() -> None:
    assert page("coming-from.md") == coming_from.page(), (
        "docs/coming-from.md is old: python -m toyspec.spec.coming_from > docs/coming-from.md"
    )


@pytest.mark.parametrize(
    "text", re.findall(r"^```yaml\n(.*?)^```$", coming_from.page(), flags=re.MULTILINE | re.DOTALL)
)
def test_the_specs_to_come_from_make_a_plan(product: Product, text: str) -> None:
    done = product.run(["plan", "-"], input=text, cwd=product.directory())
    assert done.returncode == 0, done.stderr


def test_coming_from_has_a_command(product: Product) -> None:
    done = product.as_user([product.python, "-m", "toyspec.spec.coming_from"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == page("coming-from.md")


def test_words_that_are_shared_are_known() -> None:
    """Each is a key here, or has an entry of its own under another name's."""
    ours = set(SPEC["definitions"]["box"]["properties"])
    theirs = {(w.of, w.wrote or w.word) for w in FOREIGN}
    for word in SHARED:
        others = any(
            (w.word, w.where) == (word.word, word.where) and w.of != word.of for w in WORDS
        )
        assert word.wrote or word.word in ours or others, word
        assert (word.of, word.wrote or word.word) not in theirs, word


def test_the_reference_has_every_name_of_etc() -> None:
    listed = section(page("reference.md"), "Names of `etc`")
    assert re.findall(r"^\| `([^`]+)` \|", listed, re.MULTILINE) == list(NAMES)


def examples(node: Any) -> list[Any]:
    """Every default and example anywhere in a schema."""
    if isinstance(node, list):
        return [each for inner in node for each in examples(inner)]
    if not isinstance(node, dict):
        return []
    own = [*node.get("examples", []), *([node["default"]] if "default" in node else [])]
    return [*own, *(each for inner in node.values() for each in examples(inner))]


@pytest.mark.parametrize("value", examples(SPEC), ids=str)
def test_examples_read_back_as_they_are(value: object) -> None:
    assert yaml.safe_load(flow(value)) == value
    assert yaml.safe_load(f"- {flow([value])}") == [[value]]
    assert "\n" not in flow(value)


def test_plan_format_lists_the_calls_and_their_arguments() -> None:
    wanted = []
    for name, definition in PLAN["definitions"].items():
        if name.startswith("call_"):
            items = [item.get("anyOf", [item])[0] for item in definition.get("items", [])]
            arguments = ", ".join(item["properties"]["name"]["const"] for item in items)
            wanted.append(f"{name.removeprefix('call_')}({arguments})")
    listed = section(page("plan-format.md"), "Calls").split("```")[1].split("\n")[1:-1]
    assert listed == wanted


def test_plan_format_lists_the_structures_and_their_fields() -> None:
    table = section(page("plan-format.md"), "Structures")
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", table, re.MULTILINE)
    listed = {name: re.findall(r"`([^`]+)`", fields) for name, fields in rows}
    assert listed == {
        name.removeprefix("struct_"): list(definition["properties"])
        for name, definition in PLAN["definitions"].items()
        if name.startswith("struct_")
    }


def test_plan_format_lists_the_keys() -> None:
    text = page("plan-format.md")
    assert set(first_column(section(text, "The whole"))) == set(PLAN["properties"])
    step = PLAN["definitions"]["step"]["properties"]
    wanted = set(step) - {"default_of"} | set(PLAN["definitions"]["expects"]["properties"])
    assert set(first_column(section(text, "A step"))) == wanted
    assert "`default_of`" in text
    for key in PLAN["properties"]["exposure"]["properties"]:
        assert f"`{key}`" in section(text, "The whole")
    phases = ", ".join(f"`{phase}`" for phase in PHASES)
    assert f"| `phase` | {phases}." in text
    assert all(f"`{role}`" in section(text, "A step") for role in ROLES)


def test_plan_format_lists_the_types_of_arguments() -> None:
    found = set()
    for name, definition in PLAN["definitions"].items():
        if name.startswith("call_"):
            for item in definition.get("items", []):
                for form in item.get("anyOf", [item]):
                    found |= set(form["properties"]) - {"name", "fields"}
    text = section(page("plan-format.md"), "Arguments")
    assert set(first_column(text)) == found - {"base64"}
    assert "`base64`" in text
    assert "`bpf`" in text


def test_safe_defaults_are_about_keys_that_exist() -> None:
    named = first_column(page("safe-defaults.md"))
    assert set(named) <= set(SPEC["definitions"]["box"]["properties"])
    assert {"root", "system", "user", "namespaces", "network", "binds", "environment",
            "capabilities", "no_new_privileges"} <= set(named)  # fmt: skip


def test_every_room_and_every_kind_of_test_is_described() -> None:
    text = page("architecture.md")
    rooms = {path.parent.name for path in (REPOSITORY / "toyspec").glob("*/__init__.py")}
    assert set(first_column(section(text, "Rooms"))) == rooms
    tests = {path.parent.name for path in (REPOSITORY / "tests").glob("*/__init__.py")}
    assert {name.rstrip("/") for name in first_column(section(text, "Tests"))} == tests


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_is_named_is_there(path: Path) -> None:
    """Links, and files named in backquotes by their place in the checkout."""
    text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (path.parent / link).exists(), link
    for name in re.findall(r"`((?:docs|schemas|specs|tests|toyspec|bench)/[\w./-]+)`", text):
        assert (REPOSITORY / name).exists(), name
    for module in re.findall(r"python -m ((?:toyspec|tests)[\w.]+)", text):
        assert (REPOSITORY / (module.replace(".", "/") + ".py")).exists(), module
