"""Paths that are hidden or read-only, wherever they lie; and what a box that root runs always has."""

from __future__ import annotations

import pytest

from tests.box.boxes import good, refused, sections, tree, up
from tests.plan.world import calls, host, old
from tests.product import Product
from toyspec.plan.error import PlanError

SPEC = """
version: 1
system: host
binds: ["./code:/code:rw"]
mounts: [{type: tmpfs, target: /own, mode: "0755"}]
files:
  - {target: /own/file, content: "own secret"}
  - {target: /alias, symlink: /code/dir}
COVERS
init: [sh, /code/look]
"""
LOOK = """
exec 2>&1
echo == read; cat /own/file /code/.env /code/dir/x /proc/version
echo == list; ls -A /code/dir /usr/share
echo == write; for f in /own/file /code/.env /code/dir/new /code/closed/new /code/closed/f \
  /code/single /proc/sys/kernel/domainname /usr/share/new /code/free; do (echo x > $f) && echo $f; done
echo == change; for d in /code/dir /code/closed /code/.env; do mv $d $d-moved || rm -rf $d; umount $d; done
echo == null; stat -c '%F %t:%T' /own/file /code/.env; chmod 777 /code/.env && echo changed
echo == end; true
"""
COVERS = """
masked_paths: [/own/file, /code/.env, /alias, /proc/version, /usr/share]
read_only_paths: [/code/closed, /code/single, /proc/sys]
"""


def look(product: Product, covers: str) -> tuple[dict[str, str], bool]:
    """What the box saw, and whether the host's files are as they were."""
    directory = product.directory()
    for name in (".env", "dir/x", "closed/f", "single"):
        product.write(directory / "code" / name, f"secret of {name}\n")
    product.write(directory / "code/look", LOOK)
    product.own(directory)
    before = tree(directory / "code")
    seen = sections(good(up(product, directory, SPEC.replace("COVERS", covers))))
    after = tree(directory / "code")
    after.pop("free", None)
    return seen, before == after


def test_what_is_covered_is_neither_read_nor_written(product: Product) -> None:
    seen, unchanged = look(product, COVERS)
    assert seen["read"].split(": ") == ["cat", "/code/dir/x", "No such file or directory\n"]
    assert seen["list"].split() == ["/code/dir:", "/usr/share:"]
    written = [line for line in seen["write"].splitlines() if " " not in line]
    assert written == ["/own/file", "/code/.env", "/code/free"]  # null devices swallow it
    assert seen["null"].count("character special file 1:3") == 2
    assert "changed" not in seen["null"]
    assert unchanged


def test_without_it_all_of_that_happens(product: Product) -> None:
    """The test above can fail."""
    seen, unchanged = look(product, "")
    assert "own secret" in seen["read"]
    assert "secret of dir/x" in seen["read"]
    assert "Linux" in seen["read"]
    assert "/code/closed/new" in seen["write"]
    assert not unchanged


def test_oci_s_lists(product: Product) -> None:
    directory = product.directory()
    text = (
        "version: 1\nsystem: host\nmasked_paths: oci\nread_only_paths: oci\n"
        "init: [sh, -c, 'wc -c < /proc/keys; wc -c < /proc/timer_list; "
        'cut -d" " -f5,6 /proc/self/mountinfo | grep ^/proc/\']\n'
    )
    out = good(up(product, directory, text))
    assert out.split()[:2] == ["0", "0"]
    assert "/proc/sys ro," in out
    assert "/proc/keys ro," in out


def test_what_is_not_there_is_said() -> None:
    plan = host().plan("masked_paths: [/sys/here]\nread_only_paths: [/proc/x]")
    assert plan.warnings == (
        "read_only_paths: /proc/x is not in the box, so nothing is put there",
        "masked_paths: /sys/here is not in the box, so nothing is put there",
    )
    assert host().plan("masked_paths: oci").warnings == ()
    bind = "binds: ['/a:/w:rw']\nread_only_paths: [/w/f]"
    (warning,) = (w for w in host({"/a/f": "file"}).plan(bind).warnings if "read_only" in w)
    assert "can be renamed" in warning


