"""Targets are resolved in the box's tree as openat2's RESOLVE_IN_ROOT will resolve them."""

from __future__ import annotations

import pytest

from tests.plan.world import World, host
from toyspec.host.facts import HostFacts, Needs
from toyspec.plan.tree import Layer, Node, Tree, TreeError

HOST = {
    "/r/bin/sh": "file", "/r/home": "-> /var/home", "/r/var/home": "dir", "/r/var/x": "dir", "/r/up": "-> ../../..",
    "/r/loop": "-> loop", "/r/a": "-> b", "/r/b": "-> a", "/r/dangling": "-> /nowhere/at/all",
    "/r/run": "-> var/run", "/r/var/run": "-> ../run2", "/r/run2": "dir", "/r/secret": "denied",
    "/r/out": "-> /../../etc", "/etc/passwd": "file", "/r/etc": "dir",
}  # fmt: skip


def facts(files: dict[str, str]) -> HostFacts:
    world = host(files)
    paths = {*files, *(path.rpartition("/")[0] for path in files), "/r", "/r/x", "/r/nowhere"}
    return world.ask(Needs(paths=frozenset(path for path in paths if path)))


@pytest.fixture
def tree() -> Tree:
    return Tree(facts(HOST), Layer("root", "/r"))


@pytest.mark.parametrize(
    ("target", "path", "kind", "links"),
    [
        ("/", "", "directory", ()),
        ("/bin/sh", "bin/sh", "file", ()),
        ("/bin/../bin/./sh", "bin/sh", "file", ()),
        ("/..", "", "directory", ()),
        ("/../../bin", "bin", "directory", ()),
        ("/home", "var/home", "directory", ("home",)),  # absolute, in the root, not on the host
        ("/up", "", "directory", ("up",)),
        ("/up/bin", "bin", "directory", ("up",)),
        ("/run", "run2", "directory", ("run", "var/run")),
        ("/out", "etc", "directory", ("out",)),
        ("/x", "x", "missing", ()),
        ("/x/y/z", "x/y/z", "missing", ()),
        ("/home/../x", "var/x", "directory", ("home",)),  # .. of what the symlink leads to
    ],
)
def test_resolve(tree: Tree, target: str, path: str, kind: str, links: tuple[str, ...]) -> None:
    found = tree.resolve(target)
    assert (found.path, found.kind, found.links) == (path, kind, links)


def test_what_is_missing_is_named_outermost_first(tree: Tree) -> None:
    assert tree.resolve("/x/y/z").missing == ("x", "x/y", "x/y/z")
    assert tree.resolve("/dangling").missing == ("nowhere", "nowhere/at", "nowhere/at/all")


def test_a_last_symlink_may_be_left_alone(tree: Tree) -> None:
    found = tree.resolve("/home", follow_last=False)
    assert (found.path, found.kind, found.links) == ("home", "symlink", ())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/loop", "too many symbolic links"),
        ("/a/x", "too many symbolic links"),
        ("/bin/sh/x", "/bin/sh is a file, not a directory"),
        ("/secret/x", "/secret/x cannot be reached"),
        ("/x/../bin", "leads through /x, which does not exist"),
    ],
)
def test_impossible_targets(tree: Tree, target: str, message: str) -> None:
    with pytest.raises(TreeError, match=message):
        tree.resolve(target)


def test_a_mount_hides_what_was_below_and_shows_its_own(tree: Tree) -> None:
    tree.add("bin/extra", Node("file"))
    tree.add("bin", Node("directory", layer=Layer("own")))
    assert tree.resolve("/bin/sh").kind == "missing"
    assert tree.resolve("/bin/extra").kind == "missing"
    assert tree.layer_of("bin/sh") == ("bin", Layer("own"))
    assert tree.host_path("bin/sh") is None
    assert tree.host_path("etc/passwd") == "/r/etc/passwd"


def test_a_bind_shows_the_host_s_tree() -> None:
    tree = Tree(facts({"/src/dir": "dir", "/src/link": "-> /dir", "/src": "dir"}), Layer("own"))
    tree.add("opt", Node("directory", layer=Layer("bind", "/src", writable=False)))
    found = tree.resolve("/opt/dir")
    assert (found.path, found.kind, found.layer_at) == ("opt/dir", "directory", "opt")
    assert not found.layer.writable
    # an absolute symlink in a bind is resolved from the box's root, where nothing is
    assert tree.resolve("/opt/link").path == "dir"
    assert tree.resolve("/opt/link").kind == "missing"


def test_who_can_change_the_way(tree: Tree) -> None:
    assert not tree.private("etc")
    own = Tree(World().ask(Needs()), Layer("own"))
    own.add("a", Node("directory"))
    own.add("a/b", Node("directory", layer=Layer("own")))
    own.add("c", Node("directory", layer=Layer("bind", "/c")))
    own.add("c/d", Node("directory", layer=Layer("own")))
    assert [own.private(path) for path in ("", "a", "a/b", "c", "c/d")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_below_names_everything_that_was_put_there(tree: Tree) -> None:
    for path in ("a1/b/c", "a1/d", "a2"):
        tree.add(path, Node("file"))
    assert sorted(tree.below("a1")) == ["a1/b", "a1/b/c", "a1/d"]
    tree.add("a1", Node("directory", layer=Layer("own")))
    assert tree.below("a1") == []
