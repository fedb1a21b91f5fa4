"""The reference of the spec's keys and words, made from its schema and the table of words.

`python -m toyspec.spec.reference > docs/reference.md` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from toyspec.spec.accept import resolve
from toyspec.spec.etc import MADE, SHOWN
from toyspec.spec.protected import GIT_RUNS, HOME, PROJECT
from toyspec.spec.schema import NAME, schema
from toyspec.spec.word import Word
from toyspec.spec.words import WORDS

Node = Mapping[str, Any]

_HEAD: Final = f"""# The spec, key by key

Made by `python -m toyspec.spec.reference > docs/reference.md` from `schemas/{NAME}` and the table
of words in `toyspec/spec/words.py`; a test holds it to them. Editors that read YAML schemas show the same:

```yaml
# yaml-language-server: $schema=../schemas/{NAME}
```

`toyspec schema` prints that schema. What a box is by default, and how each default is weakened, is in
[safe-defaults.md](safe-defaults.md).

- Paths of the host may be relative to the file, or begin with `~/`. Paths of the box begin with `/`.
- `${{NAME}}`, `${{NAME:-default}}` and `${{NAME:?message}}` are filled in from the caller's environment, in
  values only and never in `init`; `$$` is a dollar. A variable that is unset and has no default is an error.
- Plans show what a variable puts into `environment` or `content` by its name only, `${{NAME}}`; elsewhere its value.
  The same holds for `env_file`.
- No path of the box has more than 128 names, and none of either side lies below /proc/self or
  /proc/PID, save the file of a namespace.
- Scalars are those of YAML 1.2: `no` and `on` are text, octal modes are quoted strings.
"""

_PLACES: Final = {
    "": "at the top", "user": "in `user`", "root": "in `root`", "binds[]": "in an entry of `binds`",
    "mounts[]": "in an entry of `mounts`", "files[]": "in an entry of `files`",
    "namespaces": "in `namespaces`", "root.type=": "as `type` of `root`",
    "mounts[].type=": "as `type` of a mount", "network=": "as `network`",
}  # fmt: skip

_TYPES: Final = {
    "string": "Text.", "array": "A list.", "object": "A mapping.", "boolean": "`true` or `false`.",
    "integer": "A whole number.", "number": "A number.",
}  # fmt: skip


def reference() -> str:
    """The whole page."""
    whole = schema()
    box = resolve(whole, "#/definitions/box")
    pieces = [_HEAD, "## Keys\n"]
    for name, node in box["properties"].items():
        required = name in box["required"]
        pieces += _key(whole, name, node, "###", required)
        pieces += _inside(whole, name, _followed(whole, node))
    pieces += _key(whole, "x-…", box["patternProperties"]["^x-"], "###", False)
    return "\n".join([*pieces, *_etc(), *_protected(), *_words()])


def _followed(whole: Node, node: Node) -> Node:
    """A node with what it refers to; its own words win."""
    reference = node.get("$ref")
    return {**resolve(whole, reference), **node} if isinstance(reference, str) else node


def _key(whole: Node, name: str, node: Node, level: str, required: bool) -> list[str]:
    node = _followed(whole, node)
    lines = [f"{level} `{name}`\n", node["description"] + "\n"]
    facts = list(_facts(node, required))
    if facts:
        lines.append("\n".join(f"- {fact}" for fact in facts) + "\n")
    return lines


def _facts(node: Node, required: bool) -> Iterator[str]:
    if required:
        yield "Required."
    if "enum" in node:
        yield "One of: " + ", ".join(f"`{value}`" for value in node["enum"]) + "."
    elif "patternErrorMessage" in node:
        yield f"Text: {node['patternErrorMessage']}."
    elif node.get("type") in _TYPES:
        yield _TYPES[node["type"]]
    if "default" in node:
        yield f"Default: `{flow(node['default'])}`"
    shown = [f"`{flow(example)}`" for example in node.get("examples", [])]
    if shown:
        yield f"Example{'s' if len(shown) > 1 else ''}: " + " · ".join(shown)


def _inside(whole: Node, name: str, node: Node) -> list[str]:
    """The keys of a mapping, of a list's entries, or of a long form."""
    if "items" in node:
        return _inside(whole, f"{name}[]", _followed(whole, node["items"]))
    lines = []
    if "then" in node and "$ref" in node["then"]:
        short = resolve(whole, node["then"]["$ref"])
        lines = [f"Short form: {short['description']}\n"]
        lines.append("\n".join(f"- {fact}" for fact in _facts(short, False)) + "\n")
    form = _followed(whole, node["else"]) if "else" in node else node
    if lines and "description" in form and form is not node:
        lines.append(f"Long form: {form['description']}\n")
    if "items" in form:
        return [*lines, *_inside(whole, f"{name}[]", _followed(whole, form["items"]))]
    needed = form.get("required", ())
    for key, inner in form.get("properties", {}).items():
        lines += _key(whole, f"{name}.{key}", inner, "####", key in needed)
        if "$ref" not in inner:
            lines += _inside(whole, f"{name}.{key}", inner)
    return lines


