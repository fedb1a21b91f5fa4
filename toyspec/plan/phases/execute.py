"""exec: init, or the child of a reaper, waits for the word to go, then becomes the box's command."""

from __future__ import annotations

from collections.abc import Callable

from toyspec.host.facts import Needs
from toyspec.plan import calls
from toyspec.plan.box import Box
from toyspec.plan.step import Environment, Expect, Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec, Variable

_PATH_MAX, _NAME_MAX = 4096, 255  # bytes, of the former one for the NUL
_NOT_HERE = ("ENOENT", "ENOTDIR", "EACCES")


def needs(spec: Spec) -> Needs:
    """The caller's PATH, where the box takes it over and the command has to be searched there."""
    if "/" in spec.init[0]:
        return Needs()
    parts = [part for env in spec.environment if env.name == "PATH" for part in env.value]
    return Needs(variables=frozenset(p.name for p in parts if isinstance(p, Variable)))


def steps(box: Box) -> list[Step]:
    """One execve for a command with a slash, else one for each directory of the box's PATH."""
    w = Writer("exec", "command" if box.spec.reaper else "init")
    w.about("go")
    why = "the trace is drawn, the terminal is the box's from here on"
    w.do(calls.read("go.read", 1), why, expects=Expect(result=1))
    if box.spec.reaper:
        why = "nothing blocked: what was sent meanwhile acts now"
        w.do(calls.sigprocmask(), why)
    environment = Environment(tuple((env.name, env.value) for env in box.spec.environment))
    w.about(" ".join(box.spec.init), box.origin("init"))
    become(w, box.spec.init, environment, box.facts.variable)
    return w.steps


def become(
    w: Writer,
    argv: tuple[str, ...],
    environment: Environment,
    variable: Callable[[str], str | None],
) -> None:
    """The command, searched in its own PATH; `variable` gives the values that this one is made of."""
    name = argv[0]
    paths = [name]
    if "/" not in name:
        there = [f"{where}/{name}" for where in searched(environment, variable)]
        paths = [path for path in there if _can_be(path)] or there[:1]
    for path in paths[:-1]:
        w.do(
            calls.execve(path, argv, environment),
            "the box's command, if it is here; else the next directory of PATH",
            tolerates=_NOT_HERE,
        )
    w.do(calls.execve(paths[-1], argv, environment), "the box's command")


def _can_be(path: str) -> bool:
    """Whether a file can have this path: the kernel's answer to a longer one, ENAMETOOLONG, is no reason
    to look no further (PATH_MAX, NAME_MAX: path_resolution(7)).
    """
    whole = path.encode("utf-8", "surrogateescape")
    return len(whole) < _PATH_MAX and all(len(name) <= _NAME_MAX for name in whole.split(b"/"))


def searched(environment: Environment, variable: Callable[[str], str | None]) -> list[str]:
    """The directories in which a command without a slash is looked for."""
    found = [text for name, text in environment.entries if name == "PATH"]
    text = ""
    for part in found[-1] if found else ():
        text += part if isinstance(part, str) else variable(part.name) or ""
    return [where.rstrip("/") for where in text.split(":") if where.startswith("/")] or ["/bin"]
