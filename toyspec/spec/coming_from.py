"""The page for people who know Compose, OCI's config.json or bubblewrap, made from the tables of words.

`python -m toyspec.spec.coming_from > docs/coming-from.md` writes it anew.
"""

from __future__ import annotations

from typing import Final

from toyspec.spec.foreign import SHARED
from toyspec.spec.word import Word
from toyspec.spec.words import WORDS

_HEAD: Final = """# Coming from Compose, OCI or bubblewrap

Made by `python -m toyspec.spec.coming_from > docs/coming-from.md` from the tables that the diagnostics use
(`toyspec/spec/foreign.py`, `toyspec/spec/words.py`); a test holds it to them. Write one of these words in a spec and
`toyspec check` says the same. [reference.md](reference.md) has every key, [safe-defaults.md](safe-defaults.md) what
holds without any.
"""

_PAGES: Final = (
    ("Compose", "Compose", "The keys of a service; the file's own keys above them are there as well. Where the "
     "meaning is Compose's, so is the name."),
    ("OCI", "OCI's config.json", "Where a name stands in the middle of config.json, its place is written before it."),
    ("bubblewrap", "bubblewrap", "Options that say how bwrap is called (`--args`, `--help`, …) are left out: a spec "
     "has no command line."),
)  # fmt: skip

_OF_COMPOSE: Final = (
    "services", "networks", "volumes", "configs", "secrets", "include", "extends", "profiles",
    "depends_on", "devices", "tty",
)  # fmt: skip
"""Compose's words among those that are reserved, or come later."""


def page() -> str:
    """The whole page."""
    pieces = [_HEAD]
    for origin, title, remark in _PAGES:
        rows = sorted(
            {(_wrote(w), w.says) for w in _words(origin)}, key=lambda row: row[0].split("`")
        )
        lines = [f"| {wrote} | {says} |" for wrote, says in rows]
        table = "\n".join(["| you wrote | you write here |", "|---|---|", *lines])
        pieces.append(f"## {title}\n\n{remark}\n\n{table}\n")
    return "\n".join(pieces)


def _words(origin: str) -> list[Word]:
    found = [word for word in (*WORDS, *SHARED) if word.of == origin]
    if origin == "Compose":
        found += [w for w in WORDS if w.of == "toyspec" and w.where == "" and w.word in _OF_COMPOSE]
    return found


def _wrote(word: Word) -> str:
    """How a word stands in its own language."""
    if word.wrote:
        return f"`{word.wrote}`"
    if word.of == "bubblewrap":
        return f"`--{word.word}`"
    kind = {"binds[]": " (a host path)", "mounts[]": " (another filesystem)"}.get(word.where, "")
    if word.of == "OCI":
        prefix = {"binds[]": "mounts[].", "mounts[]": "mounts[].", "mounts[].type=": "mounts[].type: ",
                  "user": "process.user.", "root": "root."}.get(word.where, "")  # fmt: skip
    else:
        prefix = {"binds[]": "volumes[].", "mounts[]": "volumes[].", "mounts[].type=": "volumes[].type: ",
                  "network=": "network_mode: "}.get(word.where, "")  # fmt: skip
    return f"`{prefix}{word.word}`{kind}"


if __name__ == "__main__":
    print(page(), end="")
