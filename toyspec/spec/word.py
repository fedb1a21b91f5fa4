"""What is known of a word that is not ours: a value, for the tables of words."""

from __future__ import annotations

from typing import Literal

from toyspec.values import dataclass

Kind = Literal["reserved", "later", "foreign"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word, whose it is (`of`), and one phrase that says what to write instead.

    `where` is the place it would stand in here; `wrote` is how it stands in its own language, where
    that is more than the word: `process.args`.
    """

    where: str
    word: str
    kind: Kind
    of: str
    says: str
    wrote: str = ""


def words(where: str, kind: Kind, of: str, table: dict[str, str]) -> tuple[Word, ...]:
    """One entry for each line of a table. A key may be a path, of which the last name is the word."""
    return tuple(
        Word(where, path.rpartition(".")[2], kind, of, says, path if "." in path else "")
        for path, says in table.items()
    )
