"""The caller's environment, asked through a look: what was read of it is among the answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from toyspec.start.look import Look, has_variable, variable


class Variables(Mapping[str, str]):
    """os.environ, each access a question of `look`: `in` asks no more than whether it is there."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def __getitem__(self, name: str) -> str:
        found = self.look.ask(variable, name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.look.ask(has_variable, name)

    def __iter__(self) -> Iterator[str]:
        return iter({name: self[name] for name in sorted(os.environ)})

    def __len__(self) -> int:
        return len(list(iter(self)))
