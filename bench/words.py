"""The words of the bench, judged before anything is measured."""

from __future__ import annotations

import argparse
import os
from typing import Final

from bench.peers import PEERS

MODES: Final = ("single", "growth", "crowds", "memory", "alive", "trace", "parts")


def words(argv: list[str] | None, about: str) -> argparse.Namespace:
    """What was asked for; `only` and `peers` are lists. Ends the process with 2 where it makes no sense."""
    parser = argparse.ArgumentParser(prog="bench", description=about, allow_abbrev=False)
    count = _count
    parser.add_argument("--runs", type=count, default=100, help="rounds that count (100)")
    parser.add_argument("--only", default="", help="modes, of " + ", ".join(MODES))
    parser.add_argument("--peers", default="", help="of " + ", ".join(p.name for p in PEERS))
    parser.add_argument("--json", metavar="FILE", help="where the result goes as data")
    parser.add_argument("--boxes", type=count, default=1000, help="boxes alive at once (1000)")
    parser.add_argument("--crowd", type=count, default=200, help="boxes of a crowd (200)")
    parser.add_argument("--binds", type=count, default=10000, help="the most binds (10000)")
    parser.add_argument(
        "--most", type=_seconds, default=5, help="seconds a growing box may take (5)"
    )
    parser.add_argument("--user", help="root becomes this user")
    parser.add_argument("--as-root", action="store_true", help="measure as root")
    found = parser.parse_args(argv)
    found.only = _known(parser, "mode", found.only, MODES) or list(MODES)
    found.peers = _known(parser, "peer", found.peers, [peer.name for peer in PEERS])
    if os.geteuid() and (found.user is not None or found.as_root):
        parser.error("--user and --as-root are for root")
    if found.user is not None and found.as_root:
        parser.error("--user and --as-root contradict each other")
    if found.json is not None and (why := _unwritable(found.json)):
        parser.error(f"--json {found.json}: {why}")
    return found


def _count(text: str) -> int:
    """How many: one at least."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    found = float(text)
    if not 0 < found < 3600:
        raise argparse.ArgumentTypeError(f"{text} is more than an hour, or no time at all")
    return found


def without_user(argv: list[str]) -> list[str]:
    """The words again, for the user that root became."""
    at = next(at for at, word in enumerate(argv) if word.partition("=")[0] == "--user")
    return argv[:at] + argv[at + (1 if "=" in argv[at] else 2) :]


def _known(
    parser: argparse.ArgumentParser, what: str, text: str, known: list[str] | tuple[str, ...]
) -> list[str]:
    """Names with commas between them."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := sorted({*names} - {*known}):
        parser.error(f"no {what} {', '.join(unknown)}; of {', '.join(known)}")
    return names


def _unwritable(path: str) -> str | None:
    """Why a file could not be written there later; None where it can. It is left as it is."""
    there = os.path.lexists(path)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
    except OSError as error:
        return error.strerror
    if not there:
        os.unlink(path)
    return None