def test_a_box_that_root_runs_keeps_its_own_list() -> None:
    world = host(
        {"/proc/sys": "dir", "/proc/kcore": "file"}, uid=0, gid=0, groups=(0,), home="/root"
    )
    for text in ("", "masked_paths: []\nread_only_paths: []\n"):
        plan = world.plan(text + "mounts: [{type: proc}]")
        items = {step.item for step in plan.steps}
        assert "/proc/sys read-only: root runs this box" in items
        assert "/proc/kcore hidden: root runs this box" in items


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mounts: [{type: proc}]\nmasked_paths: [/proc]", "/proc cannot be covered as a whole"),
        ("mounts: [{type: sysfs}]\nread_only_paths: [/sys]", "/sys cannot be covered as a whole"),
        ("binds: [/r:/w]\nmasked_paths: [/w/evn]", "no /w/evn in the box to hide"),
        ("binds: [/r:/w]\nread_only_paths: [/w/evn]", "no /w/evn in the box to close"),
        ("files: [{target: /x, symlink: /}]\nmasked_paths: [/x]", "/x is the root of the box itself"),
        ("root: {path: /r, old_root: /tmp}\nmounts: [{type: tmpfs, target: /tmp}]\n"
         "masked_paths: [/tmp]", "/tmp is at or below old_root /tmp, which is filled last"),
    ],
)  # fmt: skip
def test_what_cannot_be_covered(text: str, said: str) -> None:
    world = host({"/r/tmp": "dir", "/r/x": "file"})
    with pytest.raises(PlanError) as error:
        world.plan(text)
    (problem,) = error.value.problems
    assert problem.message == said
    assert problem.origin.line > 0


def test_on_linux_5_10_a_path_can_be_hidden_and_not_closed() -> None:
    files = "files: [{target: /x, content: x}]\n"
    plan = old(host()).plan(files + "masked_paths: [/x]")
    assert "MS_RDONLY" in str([step.args for step in calls(plan, "mount") if "hidden" in step.item])
    with pytest.raises(PlanError, match=r"read_only_paths takes mount_setattr"):
        old(host()).plan(files + "read_only_paths: [/x]")


@pytest.mark.parametrize(
    ("root", "target", "remedy"),
    [
        ("system: host", "/usr/new", "{type: overlay, target: /usr, lower: /usr}"),
        ("system: host", "/usr/lib/new", "put a tmpfs over /usr/lib"),
        ("root: /theirs", "/new", "`root: {lower: /theirs}`"),
        ("root: {type: host}", "/new", "`root: {lower: host}`"),
        ("root: {lower: /theirs}", "/deep/new", "put a tmpfs over /deep"),
    ],
)
def test_an_overlay_is_the_remedy_where_it_is_one(root: str, target: str, remedy: str) -> None:
    world = host({"/data": "dir", "/theirs/deep": "dir"})
    with pytest.raises(PlanError) as error:
        world.plan(f"{root}\nbinds: ['/data:{target}']")
    begins = f"there is no {target} to mount {target} on, and "
    (problem,) = (p for p in error.value.problems if p.message.startswith(begins))
    assert remedy in (problem.remedy or "")


def test_the_remedies_work(product: Product) -> None:
    """A place of the host's that lacks the mount point, and is not the caller's."""
    directory = product.directory()
    product.write(directory / "data", "shown\n")
    text = "version: 1\nsystem: host\nbinds: ['./data:/usr/new']\ninit: [cat, /usr/new]\n"
    error = refused(up(product, directory, text))
    assert "box.yaml:3:" in error
    overlay = "mounts: [{type: overlay, target: /usr, lower: /usr}]\n"
    assert good(up(product, directory, text.replace("binds", overlay + "binds"))) == "shown\n"
