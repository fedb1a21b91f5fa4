"""What is said of a wrong value is tried: each hint is written in its place, and the spec is right then.

The values are what people bring from Compose, docker, systemd, Kubernetes and YAML itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.spec.loading import HEAD, problems, spec
from toyspec.spec.load import SpecError
from toyspec.spec.problem import Problem

SIGNALS = (
    "term sigterm SigTerm -TERM SIG_TERM SIGSIGTERM TRM terminate interrupt hangup ctrl-c ^C abort kill "
    'sigkill 9 "9" 15 "15" 15.0 0x0f "SIG15" SIGSTOP STOP stop 19 "19" SIGCHLD CHLD SIGCLD 17 SIGSTKFLT '
    "16 SIGPOLL SIGIOT SIGEMT SIGINFO SIGLOST SIGUSR USR SIGINTR sigrtmin+3 rtmin+3 SIGRTMIN SIGRTMIN+ "
    'SIGRTMIN+03 SIGRTMIN+31 SIGRTMIN-1 SIGRTMAX SIGRTMAX-1 SIGRTMAX-40 RTMAX-3 37 "37" 32 33 34 64 65 0 '
    '-15 99999999999 1e1 .inf .nan none always systemd "" " SIGTERM " SIGTERM,SIGKILL true null ~ '
    "[SIGTERM] {name: SIGTERM}"
)
PERIODS = (
    '10 "10" 10.5 "10.5" 0 "0" 500 -10 -1s +10s 0.5 1e3 0x10 .inf .nan 10S 1H 10M 5sec 5_seconds 5min 1hr '
    "1d 1w 1.5h 1.5m .5s 1.s 1s1m 30s1m 1m30 2min30s 1:30 00:01:30 PT10S 500us 100ns 1500000us 10,5s 1e3s "
    '"5 seconds" "1 min" "1m 30s" "1h 30 min" "10s " 1000000h 10000000000s 1.2345s 0.0001s never infinity '
    'infinite unlimited forever none immediately ten s ms "" true false null ~ [10s] {seconds: 10} ${X}'
)
REAPERS = (
    'yes no on off y n 1 0 "1" "true" "false" tini dumb-init catatonit docker-init /sbin/tini init auto '
    "always never none default enabled null ~ [tini] {tini: true} 2 -1 0.5"
)
PARENTS = (
    'yes no "no" on off 1 0 9 15 SIGKILL SIGTERM kill always never none mixed detach true, null ~ [] {} '
    '"true" "SIGHUP"'
)
INITS = (
    "true", "false", "yes", "bash", '"bash -c \'x y\'"', "/bin/sh", "null", "~", "[]", '""', '" "', "1", "1.5",
    "[bash, 1]", "[bash, -c, true]", "[bash, null]", "[bash, ~]", "[1]", "[true]", "[sleep, 1e3]", "[sleep, 010]",
    "sleep 10", "tini -- bash", "bash -c 'echo hi' && ls", '"echo $HOME"', '"unclosed \' x"', "ls *.c",
    "~/bin/x", "CI=1 make", "{command: [bash]}", "[sh, -c, a: b]", '[sh, -c, echo "x": y]', "|\n  one\n  two",
    "python3 -c 'print(1)'", "echo 'a:b' # c",
)  # fmt: skip
DIRECTORIES = ("~", "null", "1", "1.5", "true", "[/a]", "{path: /a}", "$HOME")
ENVIRONMENTS = (
    "A=1", '"A=1"', "'A=b: c'", "null", "host", "inherit", "keep", "all", '"*"', "[A: 1]", "[A: b c]", "[A: ]",
    "[null]", "[{name: A, value: b}]", "[{name: A, value: 'b: c'}]", "{A: [1]}", "{A: {b: c}}", "[A=$X]",
    "{A: $X}", "['A=$']",
)  # fmt: skip
NO_HINT = frozenset({("environment", "null")})
"""Where nobody can tell what was meant."""


def words(text: str) -> list[str]:
    return re.findall(r'"[^"]*"|\[[^]]*\]|\{[^}]*\}|\S+', text)


CASES = [
    *(("stop_signal", value) for value in words(SIGNALS)),
    *(("stop_grace_period", value) for value in words(PERIODS)),
    *(("reaper", value) for value in words(REAPERS)),
    *(("die_with_parent", value) for value in words(PARENTS)),
    *(("init", value) for value in INITS),
    *(("working_dir", value) for value in DIRECTORIES),
    *(("environment", value) for value in ENVIRONMENTS),
]


def document(key: str, value: str) -> str:
    return f"version: 1\n{key}: {value}\n" if key == "init" else f"{HEAD}{key}: {value}\n"


OFFERS = (
    r"did you mean `(.*)`\?", r"`init: .*` of Compose's is `(.*)`", r"write (true|false) or (true|false)",
    r"write (true|false)\b.*", r"write `(.*)`", r"write (\$\{\w+\}) for .*", r"(?:write|quote it:) (.*)",
    r"for example (.*)", r'the longest is ("\w+")', r".*(SIGTERM) is the default",
    r"a name of signal\(7\), like (\w+), or (\S+)", r'.*quote it, ("~")',
    r'a duration like ("\w+"), ("\w+"), ("[\w.]+") or ("\w+")',
)  # fmt: skip
"""The forms of a hint that has something to write in it; the first that fits counts."""


def hinted(problem: Problem) -> Iterator[str]:
    """What a reader would write in the place of what is marked: one text for each that is offered."""
    for said in (problem.label, problem.help):
        tried = (re.fullmatch(f".*{form}" if "Compose" in form else form, said) for form in OFFERS)
        found = next((each for each in tried if each), None)
        if found:
            yield from found.groups()
        elif said.endswith("quote it to mean the word"):
            yield '"null"'


@pytest.mark.parametrize(("key", "value"), CASES, ids=[f"{k}: {json.dumps(v)}" for k, v in CASES])
def test_who_does_as_it_says_is_done(key: str, value: str) -> None:
    text = document(key, value)
    try:
        spec(text)
    except SpecError as error:
        (problem,) = error.problems
    else:
        pytest.fail("it is right as it stands")
    tried = list(hinted(problem))
    assert tried or (key, value) in NO_HINT, problem
    for written in tried:
        spec(applied(text, problem, written))


def applied(text: str, problem: Problem, written: str) -> str:
    """The spec with a hint followed."""
    lines = text.splitlines()
    line = lines[problem.line - 1]
    if written.startswith("reaper: "):
        return f"{HEAD}{written}\n"
    if "\n  " in text:  # a block, of which the first line is marked
        return f"version: 1\ninit: {written}\n"
    before, after = line[: problem.column - 1], line[problem.end_column - 1 :]
    if problem.help.endswith("the whole in quotes"):
        found = re.fullmatch(r"(.*[\[ ])([^\[ ]*)", before)
        assert found
        before, written = found[1], f'"{found[2]}{written}"'
    lines[problem.line - 1] = before + written + after
    return "\n".join(lines) + "\n"


KEYS = {
    "init": "cmd command entrypoint entry_point ENTRYPOINT CMD args argv exec run shell program ExecStart",
    "working_dir": "workdir WORKDIR workingDir WorkingDirectory cwd chdir pwd working-dir",
    "environment": "env ENV Environment PassEnvironment environments",
    "env_file": "EnvironmentFile envFrom env-file env_files",
    "reaper": "tini use_init dumb-init subreaper pid1 reap Reaper",
    "stop_signal": "kill_signal KillSignal killsignal stopSignal STOPSIGNAL signal stop-signal",
    "stop_grace_period": "TimeoutStopSec timeout_stop_sec stop_timeout StopTimeout timeout grace_period "
    "terminationGracePeriodSeconds termination_grace_period stop_grace stopwaitsecs kill-after kill_timeout",
    "die_with_parent": "pdeathsig PDEATHSIG parent_death_signal kill-child die-with-parent dieWithParent",
    "toyspec up -d": "detach detached Detach background daemon logging log_driver",
    "-T": "tty Tty terminal",
    "streams": "stdin_open stdin stdinOnce interactive attach",
    "runs once": "restart Restart restart_policy restartPolicy RestartSec deploy",
    "nothing watches": "healthcheck livenessProbe readiness_probe",
    "of a spec runs on the host": "preStop post_start lifecycle hooks",
    "`name`": "container_name containerName",
    "nothing to wait for": "depends_on dependsOn",
    "toyspec down": "rm remove",
    "ends with its PID 1": "KillMode kill_mode",
}


@pytest.mark.parametrize(
    ("says", "key"), [(s, k) for s, keys in KEYS.items() for k in keys.split()]
)
def test_keys_of_others_lead_to_ours(says: str, key: str) -> None:
    (problem,) = problems(f"{HEAD}{key}: x\n")
    assert says in problem.label


def test_other_keys_are_not_mistaken_for_ours() -> None:
    (problem,) = problems(f"{HEAD}zzz: x\n")
    assert (problem.label, problem.help) == ("", "keys of your own begin with `x-`")
