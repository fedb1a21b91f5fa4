"""What is said, where: each rule of the design, and what YAML does to people."""

from __future__ import annotations

import pytest

from tests.spec.loading import HEAD, problems, said, spec

ONE = [
    # Unknown keys.
    ("root:\n  path: ./x\n  read_olny: true", 5, 3, "unknown key `read_olny`", "did you mean `read_only`?"),
    ("nmae: x", 3, 1, "unknown key `nmae`", "did you mean `name`?"),
    ("Init: x", 3, 1, "unknown key `Init`", "did you mean `init`?"),
    ("foo: '${NOT_SET}'", 3, 1, "unknown key `foo`", ""),
    ("binds: [{source: ., target: /w, writable: true}]", 3, 33, "unknown key `writable`",
     "here: `read_only: false`"),
    ("x-mine: 1\nmounts: [{type: proc, x-note: 1, y-note: 1}]", 4, 34, "unknown key `y-note`",
     "known in mounts: type, target, read_only, exec, size, inodes, hidepid, subset, name, lower, upper, work, mode"),
    # Words of others.
    ("image: debian", 3, 1, "`image` is Compose's word",
     "here: there are no images: `root` names a directory, `system: host` shows the host's"),
    ("command: [x]", 3, 1, "`command` is Compose's word", "here: `init`, a list"),
    ("tmpfs: /x", 3, 1, "`tmpfs` is Compose's and bubblewrap's word",
     "here: under `mounts`: {type: tmpfs, target: /tmp}"),
    ("volumes: {cache: {}}", 3, 1, "`volumes` is reserved",
     "host paths go under `binds`; a named volume under `mounts`: {type: volume, name: …, target: …}"),
    ("mounts: [{type: proc, source: proc}]", 3, 23, "`source` is Compose's and OCI's word",
     "here: a host path goes under `binds`, a volume has a `name`, other filesystems have none"),
    ("mounts: [{type: bind, target: /a}]", 3, 17, "mounts[0].type: `bind` is Compose's and OCI's word",
     "here: host paths go under `binds`"),
    ("mounts: [{type: none, target: /a}]", 3, 17, "mounts[0].type: `none` is OCI's word",
     "here: host paths go under `binds`"),
    ("mounts: [{type: rbind, target: /a}]", 3, 17, "mounts[0].type: `rbind` is OCI's word",
     "here: host paths go under `binds`, with what is mounted below them"),
    ("namespaces: {time: 3600}", 3, 20,
     "namespaces.time must be a word, a path or a mapping, not the number 3600",
     "write offsets, like {boottime: 3600}"),
    ("capabilities: all", 3, 15, "capabilities must be a list, not a string",
     "name each one that the box needs"),
    ("user: caller\nnamespaces: {user: /run/x}", 3, 7, "`user` with a user namespace to join",
     "the map of the joined one says who init is"),
    ("network_mode: host", 3, 1, "`network_mode` is Compose's word", "here: `network`: none or host"),
    ("process: {}", 3, 1, "`process` is OCI's word",
     "here: its `args` are `init`, `env` is `environment`, `cwd` is `working_dir`"),
    ("ro-bind: x", 3, 1, "`ro-bind` is bubblewrap's word",
     "here: under `binds`: SOURCE:TARGET, read-only by default"),
    # Not yet.
    ("network: nat", 3, 10, "network: `nat`: not yet", "none (its own, with lo up) and host are there"),
    ("root: {type: overlay}", 3, 7, "an overlay has a `lower`", "a directory, or `host`"),
    ("root: {lower: /}", 3, 15, "the host's own `/` cannot be a layer of an overlay",
     "mounts below it are locked to it"),
    ("root: {lower: a, work: b}", 3, 24, "`work` without `upper`", "in memory, neither is needed"),
    ("root: {type: host}\nsystem: host", 4, 9, "a host root shows the host's system already",
     "leave out `system`"),
    ("mounts: [{type: overlay, target: /x}]", 3, 10, "an overlay has a `lower`",
     "the directories under it"),
    ("mounts: [{type: tmpfs, target: /x, lower: a}]", 3, 36, "a mount of type tmpfs has no `lower`",
     "for an overlay only"),
    ("etc: [hosts, ssll]", 3, 14, "etc: `ssll` is none of its names", "did you mean `ssl`?"),
    ("etc: [/etc/localtime]", 3, 7, "etc: `/etc/localtime` is none of its names",
     "did you mean `timezone`?"),
    ("etc: [shadow]", 3, 7, "etc: `shadow` is none of its names", "no box is given that one"),
    ("etc: [ssh/ssh_host_rsa_key]", 3, 7, "etc: `ssh/ssh_host_rsa_key` is none of its names",
     "no box is given that one"),
    ("etc: [zzzzzz]", 3, 7, "etc: `zzzzzz` is none of its names", "bind it, if it is needed"),
    ("etc: [ssl, ssl]", 3, 12, "`ssl` is here twice", ""),
    ("etc: [1]", 3, 7, "etc[0] must be a name, not the number 1", ""),
    ("etc: true", 3, 6, "etc must be auto or none, not true", "write the word"),
    ("namespaces: {pid: host}", 3, 19, "namespaces.pid cannot be the host's",
     "a box sees processes of its own, or of a namespace that it joins"),
    ("namespaces: {network: host}", 3, 23, "namespaces.network cannot be the host's",
     "write `network: host`, at the top"),
    ("namespaces: {ipc: shared}", 3, 19, "namespaces.ipc cannot be `shared`",
     "new, host, or the path of a namespace"),
    ("namespaces: {mnt: /proc/1/ns/mnt}", 3, 14, "unknown key `mnt`",
     "here: `mount`, with the path of one to join"),
    ("namespaces: {mount: /proc/1/ns/mnt}", 3, 21,
     "a mount namespace to join without a user namespace", "the right to it comes with that"),
    ("namespaces: {time: {realtime: 1}}", 3, 21, "unknown key `realtime`", None),
    ("namespaces: {time: {boottime: .nan}}", 3, 31, "boottime is no number", ""),
    ("namespaces: {time: {boottime: 5000000000}}", 3, 31,
     "namespaces.time.boottime is more than 4611686018", ""),
    ("namespaces: {time: later}", 3, 20, "namespaces.time cannot be `later`",
     "new, host, offsets like {boottime: 3600}, or the path of a namespace"),
    ("namespaces: {time: 5}", 3, 20,
     "namespaces.time must be a word, a path or a mapping, not the number 5", None),
    ("namespaces: {ipc: a/../b}", 3, 19, "`..` after a name in `a/../b`",
     "it leads elsewhere through a symlink"),
    ("network: host\nnamespaces: {network: /run/x}", 3, 10,
     "`network: host` with a network namespace to join", "it is one or the other"),
    ("user: root\nnamespaces: {user: /run/x}", 3, 7, "`user` with a user namespace to join",
     "the map of the joined one says who init is"),
    ("hostname: x\nnamespaces: {uts: /run/x}", 3, 11, "a hostname with a joined uts namespace",
     "it has a name already"),
    *(
        (f"{word}: x", 3, 1, f"`{word}`: not yet", None)
        for word in ("devices", "limits")
    ),
    # Reserved.
    *(
        (f"{word}: x", 3, 1, f"`{word}` is reserved", None)
        for word in (
            "services", "volumes", "networks", "secrets", "configs", "include", "extends",
            "commands", "profiles", "depends_on",
        )
    ),
    # What YAML itself does to people.
    ("binds:\n  - ~", 4, 5, "binds[0] must be a string or a mapping, not null",
     '`~` alone is YAML\'s null: quote it, "~"'),
    ("binds:\n  - /a: /b", 4, 5, "a space after the colon makes this a mapping", "write `/a:/b`"),
    ("environment:\n  - CI: 1", 4, 5, "a space after the colon makes this a mapping", "write `CI=1`"),
    ("binds: [${HOME}:/h]", 3, 9, "an unquoted `${` inside `[]` or `{}`",
     "quote it: YAML reads the brace as a mapping"),
    ("environment: {A: ${B}}", 3, 18, "an unquoted `${` inside `[]` or `{}`",
     "quote it: YAML reads the brace as a mapping"),
    ("no_new_privileges: yes", 3, 20, "no_new_privileges must be true or false, not a string", "write true"),
    ("environment: {A: ~}", 3, 18, "`~` is YAML's null",
     "quote it, or leave it out to take the caller's value"),
    ("\tname: x", 3, 1, "a tab in the indentation", "indent with spaces"),
    ("root:\n\tpath: x", 4, 1, "a tab in the indentation", "indent with spaces"),
    ("root:\n  path: x\n\tcreate: true", 5, 1, "a tab in the indentation", "indent with spaces"),
    ("binds: [/a,\n  /b\nname: x", 3, 8, "a `[` without its `]`",
     "it opens here; line 5 is no part of it"),
    ("binds: [/a, /b", 3, 8, "a `[` without its `]`", "it opens here; the file ends"),
    ("root: {path: x\nname: y", 3, 7, "a `{` without its `}`",
     "it opens here; line 4 is no part of it"),
    ('binds: ["/a:/b, "/c:/d"]', 3, 18, "neither `,` nor `]` after an entry",
     "in the `[` of column 8"),
    ("x-a: a\nname: 'abc\nhostname: y", 4, 7, "the file ends inside a quoted string",
     "its quote opens here"),
    ("name: [a,, b]", 3, 10, "no value where one is expected", ""),
    ("name: @x", 3, 7, "a value cannot begin with `@`", "quote it"),
    ("name: a: b", 3, 8, "a mapping cannot begin here", ""),
    # Types: quote it.
    ("hostname: 5", 3, 11, "hostname must be a string, not the number 5", 'quote it: "5"'),
    ("name: 1.10", 3, 7, "name must be a string, not the number 1.1",
     "lower-case letters, digits, `-` and `_`, beginning with a letter or digit"),
    ("name: 2024", 3, 7, "name must be a string, not the number 2024", 'quote it: "2024"'),
    ("user: 1000", 3, 7, "user must be a string or a mapping, not the number 1000",
     'write "UID:GID", like "1000:1000"'),
    ("user: -1", 3, 7, "user must be a string or a mapping, not the number -1",
     'write "UID:GID", like "1000:1000"'),
    ("user: '-1'", 3, 7, "user cannot be `-1`", 'caller, root, or "UID:GID" in numbers'),
    ("namespaces: {user: host}", 3, 20, "namespaces.user cannot be the host's",
     "a box never has more than its caller"),
    ("mounts: [{type: tmpfs, target: /a, mode: 1777}]", 3, 42,
     "mounts[0].mode must be a string, not the number 1777", 'quote it: "1777"'),
    ("files: [{target: /a, content: x, mode: 0644}]", 3, 40,
     "files[0].mode must be a string, not the number 644", 'quote it: "0644"'),
    ('files: [{target: /a, content: x, mode: "0o644"}]', 3, 40, "files[0].mode cannot be `0o644`",
     'three or four octal digits in quotes, like "0644"'),
    ("system: true", 3, 9, "system must be none or host, not true", "write the word"),
    ("name: [a]", 3, 7, "name must be a string, not a list", ""),
    ("binds: /a:/b", 3, 8, "binds must be a list, not a string", 'write ["/a:/b"]'),
    ("binds: {/a: /b}", 3, 8, "binds must be a list, not a mapping", 'write ["/a:/b"]'),
    ("mounts: [proc]", 3, 10, "mounts[0] must be a mapping, not a string", ""),
    # Values.
    ("network: hots", 3, 10, "network must be none or host, not `hots`", "did you mean `host`?"),
    ("name: Dev", 3, 7, "name cannot be `Dev`", None),
    (f"name: {'a' * 65}", 3, 7, "name is longer than 64 characters", ""),
    (f"hostname: {'a' * 65}", 3, 11, "hostname is longer than 64 characters", ""),
    ("hostname: 'a b'", 3, 11, "hostname cannot be `a b`", None),
    ('hostname: "a\\n"', 3, 11, "the control character U+000A in `a\\n`", ""),
    ("hostname: x\nnamespaces: {uts: host}", 3, 11, "a hostname with the host's uts namespace",
     "it would rename the host"),
    ("user: me", 3, 7, "user cannot be `me`", 'caller, root, or "UID:GID" in numbers'),
    ("user: '4294967295:0'", 3, 7, "the uid 4294967295 is more than 4294967294", ""),
    ("user: {uid: 1, gid: 4294967295}", 3, 21, "user.gid is more than 4294967294", ""),
    ("user: {uid: -1, gid: 0}", 3, 13, "user.uid is less than 0", ""),
    ("user: {uid: 1}", 3, 13, "a uid without a gid", "add `gid`"),
    ("user: {ranges: auto, gid: 1}", 3, 27, "a gid without a uid", "add `uid`"),
    ("user: {}", 3, 7, "`user` says nothing", "{uid: 1000, gid: 1000}, or {ranges: auto}"),
    ("user: {ranges: true}", 3, 16, "user.ranges must be auto, not true", "write the word"),
    ("groups: [audio]", 3, 9, "groups must be keep or drop, not a list", ""),
    ("group_add: [audio]", 3, 1, "`group_add` is Compose's word",
     "here: the caller's own groups: `groups`, keep or drop"),
    ("working_dir: work", 3, 14, "working_dir cannot be `work`", "an absolute path of the box"),
    ("working_dir: /a/../b", 3, 14, "`..` in `/a/../b`", "write the path that it means"),
    ('working_dir: "/a\\0b"', 3, 14, "the control character U+0000 in `/a\\0b`", ""),
    ("root: tmpfs", 3, 7, "`tmpfs` as a root reads as a path", "{type: tmpfs} or ./tmpfs"),
    ("root: /", 3, 7, "the host's own `/` cannot be a box's root", "its mounts are locked to it"),
    ("root: {path: ../../..}", 3, 14, "the host's own `/` cannot be a box's root",
     "its mounts are locked to it"),
    ("root: {create: true}", 3, 8, "a tmpfs root has no `create`", "for directory roots"),
    ("root: {old_root: /tmp}", 3, 8, "a tmpfs root has no `old_root`", "for directory roots"),
    ("root: {type: directory}", 3, 7, "a directory root has a `path`", ""),
    ("root: {type: tmpfs, path: x}", 3, 21, "a tmpfs root has no `path`", "for directory roots"),
    ("root: {path: r, old_root: /a/b}", 3, 27,
     "the old root's place is a directory directly in the root", "like /tmp"),
    ("root: {path: r, old_root: /}", 3, 27, "`/` cannot be a target", "`root` says what is there"),
    # Entries with a target.
    ("mounts: [{type: tmpfs}]", 3, 10, "a tmpfs needs a `target`", ""),
    ("mounts: [{type: volume, target: /v}]", 3, 10, "a volume has a `name`",
     "toyspec keeps one directory for each name"),
    ("mounts: [{type: volume, name: npm}]", 3, 10, "a volume needs a `target`", ""),
    ("mounts: [{type: volume, name: ../x, target: /v}]", 3, 31, "mounts[0].name cannot be `../x`",
     "lower-case letters, digits, `-` and `_`, beginning with a letter or digit"),
    ("mounts: [{type: tmpfs, target: /v, name: npm}]", 3, 36, "a mount of type tmpfs has no `name`",
     "for a volume only"),
    ("mounts: [{type: sysfs, subset: pid}]", 3, 24, "a mount of type sysfs has no `subset`",
     "for a proc only"),
    ("mounts: [{type: sysfs, read_only: false}]", 3, 35, "`read_only: false` for a sysfs",
     "a sysfs is always read-only"),
    ("mounts: [{type: mqueue, read_only: true}]", 3, 36, "`read_only: true` for an mqueue",
     "queues are written to whatever the mount says"),
    ("mounts: [{type: proc, exec: true}]", 3, 29, "`exec: true` for a proc",
     "nothing in it can ever be executed"),
    ("mounts: [{type: tmpfs, target: /a, noexec: true}]", 3, 36, "unknown key `noexec`",
     "here: `exec: false`"),
    ("mounts: [{type: mqueue}]\nnamespaces: {ipc: host}", 3, 10,
     "an mqueue needs the box's own ipc namespace", "the kernel refuses it with `ipc: host`"),
    ("mounts: [{type: cgroup2}]\nnamespaces: {cgroup: host}", 3, 10,
     "a cgroup2 needs the box's own cgroup namespace", "the kernel refuses it with `cgroup: host`"),
    ("mounts: [{type: cgroup}]", 3, 17, "mounts[0].type: `cgroup` is OCI's word", "here: `cgroup2`"),
    ("root: {path: ./x, size: 1m}", 3, 19, "a directory root has no `size`", "for tmpfs roots"),
    ("root: {size: 0k}", 3, 14, "a size of 0", "to the kernel, 0 means no limit"),
    ("binds: [{source: /a, noexec: true}]", 3, 22, "unknown key `noexec`", "here: `exec: false`"),
    ("mounts: [{type: proc, size: 1m}]", 3, 23, "a mount of type proc has no `size`", "for a tmpfs only"),
    ("mounts: [{type: tmpfs, target: /a, size: 0m}]", 3, 42, "a size of 0", "to the kernel, 0 means no limit"),
    ("mounts: [{type: tmpfs, target: /a, size: 0}]", 3, 42, "mounts[0].size is less than 1", ""),
    ("mounts: [{type: tmpfs, target: /a, size: 99999999999g}]", 3, 42,
     "a size that no kernel can count", "less than 2^63 bytes"),
    ("mounts: [{type: tmpfs, target: /a, size: 50%}]", 3, 42, "mounts[0].size cannot be `50%`",
     "bytes, or a number with k, m or g"),
    ("mounts: [{type: tmpfs, target: /}]", 3, 32, "`/` cannot be a target", "`root` says what is there"),
    ("binds: [/]", 3, 9, "`/` cannot be a target", "`root` says what is there"),
    ("binds: [/a, /a]", 3, 13, "the target `/a` is here twice", "first on line 3"),
    ("binds: [/a]\nfiles: [{target: /a/, content: ''}]", 4, 18, "the target `/a` is here twice",
     "first on line 3"),
    ("mounts: [{type: proc}, {type: tmpfs, target: /proc}]", 3, 46, "the target `/proc` is here twice",
     "first on line 3"),
    ("files: [{target: /a}]", 3, 9,
     "a file has one of `content`, `source`, `directory` and `symlink`", "none of them is here"),
    ("files: [{target: /a, directory: false}]", 3, 9,
     "a file has one of `content`, `source`, `directory` and `symlink`", "none of them is here"),
    ("files: [{target: /a, content: a, symlink: b}]", 3, 9,
     "a file has one of `content`, `source`, `directory` and `symlink`", "here: `content` and `symlink`"),
    ("files: [{target: /a, content: a, optional: true}]", 3, 34,
     "`optional` goes with `source`, not with `content`", ""),
    ("files: [{target: /a, source: b/../c}]", 3, 30, "`..` after a name in `b/../c`", None),
    ("files: [{target: /a, dir: true}]", 3, 22, "unknown key `dir`", "here: `directory: true`"),
    ("files: [{target: /a, symlink: b, mode: '0644'}]", 3, 34, "a symlink has no `mode`",
     "the kernel gives it none"),
    ("files: [{target: /a, symlink: ''}]", 3, 31, "files[0].symlink is empty", ""),
    ("files: [{target: a, content: ''}]", 3, 18, "files[0].target cannot be `a`", "an absolute path of the box"),
    ("binds: [{target: /a}]", 3, 9, "binds[0] has no `source`", ""),
    ("binds: [{source: a}]", 3, 9, "no `target`", "only an absolute source may stand alone"),
    ("binds: [/proc/self/fd:/fd]", 3, 9, "`/proc/self/fd` is in the directory of one process", None),
    ("binds: [/etc/hosts:/proc/1/comm]", 3, 20, "`/proc/1/comm` is in the directory of one process",
     "it is another process's by the time the box is built"),
    ("root: /proc/self/root", 3, 7, "`/proc/self/root` is in the directory of one process", None),
    (f"working_dir: {'/a' * 129}", 3, 14, "a path more than 128 names deep", ""),
    (f"files: [{{target: /l, symlink: {'a/' * 129}}}]", 3, 31, "a path more than 128 names deep", ""),
    # Environment.
    ("environment: [2X=3]", 3, 15, "environment[0] cannot be `2X=3`", "NAME or NAME=VALUE"),
    ("environment: {C-D: x}", 3, 15, "`C-D` cannot be a variable's name", "letters, digits and `_`"),
    ("environment: [CI=1, CI=2]", 3, 21, "the variable `CI` is here twice", "first on line 3"),
    ("environment: {A: [1]}", 3, 18, "environment.A must be a string or a number or true or false, not a list", ""),
    ('environment: {A: "\\0"}', 3, 18, "a NUL in a variable's value", "the kernel ends it there"),
    ('environment: ["${X}=1"]', 3, 16, "a variable in a variable's name", "write the name"),
    # Variables.
    ("name: ${NOPE}", 3, 7, "the variable `NOPE` is not set", ""),
    ('name: "a${NOPE}"', 3, 9, "the variable `NOPE` is not set", ""),
    ("name: ${NOPE:?say a name}", 3, 7, "say a name", "required here"),
    ("name: a$b", 3, 8, "`$b` is not a variable here", ""),
    ("name: a$", 3, 8, "a single `$`", "write `$$` for a dollar"),
    ("name: ${a", 3, 7, "`${` without its `}`", ""),
    ("name: ${a-b}", 3, 7, "not a variable: `${a-b}`", ""),
    ("name: ${NOPE:-${X}}", 3, 7, "a variable inside a variable's default", "write `$$` for a dollar"),
    # Structure.
    ("name: a\nname: b", 4, 1, "the key `name` is here twice", "first on line 3"),
    ("1: x", 3, 1, "the key `1` is not a string", "quote it"),
    ("? [a]\n: x", 3, 3, "a list or mapping as a key", "keys are words"),
    ("x-a: &a [*a]", 3, 10, "the alias *a is inside what it stands for", ""),
    ("x-a: *b", 3, 6, "no anchor &b before this alias", ""),
    ("<<: 5", 3, 5, "`<<` merges mappings only", "an alias of a mapping, or a list of such"),
    ("---\nversion: 1", 3, 1, "a second document", "a file holds one spec"),
    ("...\n%TAG ! x", 4, 1, "a second document", "a file holds one spec"),
    ("name: !!int 5", 3, 7, "the tag `!!int`", "tags mean nothing here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "message", "label"), ONE)
def test_one_problem(text: str, line: int, column: int, message: str, label: str | None) -> None:
    (problem,) = problems(HEAD + text + "\n")
    assert (problem.line, problem.column, problem.message) == (line, column, message)
    assert problem.severity == "error"
    if label is None:
        assert problem.label
    else:
        assert problem.label == label


WHOLE = [
    ("", "the file is empty", ""),
    ("# a comment\n", "the file is empty", ""),
    ("- a\n", "a spec is a mapping", "begin with `version: 1`"),
    ("hello", "a spec is a mapping", "begin with `version: 1`"),
    ("init: [a]\n", "the key `version` is missing", "begin with `version: 1`"),
    ("version: 1\n", "no `init`: nothing to run", ""),
    ("version: 2\ninit: [a]\n", "version must be 1, not the number 2", "write `version: 1`"),
    ("version: 3.8\ninit: [a]\n", "version must be 1, not the number 3.8", "write `version: 1`"),
    ("version: '1'\ninit: [a]\n", "version must be the number 1, not a string", "write it without quotes"),
    ("version: true\ninit: [a]\n", "version must be 1, not true", "write `version: 1`"),
    ("version: 1\ninit: bash -l\n", "init must be a list, not a string", "write [bash, -l]"),
    ("version: 1\ninit: []\n", "init is empty", ""),
    ("version: 1\ninit: ['']\n", "the command is an empty string", ""),
    ('version: 1\ninit: [a, "\\0"]\n', "a NUL in a word of the command", ""),
    ("version: 1\ninit: [sleep, 5]\n", "init[1] must be a string, not the number 5", 'quote it: "5"'),
    ("version: 1\ninit: [a, ~]\n", "init[1] must be a string, not null",
     '`~` alone is YAML\'s null: quote it, "~"'),
    ("%YAML 1.1\n---\nversion: 1\n", "a YAML directive", "specs are YAML 1.2, without directives"),
    ("version: 1\nrequires: {toyspec: '>=99'}\nnew: things\n", "this spec requires toyspec >=99",
     "this is toyspec 0.1.0"),
    ("version: 1\ninit: [a]\nrequires: {toyspec: '0.1'}\n", "requires.toyspec cannot be `0.1`", None),
    ("version: 1\ninit: [a]\nrequires: {toyspec: 0.1}\n",
     "requires.toyspec must be a string, not the number 0.1", 'comparisons like ">=0.1", separated by commas'),
    ("version: 1\nx: 'abc\n", "the file ends inside a quoted string", "its quote opens here"),
    (b"version: 1\n\x00", "a NUL byte", "not allowed in YAML"),
    (b"version: \xff", "byte 0xff is not UTF-8", ""),
    (b"\xff\xfev\0", "this is UTF-16", ""),
    (b"version: 1\rinit: [a]", "a carriage return without a newline", "not allowed in YAML"),
    (b"version: \x1b[31m1", "the control character U+001B", "not allowed in YAML"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("init", "written"),
    [
        ("bash -l", "[bash, -l]"),
        ('bash -c "echo hi"', "[bash, -c, echo hi]"),
        ("sleep 5", '[sleep, "5"]'),
        ("echo it's", "[sh, -c, echo it's]"),
        ("'make && make test'", "[sh, -c, make && make test]"),
    ],
)
def test_a_command_as_a_list(init: str, written: str) -> None:
    (problem,) = problems(f"version: 1\ninit: {init}\n")
    assert problem.label == f"write {written}"
    assert spec(f"version: 1\ninit: {written}\n").init


@pytest.mark.parametrize(("text", "message", "label"), WHOLE)
def test_the_whole_file(text: str | bytes, message: str, label: str | None) -> None:
    (problem,) = problems(text)
    assert problem.message == message
    if label is not None:
        assert problem.label == label


def test_every_problem_at_once_in_order_of_position() -> None:
    text = """\
version: 2
nmae: x
binds: [a, "${NOPE}:/x"]
mounts:
  - {type: tmpfs}
  - {type: tmpfs, target: /t, size: x}
hostname: "a b"
init: [sh, 5]
"""
    assert said(text) == [
        (1, 10, "version must be 1, not the number 2"),
        (2, 1, "unknown key `nmae`"),
        (3, 9, "no target"),
        (3, 13, "the variable `NOPE` is not set"),
        (5, 5, "a tmpfs needs a `target`"),
        (6, 37, "mounts[1].size cannot be `x`"),
        (7, 11, "hostname cannot be `a b`"),
        (8, 12, "init[1] must be a string, not the number 5"),
    ]


def test_a_problem_in_an_anchor_is_told_once() -> None:
    text = HEAD + "x-m: &m {tpye: tmpfs}\nmounts: [{<<: *m}, {<<: *m}]\n"
    assert [p.message for p in problems(text)].count("unknown key `tpye`") == 1


def test_the_line_put_right_for_an_unquoted_variable() -> None:
    (problem,) = problems(HEAD + "binds: [/a, ${HOME}/x:/h, '${X}:/y']\n")
    assert problem.help == "write binds: [/a, \"${HOME}/x:/h\", '${X}:/y']"


def test_a_quote_that_closed_too_late_is_named() -> None:
    (problem,) = problems(HEAD + 'name: "abc\nhostname: "y"\n')
    assert problem.line == 4
    assert problem.help == "the quote that opens on line 3 was closed just before this"


@pytest.mark.parametrize("text", ["name: 'abc\n\n", "binds: [/a\n\n", "name: [\n"])
def test_what_is_never_closed_has_its_line_below(text: str) -> None:
    (problem,) = problems(HEAD + text)
    assert problem.excerpt == text.splitlines()[0]


def test_a_thousand_problems_are_counted() -> None:
    found = problems(HEAD + "binds:\n" + "- a\n" * 3000)
    assert len(found) == 101
    assert found[-1].message.startswith("and ")


def test_yaml_1_1_does_not_surprise() -> None:
    text = HEAD + "environment: {A: no, B: 22:22, C: 0755, D: 2024-01-01, on: 1, E: 1.10}\n"
    values = {e.name: e.value for e in spec(text).environment}
    assert [values[name] for name in "ABCDE"] == [
        ("no",), ("22:22",), ("0755",), ("2024-01-01",), ("1.10",),
    ]  # fmt: skip
    assert values["on"] == ("1",)


def test_compose_s_init() -> None:
    (problem,) = problems("version: 1\ninit: true\n")
    assert problem.message == "init must be a list, not true"
    assert (
        problem.label
        == "`init` is the command here, a list; `init: true` of Compose's is `reaper: true`"
    )


@pytest.mark.parametrize(
    ("text", "message", "label", "help_"),
    [
        ("root: {type: overlay, lower: /x, uncover: [/home]}", "an overlay root has no `uncover`",
         "for host roots", ""),
        ("mounts: [{type: mqueue, exec: true}]", "`exec: true` for an mqueue",
         "nothing in it can ever be executed", ""),
        ("mounts: [{type: what}]", "mounts[0].type must be proc, sysfs, tmpfs, dev, overlay, devpts, "
         "mqueue, cgroup2 or volume, not `what`", "", ""),
        ("git: none", "git must be protected or writable, not `none`", "",
         "`protected` keeps it read-only in the box, `writable` lets the box commit"),
        ("git: true", "git must be protected or writable, not true", "write the word",
         "`protected` keeps it read-only in the box, `writable` lets the box commit"),
        ("protect: default", "protect must be a list, not a string", "write [default]", ""),
        ("protect: none", "protect must be a list, not a string", "write []", ""),
        ("protect: Makefile", "protect must be a list, not a string", "write [Makefile]", ""),
        *((f"mounts: [{{type: proc, hidepid: {number}}}]",
           "mounts[0].hidepid must be off, noaccess, invisible or ptraceable, not "
           f"the number {number}", f"write {name}",
           "proc's numbers by name: 0 is off, 1 is noaccess, 2 is invisible, 4 is ptraceable")
          for number, name in ((0, "off"), (1, "noaccess"), (2, "invisible"), (4, "ptraceable"))),
    ],
)  # fmt: skip
def test_remedies(text: str, message: str, label: str, help_: str) -> None:
    (found,) = problems(HEAD + text)
    assert (found.message, found.label, found.help) == (message, label, help_)
