from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.product import Product, Word
from toyspec.cli.error import FatalError
from toyspec.cli.find import find

ME = os.getuid()


def tree(tmp_path: Path, *files: str) -> Path:
    """A home with a project two folders deep; returns the deepest folder."""
    deep = tmp_path / "home" / "project" / "src"
    deep.mkdir(parents=True)
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("version: 1\n")
    return deep


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["home/project/src/toyspec.yaml"], "toyspec.yaml"),
        (["home/project/src/toyspec.yml"], "toyspec.yml"),
        (["home/project/toyspec.yaml"], "../toyspec.yaml"),
        (["home/toyspec.yaml"], "../../toyspec.yaml"),
        (["home/project/src/toyspec.yml", "home/toyspec.yaml"], "toyspec.yml"),
    ],
)
def test_the_nearest_one_upward(tmp_path: Path, files: list[str], found: str) -> None:
    deep = tree(tmp_path, *files)
    assert find(str(deep), str(tmp_path / "home"), ME) == found


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "(your home directory)"),
        (["toyspec.yaml"], "(your home directory)"),
        (["home/project/dev.yaml"], "no toyspec.yaml or toyspec.yml"),
        (["home/toyspec.yaml", "home/toyspec.yml"], "holds both"),
    ],
)
def test_nothing_to_be_found(tmp_path: Path, files: list[str], message: str) -> None:
    deep = tree(tmp_path, *files)
    with pytest.raises(FatalError, match=r".*") as caught:
        find(str(deep), str(tmp_path / "home"), ME)
    assert message in caught.value.message


def test_a_home_that_is_a_symlink_is_still_home(tmp_path: Path) -> None:
    deep = tree(tmp_path, "toyspec.yaml")
    (tmp_path / "link").symlink_to("home")
    with pytest.raises(FatalError, match="your home directory"):
        find(str(deep), str(tmp_path / "link"), ME)


def test_a_mount_boundary_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tree(tmp_path, "home/toyspec.yaml")
    real = os.stat

    def other_device(path: str) -> os.stat_result:
        found = real(path)
        outside = str(path).rstrip("/").endswith("home")
        return os.stat_result((*found[:2], found.st_dev + outside, *found[3:10]))

    monkeypatch.setattr(os, "stat", other_device)
    with pytest.raises(FatalError, match="a mount boundary"):
        find(str(deep), str(tmp_path), ME)


def owned_by_others(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """lstat and stat say that whatever has one of these last names is somebody else's."""
    for call in ("stat", "lstat"):
        real = getattr(os, call)

        def fake(path: str, real: object = real) -> os.stat_result:
            assert callable(real)
            found = real(path)
            owner = 4242 if os.path.basename(path) in names else found.st_uid
            return os.stat_result((*found[:4], owner, *found[5:10]))

        monkeypatch.setattr(os, call, fake)


@pytest.mark.parametrize("name", ["src", "project", "toyspec.yaml"])
def test_what_belongs_to_others_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    deep = tree(tmp_path, "home/project/toyspec.yaml")
    owned_by_others(monkeypatch, name)
    with pytest.raises(FatalError) as caught:
        find(str(deep), str(tmp_path / "home"), ME)
    assert f"{name} belongs to uid 4242, not to you or root" in caught.value.message


def test_a_symlink_counts_by_where_it_leads_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tree(tmp_path, "shared.yaml")
    (deep / "toyspec.yaml").symlink_to(tmp_path / "shared.yaml")
    assert find(str(deep), str(tmp_path), ME) == "toyspec.yaml"
    real = os.stat

    def fake(path: str) -> os.stat_result:
        found = real(path)
        owner = 4242 if os.path.basename(path) == "toyspec.yaml" else found.st_uid
        return os.stat_result((*found[:4], owner, *found[5:10]))

    monkeypatch.setattr(os, "stat", fake)
    with pytest.raises(FatalError, match=r"shared\.yaml belongs to uid 4242"):
        find(str(deep), str(tmp_path), ME)


def test_a_dangling_symlink_is_said_to_be_one(tmp_path: Path) -> None:
    deep = tree(tmp_path)
    (deep / "toyspec.yaml").symlink_to("gone.yaml")
    with pytest.raises(FatalError, match=r"symlink to gone\.yaml, which is not there"):
        find(str(deep), str(tmp_path), ME)


@pytest.mark.parametrize("verb", ["run", "stop", "check"])
def test_a_directory_that_cannot_be_looked_at_is_named(product: Product, verb: str) -> None:
    """Who works there got there before it was closed."""
    closed = product.directory() / "closed"
    (closed / "in").mkdir(parents=True)
    product.own(closed)
    script = (
        'cd "$1/in"; chmod 0 "$1"; shift; "$@"; status=$?; chmod 700 "$OLDPWD/closed"; exit $status'
    )
    words: list[Word] = ["sh", "-c", script, "sh", closed, *product.toyspec, verb]
    done = product.as_user(words, cwd=closed.parent)
    assert done.returncode in (1, 2, 125)
    assert f"{closed}/in: Permission denied: no spec is searched for there" in done.stderr
    assert f"toyspec {verb} /PATH/TO/SPEC" in done.stderr
