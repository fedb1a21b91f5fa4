"""What people type who know docker, podman or compose, and what they type here.

`VERBS` feeds the errors of the command line and docs/coming-from.md.
"""

from __future__ import annotations

from typing import Final

_NO_IMAGES = "there are no images: `root` names a directory, `system: host` shows the host's"
_SHELL = "`toyspec exec NAME -- sh`"
_GONE = "`toyspec down NAME` ends a box, and keeps nothing of it; of `run` nothing is kept anyway"
_STILL = "nothing holds a box still that is left to itself; `toyspec stop NAME` ends it"
_LIST = "`toyspec ps`, with `-a` those that ended, too"

VERBS: Final = {
    "attach": "`toyspec logs -f NAME` shows what it prints, `toyspec exec NAME -- sh` is a shell in it",
    "build": _NO_IMAGES,
    "compose": "leave the word out: `toyspec up SPEC`",
    "config": "`toyspec check SPEC`, and `toyspec plan SPEC` for what it comes to",
    "cp": "bind a directory that both see, under `binds`: .:/work:rw",
    "create": "`toyspec up -d SPEC` makes a box and begins it; `toyspec plan SPEC` says how",
    "delete": _GONE,
    "enter": _SHELL,
    "images": _NO_IMAGES,
    "inspect": "`toyspec ps -a --format json`; `toyspec plan SPEC` says how a box is made",
    "list": _LIST,
    "ls": _LIST,
    "pause": _STILL,
    "port": "`network: host` shares the host's ports",
    "pull": _NO_IMAGES,
    "push": _NO_IMAGES,
    "remove": _GONE,
    "rm": _GONE,
    "shell": _SHELL,
    "start": "`toyspec restart NAME` begins one anew that has ended; the first time: `toyspec up -d SPEC`",
    "status": _LIST,
    "top": "`toyspec exec NAME -- top`",
    "unpause": _STILL,
    "validate": "`toyspec check SPEC`",
    "version": "`toyspec --version`",
}

_TERMINAL = "leave it out: on a terminal it has one of its own, and its input is yours anyway"
_NETWORK = "`network: host` in the spec shares the host's ports"
_BINDS = "under `binds` in the spec: SOURCE:TARGET, read-only unless :rw says otherwise"
_USER = '`user` in the spec: caller, root, or "1000:1000"'
_ANYWAY = "leave it out: a box that `restart` begins is left to itself"
_RIGHTS = "a command has the user and the rights of the box's own: `user` in the spec"

OPTIONS: Final = {
    "exec -u": _RIGHTS,
    "exec --user": _RIGHTS,
    "restart -d": _ANYWAY,
    "restart --detach": _ANYWAY,
    "-d": "`toyspec up -d` leaves a box to itself; a shell's `&` goes on without waiting",
    "--detach": "`toyspec up -d` leaves a box to itself; a shell's `&` goes on without waiting",
    "-i": _TERMINAL,
    "--interactive": _TERMINAL,
    "-t": _TERMINAL,
    "--tty": _TERMINAL,
    "--rm": "leave it out: of a box that somebody waited for nothing is kept",
    "--name": "`name` in the spec; without it the file's own",
    "-p": _NETWORK,
    "--publish": _NETWORK,
    "--volume": _BINDS,
    "--mount": _BINDS,
    "-u": _USER,
    "--user": _USER,
    "--network": "`network` in the spec: none or host",
    "--privileged": "a box never has more than its caller",
    "--build": _NO_IMAGES,
    "--dry-run": "`toyspec plan` makes none of the calls that it prints",
    "--json": "`--format json` of ps, check and facts; `toyspec plan --json`",
    "--timeout": "`-t SECONDS`, of stop, down and restart",
    "--remove-orphans": "leave it out: everything in a box ends with it",
    "--volumes": "volumes stay: they are directories of yours, and no box's alone",
}
"""Options of theirs that no verb here has, or not this one; with a verb before it, what that says of it."""
