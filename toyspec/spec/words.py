"""Words that people will write and that are not ours, or not ours yet: one table.

It feeds the diagnostics and the docs. `where` is the place a word stands in, with indices left
out: `""` is the top, `binds[]` an entry of the list, `network=` the value of a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["reserved", "later", "foreign"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word, whose it is (`of`), and one phrase that says what to write instead."""

    where: str
    word: str
    kind: Kind
    of: str
    says: str


def _words(where: str, kind: Kind, of: str, table: dict[str, str]) -> tuple[Word, ...]:
    return tuple(Word(where, word, kind, of, says) for word, says in table.items())


_RESERVED = _words("", "reserved", "toyspec", {
    "services": "a file describes one box for now; put its keys at the top",
    "volumes": "host paths go under `binds`, a tmpfs under `mounts`",
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
        "reaper": "init reaps its own children",
        "limits": "the caller's own limits hold",
        "devices": "a bind with the option `dev` shows one device",
        "tty": "a box shares the terminal it is started from",
    }),
    *_words("network=", "later", "toyspec", {
        "nat": "none (its own, with lo up) and host are there",
    }),
)  # fmt: skip

_COMPOSE = (
    *_words("", "foreign", "Compose", {
        "image": "there are no images: `root` names a directory, `system: host` shows the host's",
        "build": "there are no images to build: `root` names a directory",
        "command": "`init`, a list",
        "entrypoint": "`init`, a list",
        "tmpfs": "under `mounts`: {type: tmpfs, target: /tmp}",
        "network_mode": "`network`: none or host",
        "container_name": "`name`",
        "privileged": "a box never has more than its caller",
        "cap_add": "`capabilities`",
        "cap_drop": "a box has no capabilities to begin with",
        "security_opt": "`seccomp`: default, none or a profile; `no_new_privileges` is the default",
        "read_only": "in `root`: {path: …, read_only: true}",
        "userns_mode": "a user namespace is always new; `user`: {ranges: auto} maps the caller's sub-ids",
        "group_add": "the caller's own groups: `groups`, keep or drop",
        "ipc": "under `namespaces`: {ipc: host}",
        "uts": "under `namespaces`: {uts: host}",
        "cgroup": "under `namespaces`: {cgroup: host}",
        "pid": "under `namespaces`: {pid: /proc/123/ns/pid}; else it is new",
        "ports": "`network: host` shares the host's ports",
        "expose": "`network: host` shares the host's ports",
        "restart": "a box runs once; what supervises it starts it again",
        "healthcheck": "nothing watches a box but its caller",
        "labels": "`x-` keys are your own",
        "stdin_open": "the box's streams are the caller's",
        "mem_limit": "limits come later",
        "cpuset": '`cpus`: [0, 1] or "0-1"',
        "pids_limit": "limits come later",
        "shm_size": "under `mounts`: {type: tmpfs, target: /dev/shm, size: 64m}",
        "extra_hosts": "under `files`: {target: /etc/hosts, content: …}",
        "dns": "under `files`: {target: /etc/resolv.conf, content: …}",
        "domainname": "`hostname`",
        "stop_signal": "the box's init gets what its caller gets",
        "working-dir": "`working_dir`",
    }),
    *_words("binds[]", "foreign", "Compose", {
        "type": "a bind has none; other filesystems go under `mounts`",
        "bind": "`create_host_path` and propagation have no counterpart: a source must exist",
        "consistency": "it has no meaning on Linux",
    }),
    *_words("mounts[]", "foreign", "Compose", {
        "tmpfs": "`size` and `mode` stand beside `type`",
        "source": "a host path goes under `binds`, a volume has a `name`",
        "volume": "`name` stands beside `type`, and nothing is ever copied",
    }),
    *_words("mounts[].type=", "foreign", "Compose", {
        "bind": "host paths go under `binds`", "npipe": "it has no meaning on Linux",
        "cluster": "`volume`: {type: volume, name: …, target: …}",
    }),
    *_words("network=", "foreign", "Compose", {
        "bridge": "none (its own, with lo up) or host",
    }),
)  # fmt: skip

