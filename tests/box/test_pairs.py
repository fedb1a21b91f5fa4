"""Every kind of entry inside every other, in both orders of the file: the inner one is there.

All pairs stand side by side in one box, each in a place of its own. What cannot be is refused with
the line that asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.box.boxes import busybox, good, refused, sections, up
from tests.product import Product

PARENTS = ("bind", "bind-rw", "tmpfs", "proc", "sysfs", "dev", "symlink", "volume")
CHILDREN = (
    "bind", "bind-rw", "bind-file", "tmpfs", "proc", "sysfs", "dev", "file", "symlink",
    "volume", "mqueue", "devpts", "cgroup2",
)  # fmt: skip
LEAVES = ("bind-file", "file")
"""What nothing can lie in."""
CLOSED = ("mqueue", "devpts", "cgroup2")
"""Directories in which nothing else can lie: their names are the kernel's."""
ROOTS = {
    "tmpfs": "",
    "directory": "root: {path: ./root, create: true}\n",
    "old-root": "root: {path: ./root, create: true, old_root: /old}\n",
    "read-only": "root: {path: ./root, create: true, read_only: true}\n",
}


@dataclass(frozen=True, slots=True)
class Pair:
    parent: str
    child: str

    @property
    def at(self) -> str:
        return f"/{self.parent}/{self.child}"

    @property
    def inside(self) -> str:
        """Where the child goes in its parent: a name that every parent of this kind has."""
        leaf = self.child in LEAVES
        if self.parent == "proc":
            return "uptime" if leaf else "tty"
        if self.parent == "sysfs":
            return "kernel/uevent_seqnum" if leaf else "kernel"
        return "file" if leaf else "link" if self.child == "symlink" else "dir"

    @property
    def possible(self) -> bool:
        """A symlink is made in the box's own places only; proc and sysfs want real directories."""
        if self.parent == "symlink":
            return self.child not in ("proc", "sysfs")
        return self.child != "symlink" or self.parent in ("tmpfs", "dev")

    def entries(self) -> tuple[str, str]:
        return entry(self.parent, self.at, self), entry(
            self.child, f"{self.at}/{self.inside}", self
        )

    def look(self) -> tuple[str, str]:
        """A command that shows the child, and what it prints."""
        target = f"{self.at}/{self.inside}"
        commands = {
            "bind": (f"cat {target}/mark; touch {target}/new 2>&1", "mark\nread-only"),
            "bind-rw": (
                f"cat {target}/mark; touch {target}/new-{self.parent} && echo new",
                "mark\nnew",
            ),
            "bind-file": (f"cat {target}", "mark"),
            "tmpfs": (f"touch {target}/new && ls {target}", "new"),
            "proc": (f"cat {target}/1/comm", "busybox"),
            "sysfs": (f"ls -d {target}/kernel", f"{target}/kernel"),
            "dev": (f"echo x > {target}/null && echo x > {target}/shm/y && echo dev", "dev"),
            "file": (f"cat {target}", "content"),
            "symlink": (f"readlink {target}", "/somewhere/symlink"),
            "volume": (f"touch {target}/new && ls {target}", "new"),
            "mqueue": (f"touch {target}/new && ls {target}", "new"),
            "devpts": (f"ls {target}", "ptmx"),
            "cgroup2": (f"ls {target}/cgroup.procs", f"{target}/cgroup.procs"),
        }
        return commands[self.child]


def entry(kind: str, target: str, pair: Pair) -> str:
    """One entry of the spec, under its key, as `KEY TEXT`."""
    source = "./outer" if (kind, target) == (pair.parent, pair.at) else "./inner"
    texts = {
        "bind": f"binds - {source}:{target}",
        "bind-rw": f"binds - {source}:{target}:rw",
        "bind-file": f"binds - ./inner/mark:{target}",
        "file": f'files - {{target: {target}, content: "content\\n"}}',
        "symlink": f"files - {{target: {target}, symlink: /somewhere/{pair.child}}}",
        "volume": f"mounts - {{type: volume, name: {_name(kind, target, pair)}, target: {target}}}",
    }
    return texts.get(kind, f"mounts - {{type: {kind}, target: {target}}}")


def _name(kind: str, target: str, pair: Pair) -> str:
    """A volume of the entry's own."""
    outer = (kind, target) == (pair.parent, pair.at)
    return f"{pair.parent}-{pair.child}-{'outer' if outer else 'inner'}"


def spec(pairs: list[Pair], root: str, *, child_first: bool, script: str) -> str:
    """Both entries of every pair; within a key, and between keys, in the order that is asked for."""
    lines: dict[str, list[str]] = {"binds": [f"- {busybox()}:/busybox"], "mounts": [], "files": []}
    keys = ("binds", "mounts", "files")
    for pair in pairs:
        both = pair.entries()
        for text in reversed(both) if child_first else both:
            key, _, rest = text.partition(" ")
            lines[key].append(rest)
    body = ""
    for key in reversed(keys) if child_first else keys:
        body += f"{key}:\n" + "".join(f"  {line}\n" for line in lines[key]) if lines[key] else ""
    script = "".join(f"    {line}\n" for line in script.splitlines())
    init = f"init:\n  - /busybox\n  - sh\n  - -c\n  - |\n{script}"
    return f"version: 1\nuser: root\n{root}{body}{init}"


