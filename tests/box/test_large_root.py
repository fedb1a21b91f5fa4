"""Ten thousand hostile entries in a root, and a spec whose targets lie on them and lead through them.

Everything that cannot be is refused with its line; what is left comes up, and each of it is there.
Nothing is written but empty mount points inside the root, and all of it takes bounded time.
"""

from __future__ import annotations

import json
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.box.boxes import busybox, good, host_mounts, mounts, only_mount_points, tree, up
from tests.box.large_root import fill
from tests.product import Product

ENTRIES = 10_000
TARGETS = 900
SECRET = "what-nobody-inside-may-see"
FORMS = (
    "bind", "bind-file", "tmpfs", "file", "symlink", "proc", "dev", "sysfs", "devpts", "overlay",
    "volume", "copy", "directory",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of a spec: what it is, where, and what the root has there."""

    number: int
    form: str
    path: str
    found: str

    @property
    def mark(self) -> str:
        """What tells its mount from all others in mountinfo."""
        marks = {
            "bind": f"/shown/{self.number} ",
            "bind-file": f"/shown/{self.number}/file ",
            "tmpfs": f"size={4 * (self.number + 100)}k",
        }
        return marks.get(self.form, "")

    def line(self) -> tuple[str, str]:
        """The key that it goes under, and its line."""
        where = json.dumps(self.path, ensure_ascii=False)
        return {
            "bind": ("binds", f"{{source: ./shown/{self.number}, target: {where}}}"),
            "bind-file": ("binds", f"{{source: ./shown/{self.number}/file, target: {where}}}"),
            "tmpfs": (
                "mounts",
                f"{{type: tmpfs, size: {4 * (self.number + 100)}k, target: {where}}}",
            ),
            "proc": ("mounts", f"{{type: proc, target: {where}}}"),
            "dev": ("mounts", f"{{type: dev, target: {where}}}"),
            "sysfs": ("mounts", f"{{type: sysfs, target: {where}}}"),
            "devpts": ("mounts", f"{{type: devpts, target: {where}}}"),
            "overlay": (
                "mounts",
                f"{{type: overlay, lower: ./shown/{self.number}, target: {where}}}",
            ),
            "volume": ("mounts", f"{{type: volume, name: v{self.number}, target: {where}}}"),
            "copy": ("files", f"{{source: ./shown/{self.number}/file, target: {where}}}"),
            "directory": ("files", f"{{directory: true, target: {where}}}"),
            "file": ("files", f'{{target: {where}, content: "made {self.number}\\n"}}'),
            "symlink": ("files", f"{{target: {where}, symlink: to-{self.number}}}"),
        }[self.form]

    def look(self) -> tuple[str, str]:
        """A line of sh without a fork that shows it, and what it prints."""
        where = "'" + self.path.replace("'", "'\\''") + "'"

        def marked(below: str) -> str:
            return f'read -r x < {where}{below} && echo "{self.number} $x"'

        return {
            "bind": (marked("/file"), "shown"),
            "bind-file": (marked(""), "shown"),
            "tmpfs": (f"echo own > {where}/own && " + marked("/own"), "own"),
            "proc": (marked("/1/comm"), "busybox"),
            "sysfs": (f"test -d {where}/kernel && echo '{self.number} sysfs'", "sysfs"),
            "devpts": (f"test -c {where}/ptmx && echo '{self.number} devpts'", "devpts"),
            "overlay": (marked("/file"), "shown"),
            "volume": (f"echo own > {where}/own && " + marked("/own"), "own"),
            "copy": (marked(""), "shown"),
            "directory": (f"test -d {where} && echo '{self.number} directory'", "directory"),
            "dev": (f"test -c {where}/full && echo '{self.number} dev'", "dev"),
            "file": (marked(""), f"made {self.number}"),
            "symlink": (f"test -L {where} && echo '{self.number} link'", "link"),
        }[self.form]


def chosen(made: list[tuple[str, bytes]], count: int) -> list[Target]:
    """Targets at entries of the root, every kind of entry under every form, and below them."""
    targets: list[Target] = []
    for number, (kind, raw) in enumerate(random.Random(3).sample(made, 2 * count)):
        try:
            path = raw.decode()
        except UnicodeDecodeError:
            continue  # no YAML can name it
        if any(ord(c) < 0x20 or c in "\x7f\u202e\u200b" for c in path):
            continue
        below = "/below/new" if number % 4 == 3 else ""
        targets.append(Target(number, FORMS[number % len(FORMS)], path + below, kind))
    return targets[:count]


def spec(targets: list[Target]) -> tuple[str, dict[int, Target]]:
    """The spec's text, and the target of each of its lines, counted from 1."""
    lines = ["version: 1", "root: ./root", "init: [/busybox, sh]"]
    owners: dict[int, Target] = {}
    for key in ("binds", "mounts", "files"):
        own = [target for target in targets if target.line()[0] == key]
        lines.append(f"{key}:")
        if key == "binds":
            lines.append(f'  - "{busybox()}:/busybox"')
        if key == "mounts":
            lines.append("  - {type: proc, target: /seen}")
        for target in own:
            lines.append(f"  - {target.line()[1]}")
            owners[len(lines)] = target
    return "\n".join(lines) + "\n", owners


@dataclass(slots=True)
class Case:
    product: Product
    directory: Path
    made: list[tuple[str, bytes]]

    def accepted(self, targets: list[Target]) -> tuple[list[Target], list[Target], float]:
        """Those that a plan can be made of, those refused, and the longest planning in seconds."""
        refused: list[Target] = []
        longest = 0.0
        for _ in range(12):
            text, owners = spec(targets)
            self.product.write(self.directory / "box.yaml", text)
            began = time.monotonic()
            done = self.product.run(["plan", "--json", "box.yaml"], cwd=self.directory)
            longest = max(longest, time.monotonic() - began)
            assert "Traceback" not in done.stderr
            if done.returncode == 0:
                return targets, refused, longest
            assert done.returncode == 1, done.stderr
            lines = {
                int(n)
                for n in re.findall(r"^box\.yaml:(\d+):\d+: error", done.stderr, re.MULTILINE)
            }
            wrong = [owners[line] for line in lines if line in owners]
            assert wrong, done.stderr[:3000]
            refused += wrong
            targets = [target for target in targets if target not in wrong]
        raise AssertionError("errors came one after the other instead of all at once")


def octal(text: str) -> str:
    """A mount point as it is, without mountinfo's escapes."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


@pytest.fixture
def case(caller: Product) -> Case:
    directory = caller.directory()
    root, outside = directory / "root", directory / "outside"
    for path in (root, outside, outside / "new"):
        path.mkdir()
    made = fill(root, outside, ENTRIES)
    for number in range(2 * TARGETS):
        shown = directory / "shown" / str(number)
        shown.mkdir(parents=True)
        (shown / "file").write_text("shown\n")
    caller.write(outside / SECRET, "secret\n")
    caller.own(directory)
    return Case(caller, directory, made)


def test_targets_on_hostile_entries(case: Case) -> None:
    wanted = chosen(case.made, TARGETS)
    assert {target.found for target in wanted} == {kind for kind, _ in case.made}
    targets, refused, longest = case.accepted(wanted)
    assert longest < 30, f"a plan of {len(wanted)} targets took {longest:.1f} s"
    assert {target.form for target in targets} == set(FORMS)
    assert len(targets) > TARGETS / 4
    assert len(refused) > TARGETS / 8

    text, _ = spec(targets)
    case.product.write(case.directory / "box.yaml", text)
    before = tree(case.directory)
    looks = [target.look()[0] for target in targets]
    shell = "\n".join(
        ["exec 2>&1", *looks, "echo == mounts", "/busybox cat /seen/self/mountinfo", "exit 0"]
    )
    before = tree(case.directory)
    done = up(case.product, case.directory, text, stdin=shell)
    out, _, listed = good(done).partition("== mounts\n")
    seen = dict(line.split(" ", 1) for line in out.splitlines() if re.match(r"\d+ ", line))
    wrong = [t for t in targets if seen.get(str(t.number)) != t.look()[1]]
    points = {octal(mount.point) for mount in mounts(listed)}
    for (
        target
    ) in wrong:  # it is there, but a symlink leads it over the directory that it is named in
        above = {target.path[:n] or "/" for n, c in enumerate(target.path) if c == "/"} - {"/"}
        hidden = above & points or target.found == "unreadable"
        assert hidden, (target, seen.get(str(target.number)))
        assert not target.mark or listed.count(target.mark) == 1, target
    assert len(wrong) < len(targets) / 10
    assert SECRET not in out
    after = tree(case.directory)
    texts = {f"to-{t.number}" for t in targets if t.form == "symlink"}
    links = {p: e.content for p, e in after.items() if e.kind == "l" and e.content in texts}
    assert len(links) == len(set(links.values()))
    only_mount_points(before, after, "root", links)
    shown = {(m.device, m.root) for m in mounts(listed)}
    assert len(shown) > 100
    assert not shown & {(m.device, m.root) for m in host_mounts()}