def flow(value: object) -> str:
    """A value as one line of YAML: plain words where that is unambiguous, else double quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    from json import dumps

    from yaml import safe_dump

    quoted = dumps(value, ensure_ascii=False)
    plain: str = safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**6)
    return quoted if plain[1:-2] != value else plain[1:-2]


_PROTECTED: Final = (
    ("At the top of each writable bind, and in the spec's directory", PROJECT),
    ("In the caller's home, wherever a writable bind shows it", HOME),
    ("In `.git`, with `git: writable`", GIT_RUNS),
)


def _protected() -> list[str]:
    """What stays read-only in a writable bind, as the planner has it."""
    lines = [
        "## What stays read-only\n",
        "`protect: [default]` stands for the first two tables. What is there is bound on itself, "
        "read-only; what is not\nis looked for when the box has ended. More in "
        "[safe-defaults.md](safe-defaults.md#a-writable-project).\n",
    ]
    for title, table in _PROTECTED:
        rows = [f"| `{name}` | {why} |" for name, why in table]
        lines += [
            f"### {title}\n",
            "\n".join(["| name | what reads it |", "|---|---|", *rows]) + "\n",
        ]
    return lines


def _etc() -> list[str]:
    """What each name of `etc` stands for."""
    rows = [f"| `{name}` | made for the box |" for name in MADE]
    for name, paths in SHOWN.items():
        versions = [path for path in paths if path.startswith("java") and path[-8:] == "-openjdk"]
        plain = [f"`{path}`" for path in paths if path not in versions or "8" in path]
        more = ", … (one for each version)" if versions else ""
        rows.append(f"| `{name}` | {', '.join(plain)}{more} |")
    return [
        "## Names of `etc`\n",
        "The paths are those of /etc, as the host has them, where it has them.\n",
        "\n".join(["| name | what the box has |", "|---|---|", *rows]) + "\n",
    ]


def _words() -> list[str]:
    lines = [
        "## Slips\n",
        "toyspec knows these words and says what to write instead: nothing is silently ignored.\n"
        "Those of Compose, OCI's config.json and bubblewrap are in [coming-from.md](coming-from.md).\n",
        _table(w for w in WORDS if w.of == "another place"),
    ]
    reserved = (w for w in WORDS if w.kind == "reserved")
    lines += ["## Reserved words\n", "Kept for files that describe more than one box.\n"]
    lines += [_table(reserved), "## Not yet\n", "Words of later versions, each refused.\n"]
    return [*lines, _table(w for w in WORDS if w.kind == "later")]


def _table(words: Iterator[Word]) -> str:
    rows = [f"| `{w.word}` | {_PLACES[w.where]} | {w.says} |" for w in words]
    return "\n".join(["| word | where | here |", "|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    print(reference(), end="")