_OCI = (
    *_words("", "foreign", "OCI", {
        "process": "its `args` are `init`, `env` is `environment`, `cwd` is `working_dir`",
        "linux": "its namespaces are `namespaces`, its resources come later",
        "hooks": "nothing of a spec runs on the host",
        "ociVersion": "`version: 1`",
        "args": "`init`, a list",
        "cwd": "`working_dir`",
        "rootfs": "`root`",
        "noNewPrivileges": "`no_new_privileges`",
        "rlimits": "`ulimits`: {nofile: {soft: 1024, hard: 4096}}",
        "oomScoreAdj": "`oom_score_adj`",
        "ioPriority": "`ioprio`: {class: best-effort, level: 4}",
        "sysctl": "`sysctls`",
        "maskedPaths": "toyspec decides: what is not mounted is not there",
        "readonlyPaths": "bind read-only, which is the default",
        "annotations": "`x-` keys are your own",
    }),
    *_words("root", "foreign", "OCI", {"readonly": "`read_only`"}),
    *_words("binds[]", "foreign", "OCI", {
        "destination": "`target`",
        "options": "`read_only`, `dev`, `exec`, `suid` and `recursive` are keys",
    }),
    *_words("mounts[]", "foreign", "OCI", {
        "destination": "`target`", "options": "`read_only`, `exec`, `size` and `mode` are keys",
        "nr_inodes": "`inodes`",
    }),
    *_words("mounts[].type=", "foreign", "OCI", {"cgroup": "`cgroup2`"}),
)  # fmt: skip

_BUBBLEWRAP = (
    *_words("", "foreign", "bubblewrap", {
        "bind": "under `binds`: SOURCE:TARGET:rw",
        "ro-bind": "under `binds`: SOURCE:TARGET, read-only by default",
        "ro-bind-try": "under `binds`: SOURCE:TARGET:optional",
        "bind-try": "under `binds`: SOURCE:TARGET:rw,optional",
        "dev-bind": "under `binds`: SOURCE:TARGET:rw,dev",
        "dev": "under `mounts`: {type: dev}",
        "mqueue": "under `mounts`: {type: mqueue}",
        "size": "of a tmpfs, under `mounts`: {type: tmpfs, target: /tmp, size: 64m}",
        "proc": "under `mounts`: {type: proc}",
        "chdir": "`working_dir`",
        "setenv": "`environment`",
        "unsetenv": "the box's environment holds only what the spec names",
        "clearenv": "the box's environment holds only what the spec names",
        "symlink": "under `files`: {target: /bin/vi, symlink: busybox}",
        "file": "under `files`: {target: …, content: …}",
        "bind-data": "under `files`: {target: …, content: …}",
        "dir": "under `files`: {target: …, directory: true}",
        "die-with-parent": "a box always does",
        "new-session": "without a terminal a box always has its own",
        "unshare-all": "every namespace is new but for the exceptions in `namespaces`",
        "unshare-net": "`network: none`, the default",
        "share-net": "`network: host`",
        "cap-add": "`capabilities`",
        "cap-drop": "a box has no capabilities to begin with",
        "disable-userns": "`disable_user_namespaces: true`",
        "add-seccomp-fd": "`seccomp`: a profile in docker's format, as text",
        "uid": "`user`: {uid: …, gid: …}",
        "gid": "`user`: {uid: …, gid: …}",
        "userns": "a user namespace is always new; `user`: {ranges: auto} maps the caller's sub-ids",
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
        "mount": "always new: a box's root cannot be built into one that others use",
        "mnt": "always new: a box's root cannot be built into one that others use",
    }),
    *_words("", "foreign", "another place", {
        "env": "`environment`", "cmd": "`init`, a list",
        "workdir": "`working_dir`", "mount": "`mounts`", "net": "`network`",
        "namespace": "`namespaces`",
    }),
)  # fmt: skip

WORDS: tuple[Word, ...] = (*_RESERVED, *_LATER, *_COMPOSE, *_OCI, *_BUBBLEWRAP, *_OURS)


def known(where: str, word: str) -> Word | None:
    """The table's entry for a word in a place; the first one wins."""
    return next((w for w in WORDS if w.word == word and w.where == where), None)


def message(word: Word) -> tuple[str, str]:
    """What is said of a word: the message, and the label that stands under it."""
    if word.kind == "reserved":
        return f"`{word.word}` is reserved", word.says
    if word.kind == "later":
        return f"`{word.word}`: not yet", word.says
    if word.of == "another place":
        return f"unknown key `{word.word}`", f"here: {word.says}"
    return f"`{word.word}` is {word.of}'s word", f"here: {word.says}"


def nearest(word: str, candidates: list[str]) -> str | None:
    """The candidate that a slip of the finger would turn into the word, or None."""
    if len(word) > 40:
        return None
    from difflib import get_close_matches

    folded = word.lower().replace("-", "_")
    if folded in candidates:
        return folded
    found = get_close_matches(folded, candidates, n=1, cutoff=0.65)
    return found[0] if found else None
