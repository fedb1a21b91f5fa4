"""Words that people will write and that are not ours, or not ours yet: one table.

It feeds the diagnostics and the docs; those of other languages are in `foreign.py`. `where` is the
place a word stands in, with indices left out: `""` is the top, `binds[]` an entry of the list,
`network=` the value of a key.
"""

from __future__ import annotations

from collections.abc import Iterable

from toyspec.spec.foreign import FOREIGN, SHARED
from toyspec.spec.word import Word
from toyspec.spec.word import words as _words

_LONGEST = 40  # letters of a word that is looked for among others
_INIT = "`init`, a list"
_REAPER = "`reaper: true`"
_DETACHED = "`toyspec up -d`"
_GRACE = "`stop_grace_period`"
_PARENT = "`die_with_parent`"
_LOG = "what `toyspec up -d` runs has a log: `toyspec logs`"
_STREAMS = "the box's streams are the caller's"
_ONCE = "a box runs once; what supervises it starts it again"
_WATCHED = "nothing watches a box but its caller"
_GONE = "of a box nothing is left; what `up -d` keeps of one `toyspec down` removes"

_RESERVED = _words("", "reserved", "toyspec", {
    "services": "a file describes one box for now; put its keys at the top",
    "volumes": "host paths go under `binds`; a named volume under `mounts`: {type: volume, name: …, target: …}",
    "networks": "a box has one `network`: none or host",
    "secrets": "bind the file read-only under `binds`, or take a variable in `environment`",
    "configs": "a file's text, or a copy of it, goes under `files`",
    "include": "a spec stands alone, so that what you read is what runs",
    "extends": "a spec stands alone; YAML's own anchors and `<<` work within the file",
    "commands": "a box has one `init`; another command goes after `--`",
    "profiles": "write one file per box",
    "depends_on": "a file describes one box, there is nothing to wait for",
})  # fmt: skip

_LATER = (
    *_words("", "later", "toyspec", {
        "limits": "the caller's own limits hold",
        "devices": "a bind with the option `dev` shows one device",
        "tty": "a box started on a terminal has one of its own; `-T` of the command line is none",
    }),
    *_words("network=", "later", "toyspec", {
        "nat": "none (its own, with lo up) and host are there",
    }),
)  # fmt: skip

_OURS = (
    *_words("binds[]", "foreign", "another place", {
        "writable": "`read_only: false`", "rw": "`read_only: false`", "ro": "the default",
        "devices": "`dev: true`", "mode": "`read_only: false` makes it writable",
        "path": "`source` and `target`", "src": "`source`", "dst": "`target`",
        "noexec": "`exec: false`", "nosuid": "the default; `suid: true` is the other",
        "nodev": "the default; `dev: true` is the other", "norec": "`recursive: false`",
        "setuid": "`suid: true`",
    }),
    *_words("mounts[]", "foreign", "another place", {
        "noexec": "`exec: false`", "ro": "`read_only: true`", "rw": "`read_only: false`",
        "nosuid": "mounts always are", "nodev": "mounts always are", "path": "`target`",
        "newinstance": "a devpts always is new", "gid": "terminals get 5 where the box has it",
    }),
    *_words("mounts[].type=", "foreign", "another place", {
        "pts": "`devpts`", "volumes": "`volume`", "devtmpfs": "`dev`",
    }),
    *_words("files[]", "foreign", "another place", {
        "path": "`target`", "text": "`content`", "link": "`symlink`", "dir": "`directory: true`",
        "copy": "`source`", "from": "`source`", "src": "`source`",
    }),
    *_words("namespaces", "foreign", "another place", {
        "net": "`network`, with the path of one to join; `network: host` is at the top",
        "mnt": "`mount`, with the path of one to join",
    }),
    *_words("", "foreign", "another place", {
        "env": "`environment`", "cmd": "`init`, a list",
        "workdir": "`working_dir`", "mount": "`mounts`", "net": "`network`",
        "namespace": "`namespaces`",
        "entry_point": _INIT, "argv": _INIT, "program": _INIT, "run": _INIT, "exec": _INIT,
        "shell": _INIT, "script": _INIT, "exec_start": _INIT,
        "tini": _REAPER, "use_init": _REAPER, "dumb_init": _REAPER, "subreaper": _REAPER,
        "child_subreaper": _REAPER, "pid1": _REAPER,
        "detach": _DETACHED, "detached": _DETACHED, "background": _DETACHED, "daemon": _DETACHED,
        "kill_signal": "`stop_signal`", "kill_mode": "everything in a box ends with its PID 1",
        "stop_timeout": _GRACE, "timeout": _GRACE, "timeout_stop_sec": _GRACE, "timeout_sec": _GRACE,
        "kill_timeout": _GRACE, "kill_after": _GRACE, "shutdown_timeout": _GRACE,
        "termination_grace_period_seconds": _GRACE, "stopwaitsecs": _GRACE,
        "pdeathsig": _PARENT, "parent_death_signal": _PARENT, "kill_child": _PARENT,
        "environment_file": "`env_file`", "env_from": "`env_file`",
        "pass_environment": "`environment`: a name alone takes the caller's value",
        "pwd": "`working_dir`",
        "interactive": _STREAMS, "stdin": _STREAMS, "stdin_once": _STREAMS,
        "log_driver": _LOG, "log_opt": _LOG, "log_file": _LOG, "logs": _LOG,
        "restart_policy": _ONCE, "restart_sec": _ONCE, "autorestart": _ONCE,
        "liveness_probe": _WATCHED, "readiness_probe": _WATCHED, "startup_probe": _WATCHED,
        "lifecycle": "nothing of a spec runs on the host", "rm": _GONE, "remove": _GONE,
    }),
)  # fmt: skip

WORDS: tuple[Word, ...] = (*_RESERVED, *_LATER, *FOREIGN, *_OURS)


def known(where: str, word: str) -> Word | None:
    """The table's entry for a word in a place; the first one wins."""
    return next((w for w in WORDS if w.word == word and w.where == where), None)


def folded(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that is the same word written otherwise: `stopSignal`, `STOP-SIGNAL`."""
    plain = _plain(word)
    return next((each for each in candidates if _plain(each) == plain), None)


def otherwise(key: str) -> Word | None:
    """The table's entry for a key at the top that is written otherwise, under the name it has there."""
    if len(key) > _LONGEST:
        return None
    found = folded(key, (word.word for word in WORDS if word.where == ""))
    return None if found is None else known("", found)


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def message(word: Word) -> tuple[str, str]:
    """What is said of a word: the message, and the label that stands under it."""
    if word.kind == "reserved":
        return f"`{word.word}` is reserved", word.says
    if word.kind == "later":
        return f"`{word.word}`: not yet", word.says
    if word.of == "another place":
        return f"unknown key `{word.word}`", f"here: {word.says}"
    also = [w.of for w in SHARED if (w.where, w.word) == (word.where, word.word)]
    whose = " and ".join(f"{of}'s" for of in dict.fromkeys((word.of, *also)))
    return f"`{word.word}` is {whose} word", f"here: {word.says}"


def shared(key: str) -> str:
    """What a key of ours, at the top, is to those who know it from Compose."""
    return next(w.says for w in SHARED if (w.of, w.where, w.word) == ("Compose", "", key))


def nearest(word: str, candidates: list[str]) -> str | None:
    """The candidate that a slip of the finger would turn into the word, or None."""
    if len(word) > _LONGEST:
        return None
    from difflib import get_close_matches

    folded = word.lower().replace("-", "_")
    if folded in candidates:
        return folded
    found = get_close_matches(folded, candidates, n=1, cutoff=0.65)
    return found[0] if found else None
