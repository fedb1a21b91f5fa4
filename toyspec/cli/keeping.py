"""A box that was just planned is compiled, kept for the next time, and executed by this very process.

What cannot be compiled or kept is no error: it goes the long way, as it always did.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from toyspec.spec.schema import schema_path
from toyspec.start import entry, store
from toyspec.start.again import become, sum_of
from toyspec.start.command import NAMED, front, is_other_python
from toyspec.start.look_paths import files, part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toyspec.cli.source import Source
    from toyspec.cli.words import Words
    from toyspec.plan.step import Plan
    from toyspec.spec.model import Spec
    from toyspec.start.again import Kept
    from toyspec.start.look import Look

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CUSTOM = ("sitecustomize", "usercustomize")
_TICK = 20_000_000  # nanoseconds by which a file's time may lag behind the clock


def may_be_kept(kept: Kept, words: Words) -> bool:
    """Whether this command's box may be kept. What is read from a pipe can be read only once; a value
    behind `-e` is a secret as often as not, and would lie in the box.
    """
    if kept.key is None or words.flag("no-cache") or words.flag("verbose"):
        return False
    if any("=" in each for each in words.every("env")):
        return False
    named = words.one("file") or next(iter(words.words), None)
    return named is None or os.path.isfile(named)


def run_compiled(
    kept: Kept,
    source: Source,
    spec: Spec,
    plan: Plan,
    look: Look,
    used: set[str],
    given: tuple[str, ...],
    phases: bytes,
    begins: Callable[[], Sequence[str]] | None,
) -> None:
    """Compile, keep, and become the box; returns where that is not possible.

    `given` are the words that it is started with. `phases` is empty where no trace is shown. `begins` is called when the box is about to: it gives
    the words that tell the box who draws its trace. None: it is kept for the next time only.
    """
    if spec.env_file:
        return  # its values would lie in the box
    if phases and "CAP_SYS_BOOT" in spec.capabilities:
        return  # that it powered itself off is said, where not all is quiet; a compiled box does not
    try:
        box = _compiled(plan, timed=bool(phases), replaces=kept.replaces)
    except ValueError:
        return  # it does not fit
    _keep(kept, source, look, used, given, phases, box)
    if begins is not None:
        become(box, given, begins())


def _compiled(plan: Plan, *, timed: bool, replaces: bool) -> bytes:
    """The plan as an executable for this caller and this terminal, as the questions have it.

    Where it `replaces` its command, it is told which one by the words that it is started with.
    """
    from toyspec.cli.messages import watches
    from toyspec.emit.compiled import VARIANTS, Baked, Variant, compiled
    from toyspec.program.lower import lower

    variant = Variant(plan, lower(plan, None), watches=watches(plan))
    baked = Baked(os.getuid(), os.getgid(), timed=timed, replaces=replaces)
    return compiled(dict.fromkeys(VARIANTS, variant), baked)


def _keep(
    kept: Kept,
    source: Source,
    look: Look,
    used: set[str],
    given: tuple[str, ...],
    phases: bytes,
    box: bytes,
) -> None:
    """Keep the box with all that was asked for it, if nothing that it is made of is changing now."""
    path = os.path.join(os.getcwd(), source.path)
    if kept.key is None or look.ask(part, f"{len(source.data)}:{path}") != source.data:
        return
    look.ask(files, "\n".join((_PACKAGE, *sorted(_code()))))
    if not _is_old(kept.began):
        return
    questions = look.questions(used)
    data = entry.write(kept.key, questions, sum_of(look, questions), given, phases, box)
    held = store.make_store(kept.directory) if data is not None else None
    if data is not None and held is not None:
        store.put(held, kept.key, data)
        if not phases:
            _keep_for_front(held, kept, look, questions, given, box)
        os.close(held)


def _keep_for_front(
    held: int,
    kept: Kept,
    look: Look,
    questions: tuple[tuple[str, str], ...],
    given: tuple[str, ...],
    box: bytes,
) -> None:
    """The same as the front has it, which starts without Python; nothing where it could not tell."""
    from toyspec.emit.checks import NoCheckError, Place, front_file

    path = front()
    if path is None or not _is_plain():
        return
    site = sys.modules.get("site")
    users = [site.getusersitepackages()] if site is not None else []
    packages = [each for each in sys.path if each.endswith("-packages")]
    code = {
        os.path.realpath(sys.executable), os.path.abspath(sys.argv[0]), os.__file__,
        os.path.join(sys.prefix, "pyvenv.cfg"), *packages, *users, *_run_by_site([*packages, *users]),
    }  # fmt: skip
    places = {_PACKAGE, sys.prefix, sys.base_prefix, os.path.dirname(path)}
    named = os.environ.get(NAMED)
    places |= {os.path.dirname(os.path.abspath(named))} if named else set()
    places |= {each for each in sys.path if os.path.isdir(each)}
    place = Place(
        tuple(kept.words),
        os.getcwd(),
        os.path.realpath(path),
        tuple(sorted(code)),
        {each: os.path.realpath(each) for each in sorted(places)},
        kept.began - _TICK,
        given,
    )
    try:
        data = front_file(place, questions, look.answers, box)
    except (NoCheckError, OSError):
        return
    if (
        data != kept.refused
    ):  # else a front sees something otherwise than we do: Python serves this one
        store.put(held, kept.front_name(), data, store.FRONT)


def _run_by_site(packages: list[str]) -> list[str]:
    """The files that Python executes by itself when it starts, whether they are there or not (site, in
    Python's library): a directory does not show that one of them was written to.
    """
    found = [os.path.join(each, f"{name}.py") for each in sys.path for name in _CUSTOM]
    for each in packages:
        try:
            found += [
                os.path.join(each, name) for name in os.listdir(each) if name.endswith(".pth")
            ]
        except OSError:
            continue  # the user's own may not be there
    return found


def _is_plain() -> bool:
    """Whether Python was started as the front starts it: by the script's first line, and nothing else."""
    with open(sys.argv[0], "rb") as file:
        first = os.fsdecode(file.readline().removeprefix(b"#!").strip())
    started = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    return started == [first, sys.argv[0]] and not is_other_python()


def _code() -> set[str]:
    """Every file that decided what this box is: the modules that are loaded, and the schema."""
    loaded = [getattr(each, "__file__", None) for each in sys.modules.values()]
    own = {file[len(_PACKAGE) + 1 :] for file in loaded if file and file.startswith(_PACKAGE + "/")}
    import yaml

    return own | {schema_path(), yaml.__file__}


def _is_old(began: int) -> bool:
    """Whether none of those was changed after this command began, and perhaps after it was loaded."""
    return all(
        os.stat(os.path.join(_PACKAGE, each)).st_ctime_ns < began - _TICK for each in _code()
    )