def script(pairs: list[Pair]) -> str:
    lines = ["cat() { /busybox cat $@; }; touch() { /busybox touch $@; }; ls() { /busybox ls $@; }"]
    lines += ["readlink() { /busybox readlink $@; }"]
    for pair in pairs:
        lines += [f"echo '== {pair.parent} {pair.child}'", pair.look()[0]]
    return "\n".join(lines)


def sources(product: Product) -> Path:
    """`outer` has the mount points that a read-only bind must have; `inner` has a mark."""
    directory = product.directory()
    for name in ("dir", "link"):
        (directory / "outer" / name).mkdir(parents=True)
    product.write(directory / "outer/file", "")
    product.write(directory / "inner/mark", "mark\n")
    (directory / "somewhere").mkdir()
    product.own(directory)
    return directory


POSSIBLE = [pair for p in PARENTS for c in CHILDREN if (pair := Pair(p, c)).possible]


@pytest.mark.parametrize("child_first", [False, True], ids=["parent-first", "child-first"])
@pytest.mark.parametrize("root", ROOTS)
def test_the_inner_one_is_visible(product: Product, root: str, child_first: bool) -> None:
    directory = sources(product)
    pairs = [p for p in POSSIBLE if root != "old-root" or not gone(p)]
    text = spec(pairs, ROOTS[root], child_first=child_first, script=script(pairs))
    # The parents that are symlinks lead to a tmpfs of the box's own.
    extra = "  - {type: tmpfs, target: /somewhere}\n"
    seen = sections(good(up(product, directory, text.replace("mounts:\n", "mounts:\n" + extra))))
    for pair in pairs:
        expected = pair.look()[1]
        found = seen[f"{pair.parent} {pair.child}"].strip()
        if expected == "mark\nread-only":
            assert found.startswith("mark\n")
            assert found.endswith("Read-only file system"), (pair, found)
        else:
            assert found == expected, pair


def gone(pair: Pair) -> bool:
    """A dev in a kernel filesystem is made when the host's devices are out of reach."""
    return pair.child == "dev" and pair.parent in ("proc", "sysfs")


def test_a_dev_that_comes_too_late(product: Product) -> None:
    pair = Pair("proc", "dev")
    text = spec([pair], ROOTS["old-root"], child_first=False, script="true")
    directory = sources(product)
    error = refused(up(product, directory, text))
    assert "box.yaml:8:5: error: dev cannot be below /proc/dev" in error


IMPOSSIBLE = [
    *(pair for p in PARENTS for c in CHILDREN if not (pair := Pair(p, c)).possible),
    *(Pair(p, c) for p in (*LEAVES, *CLOSED) for c in CHILDREN),
]


@pytest.mark.parametrize("child_first", [False, True], ids=["parent-first", "child-first"])
def test_what_cannot_be_names_its_line(product: Product, child_first: bool) -> None:
    """All of it at once, each with the line of the inner entry."""
    directory = sources(product)
    text = spec(IMPOSSIBLE, "", child_first=child_first, script="true")
    error = refused(up(product, directory, text))
    for pair in IMPOSSIBLE:
        target = f"{pair.at}/{pair.inside}"
        lines = [
            n
            for n, line in enumerate(text.splitlines(), 1)
            if target in line.split(",")[-1]
            or f"{target}," in line
            or line.endswith((target, f"{target}:rw"))
        ]
        assert len(lines) == 1, lines
        assert f"box.yaml:{lines[0]}:5: error: " in error, (pair, error)


MET = """
version: 1
user: root
files:
  - {{target: /link, symlink: /place/deep}}
  - {{target: /other, symlink: /place}}
binds:
  - {busybox}:/busybox
  - ./inner:/link/inner
  - ./inner:/place/own/inner
mounts:
  - {{type: tmpfs, target: /place}}
  - {{type: tmpfs, target: /other/own}}
  - {{type: proc, target: /place/proc}}
  - {{type: tmpfs, target: /other/proc/tty}}
init:
  - /busybox
  - sh
  - -c
  - "cd /place; /busybox cat deep/inner/mark /link/inner/mark own/inner/mark; /busybox ls proc/tty"
"""


def test_targets_that_meet_through_a_symlink(product: Product) -> None:
    """What comes later in the file, and by no name above the others, would hide them."""
    directory = sources(product)
    text = MET.format(busybox=busybox())
    assert good(up(product, directory, text)) == "mark\nmark\nmark\n"
    twice = text.replace("/other/own", "/other/deep/inner")
    error = refused(up(product, directory, twice))
    assert "box.yaml:13:5: error: /other/deep/inner leads to /place/deep/inner, where" in error
    assert "where /link/inner (line 9) is already" in error
