"""Which boxes are meant: by NAME, by the SPEC that says it, or by the spec that lies here or above.

Who ends a box, or looks at it, needs its name and no more: a spec that somebody changed while its box
runs may be no valid one by now.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.absent import (
    NoBoxError,
    begun_from,
    by_hand_of,
    existing,
    is_same,
    origin_of,
    runs,
    tell_absent,
    there,
)
from toyspec.cli.box import diagnostics, named_spec, surroundings
from toyspec.cli.error import FatalError, Reported, UsageError
from toyspec.cli.source import STDIN, Source, read
from toyspec.cli.streams import colour, say, tell
from toyspec.cli.words import is_spec, spec_and_name
from toyspec.run.boxes import LONGEST
from toyspec.spec.problem import SpecError
from toyspec.start.places import is_name
from toyspec.values import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from toyspec.cli.words import Syntax, Words
    from toyspec.start.look import Look

_ANY = ("true",)  # a box may have been begun with a command, and its spec have none


@dataclass(frozen=True, slots=True)
class Meant:
    """A box by its name; `spec` is the file that says it, None where somebody typed it."""

    name: str
    spec: str | None = None


def for_each(
    words: Words, syntax: Syntax, look: Look, act: Callable[[str], int], absent: int = 1
) -> int:
    """Do it to every box that is meant, whatever becomes of the others; the worst status.

    `absent` is the status where there is no such box. Raises FatalError, where one box is meant.
    """
    named: dict[str, Meant] = {}
    for one in _apart(words):
        box = _meant(one, syntax, look, absent)
        named.setdefault(box.name, box)
    boxes = list(named.values())
    if len(boxes) == 1:
        return _done(boxes[0], syntax, look, act, absent)
    from toyspec.cli.main import failed

    worst = 0
    for box in boxes:
        try:
            status = _done(box, syntax, look, act, absent)
        except Reported as reported:
            status = failed(syntax.verb, reported)
        except FatalError as error:
            tell(error.message, error.remedy)
            status = failed(syntax.verb, error)
        worst = max(worst, status)
    return worst


def for_one(
    words: Words, syntax: Syntax, look: Look, act: Callable[[str], int], absent: int = 1
) -> int:
    """The same to the one box that is meant."""
    box = _meant(words, syntax, look, absent)
    return _done(box, syntax, look, act, absent)


def _done(box: Meant, syntax: Syntax, look: Look, act: Callable[[str], int], absent: int) -> int:
    if box.spec is not None:
        _refuse_another_s(box.name, box.spec, syntax, look, absent)
    try:
        return act(box.name)
    except NoBoxError:
        raise tell_absent(box.name, box.spec, syntax.verb, look, absent) from None


def _refuse_another_s(name: str, spec: str, syntax: Syntax, look: Look, absent: int) -> None:
    """Two specs may say one name; raises FatalError where the box that has it was begun from the other."""
    origin = origin_of(name, look)
    if origin is None or spec == STDIN or is_same(origin, spec):
        return
    ending = " -- COMMAND…" if syntax.argv else ""
    if syntax.verb == "restart" and not os.path.lexists(origin):
        raise FatalError(
            f"the box `{name}` was begun from {origin}, which is not there any more, and not from {spec}",
            f"if this is the same one: {by_hand_of(name, spec, look)}",
            status=absent,
        )
    raise FatalError(
        f"the box `{name}` was begun from {origin}, not from {spec}",
        f"if it is meant: toyspec {syntax.verb} {name}{ending}; else give one of them another `name:`",
        status=absent,
    )


def _apart(words: Words) -> list[Words]:
    """A command for each word, be it a SPEC or a NAME; but one name after `-f SPEC` is what that must say."""
    left = words.words
    if len(left) < 2 or words.flag("file"):
        return [words]
    return [replace(words, words=(each,)) for each in left]


def _meant(words: Words, syntax: Syntax, look: Look, invalid: int) -> Meant:
    """The box of these words; raises UsageError, FatalError, and Reported where its spec tells no name."""
    _refuse_capitals(words, syntax, look)
    spec, name = spec_and_name(words, syntax)
    if spec is None and name is not None:
        return Meant(name)
    try:
        source = read(words, syntax, look)
    except FatalError as error:
        error.remedy = _without(error, spec, syntax, look)
        raise
    found = Meant(
        _name_of(replace(source, name=None), words, syntax, look, invalid), source.absolute
    )
    if name is not None and name != found.name:
        raise UsageError(
            f"{source.path} describes the box `{found.name}`, not `{name}`",
            f"name one of them: toyspec {syntax.verb} {name}",
        )
    return found


def _name_of(source: Source, words: Words, syntax: Syntax, look: Look, invalid: int) -> str:
    """The name that a spec says, be it valid or not; nothing of what a command would change of it."""
    plain = replace(words, options={}, words=(), argv=_ANY)
    try:
        return named_spec(source, plain, plans=False, look=look).name
    except SpecError as error:
        anew = syntax.verb == "restart"
        name = None if anew else _name_all_the_same(source, words, look)
        if name is None:
            say(diagnostics(error, colour(words, 2)))
            if anew:
                _say_what_runs(source, words, look)
            else:
                say(f"  the box can be named: toyspec {syntax.verb} NAME; {there(look)}\n")
            raise Reported(invalid) from None
        if not words.flag("quiet"):
            _warn(error, source, name, begun=name in existing(look))
        return name


def _say_what_runs(source: Source, words: Words, look: Look) -> None:
    name = _name_all_the_same(source, words, look)
    if name is not None and runs(name, look):
        say(f"toyspec: `{name}` still runs as it was\n")


def _name_all_the_same(source: Source, words: Words, look: Look) -> str | None:
    """As the file has it; where that cannot be told, of the one box that was begun from it."""
    from toyspec.spec.named import name_in

    caller = surroundings(source, words, None, look, plans=False)
    name = name_in(source.data, source.path, caller)
    if name is not None and is_name(name) and len(name) <= LONGEST:
        return name
    known = begun_from(os.path.join(os.getcwd(), source.path), look)
    return known[0] if len(known) == 1 else None


def _warn(error: SpecError, source: Source, name: str, *, begun: bool) -> None:
    from toyspec.show.text import escape

    first = error.problems[0]
    place = f"{source.path}:{first.line}" if first.line else source.path
    say(
        escape(
            f"toyspec: warning: {place}: {first.message}: this spec is not valid now; the box "
            f"`{name}` is meant" + (", which was begun from another text" if begun else "")
        )
        + "\n"
    )


def _without(error: FatalError, spec: str | None, syntax: Syntax, look: Look) -> str:
    """What helps where no spec could be read: a box can be named."""
    known = begun_from(os.path.join(os.getcwd(), spec), look) if spec is not None else []
    if known and syntax.verb == "restart" and not os.path.lexists(spec or ""):
        state = f"`{known[0]}` {'still runs' if runs(known[0], look) else 'had ended'}"
        return f"{state}; put the file back, or with it where it lies by now: {by_hand_of(known[0], None, look)}"
    if known:
        return f"the box that was begun from it can be named: toyspec {syntax.verb} {known[0]}"
    ending = " -- COMMAND…" if syntax.argv else ""
    named = f"a box can be named: toyspec {syntax.verb} NAME{ending}; {there(look)}"
    return f"{error.remedy}; {named}" if error.remedy else named


def _refuse_capitals(words: Words, syntax: Syntax, look: Look) -> None:
    """A name that only its capitals keep from being one."""
    word = words.words[0] if words.words and not words.flag("file") else ""
    if is_spec(word) or is_name(word) or not is_name(word.lower()) or os.path.isfile(word):
        return
    small = word.lower()
    is_there = small in existing(look)
    raise UsageError(
        f"`{word}` is no box's name: those are of a-z, 0-9, _ and -",
        f"did you mean: toyspec {syntax.verb} {small}" if is_there else there(look),
    )
