"""exec: init waits for the word to go, then becomes the box's command."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import calls
from toyspec.plan.box import Box
from toyspec.plan.step import Environment, Expect, Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec, Variable

_NOT_HERE = ("ENOENT", "ENOTDIR", "EACCES")


def needs(spec: Spec) -> Needs:
    """The caller's PATH, where the box takes it over and the command has to be searched there."""
    if "/" in spec.init[0]:
        return Needs()
    parts = [part for env in spec.environment if env.name == "PATH" for part in env.value]
    return Needs(variables=frozenset(p.name for p in parts if isinstance(p, Variable)))


def steps(box: Box) -> list[Step]:
    """One execve for a command with a slash, else one for each directory of the box's PATH."""
    w = Writer("exec", "init")
    w.about("go")
    why = "the trace is drawn, the terminal is the box's from here on"
    w.do(calls.read("go.read", 1), why, expects=Expect(result=1))
    argv = box.spec.init
    environment = Environment(tuple((env.name, env.value) for env in box.spec.environment))
    w.about(" ".join(argv), box.origin("init"))
    paths = [argv[0]] if "/" in argv[0] else [f"{where}/{argv[0]}" for where in _path(box)]
    for path in paths[:-1]:
        w.do(
            calls.execve(path, argv, environment),
            "the box's command, if it is here; else the next directory of PATH",
            tolerates=_NOT_HERE,
        )
    w.do(calls.execve(paths[-1], argv, environment), "the box's command")
    return w.steps


def _path(box: Box) -> list[str]:
    found = [env for env in box.spec.environment if env.name == "PATH"]
    text = ""
    for part in found[-1].value if found else ():
        text += part if isinstance(part, str) else box.facts.variable(part.name) or ""
    return [where.rstrip("/") for where in text.split(":") if where.startswith("/")] or ["/bin"]
