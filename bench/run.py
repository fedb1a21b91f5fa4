"""The modes: what is measured, and with which peers. Each gives a part of the result."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import crowds, equal, parts, trace
from bench.boxes import Box
from bench.measure import FailedError, crowd, interleaved, once
from bench.ours import YARDSTICKS
from bench.peers import PEERS, REFERENCE, Peer

SIZES: Final = (1, 10, 100, 1000, 10000)
WORKERS: Final = (1, 2, 16)
BOXES: Final = 200
_ALIVE: Final = ("limit", "toyspec compiled", "toyspec up -q", "bubblewrap")
_SLOW: Final = 30.0  # ms a box

Result = dict[str, Any]


class Bench:
    """One run of the bench: a directory, an environment, and the peers that work here."""

    def __init__(
        self, directory: Path, environment: Mapping[str, str], names: Sequence[str]
    ) -> None:
        self.directory, self.environment = directory, environment
        chosen = [peer for peer in PEERS if not names or peer.name in names]
        self.absent = {peer.name: why for peer in chosen if (why := peer.absent()) is not None}
        self.peers = [peer for peer in chosen if peer.name not in self.absent]

    def box(self, name: str, program: tuple[str, ...] | None = None, many: int = 0) -> Box:
        """A box below the bench's directory."""
        made = Box(self.directory, name, many=many)
        return made if program is None else Box(self.directory, name, program, many)

    def look(self) -> dict[str, list[str]]:
        """How each peer's box differs from the reference; a peer without a box takes no part."""
        box = self.box("look", equal.PROGRAM)
        by_name = {peer.name: peer for peer in PEERS}
        reference = equal.look(by_name[REFERENCE].make(box), self.environment)
        found = {}
        for peer in list(self.peers):
            try:
                found[peer.name] = equal.differences(
                    equal.look(peer.make(box), self.environment), reference
                )
            except (RuntimeError, OSError) as error:
                self._without(peer, str(error))
        return found

    def _without(self, peer: Peer, why: str) -> None:
        self.absent[peer.name] = why
        self.peers.remove(peer)

    def single(self, runs: int) -> Result:
        """One box after another, interleaved at random."""
        box = self.box("single")
        commands = {peer.name: peer.make(box) for peer in self.peers}
        figures = interleaved({**YARDSTICKS, **commands}, self.environment, runs)
        return {name: each._asdict() for name, each in figures.items()}

    def growth(self, runs: int, most: float, sizes: Sequence[int] = SIZES) -> Result:
        """Medians by the number of binds; a peer stops where one box takes more than `most` seconds."""
        left = [peer for peer in self.peers if peer.binds]
        found: Result = {peer.name: [] for peer in left}
        for size in sizes:
            box = self.box(f"binds-{size}", many=size)
            for peer in list(left):
                try:
                    argv = peer.make(box)
                    once(argv, self.environment, 10 * most)
                    took = self._several(argv, runs, most)
                except (FailedError, RuntimeError, OSError) as error:
                    found[peer.name].append({"binds": size, "why": str(error)[:200]})
                    left.remove(peer)
                    continue
                found[peer.name].append({"binds": size, "ms": took})
                if took > most * 1000:
                    left.remove(peer)
        return found

    def _several(self, argv: list[str], runs: int, most: float) -> float:
        """The median of up to `runs` runs: of fewer, where they take long together."""
        times: list[float] = []
        until = time.monotonic() + most
        while len(times) < runs and (len(times) < 3 or time.monotonic() < until):
            times.append(once(argv, self.environment, 10 * most))
            if times[0] > most * 1000:
                break
        return round(statistics.median(times), 3)

    def crowds(self, rounds: int, count: int = BOXES) -> Result:
        """`count` boxes by how many at once: ms a box, the median of some rounds.

        Of a peer that takes longer than 30 ms for one, it is a tenth of them, in one round.
        """
        box = self.box("crowd")
        found: Result = {}
        commands = {peer.name: peer.make(box) for peer in self.peers}
        times: dict[tuple[str, int], list[float]] = {}
        slow = {name for name, argv in commands.items() if self._several(argv, 3, 1) > _SLOW}
        for turn in range(rounds):
            for name, argv in commands.items():
                if turn and name in slow:
                    continue
                boxes = max(count // 10, 1) if name in slow else count
                for workers in WORKERS:
                    try:
                        took = crowd(argv, self.environment, boxes, workers)
                    except (FailedError, OSError) as error:
                        found.setdefault(name, {})[str(workers)] = str(error)
                        continue
                    times.setdefault((name, workers), []).append(took)
        for (name, workers), each in times.items():
            found.setdefault(name, {})[str(workers)] = round(statistics.median(each), 3)
        return found

    def memory(self) -> Result:
        """Pss of each process that waits for one box."""
        box = self.box("stays", crowds.STAYS)
        found: Result = {}
        for peer in self.peers:
            try:
                found[peer.name] = crowds.memory(peer.make(box), self.environment)
            except (FailedError, OSError) as error:
                found[peer.name] = str(error)
        return found

    def alive(self, count: int) -> Result:
        """`count` boxes that stand at once."""
        box = self.box("stays", crowds.STAYS)
        found: Result = {"boxes": count}
        for peer in self.peers:
            if peer.name in _ALIVE:
                try:
                    found[peer.name] = crowds.alive(peer.make(box), self.environment, count)
                except (FailedError, OSError) as error:
                    found[peer.name] = str(error)
        return found

    def parts(self, runs: int) -> Result:
        """What each part of the box costs."""
        figures = parts.times(self.directory, self.environment, runs)
        return {name: each._asdict() for name, each in figures.items()}

    def trace(self, runs: int) -> Result:
        """`toyspec up` on a terminal."""
        box = self.box("clock", trace.CLOCK)
        figures = trace.times(box, self.environment, runs)
        return {name: each._asdict() for name, each in figures.items()}
