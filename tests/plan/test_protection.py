"""What is held in a writable bind, in which order, and what is only watched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plan.world import DIRECTORY, World, calls, host, value
from toyspec.plan.error import PlanError
from toyspec.plan.planner import gather
from toyspec.plan.step import Plan
from toyspec.spec.model import Included

OWN = ("/home/me/.local/share/toyspec", "/home/me/.cache/toyspec", "/home/me/.local/state/toyspec")
SPEC = f"{DIRECTORY}/box.yaml"


def here(files: dict[str, str] | None = None, **changes: object) -> World:
    """A project with its spec, as its owner sees it; the home is the owner's too."""
    world = host({SPEC: "file", **(files or {})}, **changes)
    world.mine = ("/home/me",)
    return world


def below(*names: str) -> dict[str, str]:
    return {
        f"{DIRECTORY}/{name.rstrip('/')}": "dir" if name.endswith("/") else "file" for name in names
    }


def held(plan: Plan) -> list[str]:
    """The items that hold something, in order."""
    found = [s.item for s in plan.steps if s.item.startswith(("protected ", "held in place "))]
    return list(dict.fromkeys(found))


def watched(plan: Plan) -> dict[str, str]:
    return {each.path: each.kind for each in plan.watched}


def refused(world: World, text: str) -> str:
    with pytest.raises(PlanError) as caught:
        world.plan(text)
    (problem,) = caught.value.problems
    return f"{problem.origin.line}: {problem.message}"


def test_the_spec_and_git_and_what_is_there_of_the_table() -> None:
    plan = here(below(".git/", ".envrc")).plan("binds: ['.:/code:rw']")
    assert held(plan) == [
        "protected /code/.envrc", "protected /code/.git", "protected /code/box.yaml",
    ]  # fmt: skip
    steps = [s for s in plan.steps if s.item == "protected /code/.git"]
    names = ["openat2", "open_tree", "mount_setattr", "move_mount", "close", "close"]
    assert [s.call for s in steps] == names
    assert value(steps[0], "path") == "code/.git"
    assert "RESOLVE_NO_SYMLINKS" in str(steps[0].args)
    assert watched(plan)[f"{DIRECTORY}/.git"] == "directory"
    assert watched(plan)[f"{DIRECTORY}/.idea"] == "missing"
    assert plan.exposure.weakened == ()
    assert plan.warnings == ()


def test_a_profile_is_as_much_the_spec_as_its_own_file() -> None:
    world = here(below("conf/", "conf/p.json", ".git/"))
    real = f"{DIRECTORY}/conf/p.json"
    given = (Included("seccomp", "conf/p.json", real, "0" * 64),)
    spec = replace(world.spec("binds: ['.:/code:rw']"), included=given)
    plan = gather(spec, world.ask)[1]
    assert held(plan) == [
        "protected /code/.git", "protected /code/box.yaml", "held in place /code/conf",
        "protected /code/conf/p.json",
    ]  # fmt: skip
    assert plan.spec_files == (("conf/p.json", "0" * 64),)


def test_nothing_where_nothing_is_writable() -> None:
    plan = here(below(".git/")).plan("binds: ['.:/code']")
    assert (held(plan), plan.watched) == ([], ())


def test_directories_on_the_way_are_mount_points() -> None:
    plan = here(below(".config/mise/", "a/b/c")).plan(
        "binds: ['.:/code:rw']\nprotect: [default, a/b/c]"
    )
    assert held(plan)[1:] == [
        "held in place /code/.config", "protected /code/.config/mise",
        "held in place /code/a", "held in place /code/a/b", "protected /code/a/b/c",
    ]  # fmt: skip
    pin = [s for s in plan.steps if s.item == "held in place /code/a"]
    assert "mount_setattr" not in [s.call for s in pin]


def test_git_writable_keeps_what_git_runs() -> None:
    files = below(".git/hooks/", ".git/config", ".git/modules/", ".git/objects/")
    plan = here(files).plan("binds: ['.:/code:rw']\ngit: writable")
    assert held(plan) == [
        "protected /code/box.yaml", "held in place /code/.git", "protected /code/.git/config",
        "protected /code/.git/hooks", "protected /code/.git/modules",
    ]  # fmt: skip
    assert watched(plan)[f"{DIRECTORY}/.git/commondir"] == "missing"
    assert plan.exposure.weakened == ("git writable",)


@pytest.mark.parametrize("git", ["protected", "writable"])
def test_a_git_file_is_read_only_in_any_case(git: str) -> None:
    plan = here(below(".git")).plan(f"binds: ['.:/code:rw']\ngit: {git}")
    assert held(plan)[0] == "protected /code/.git"


def test_a_bind_of_git_itself_opens_it_but_for_what_git_runs() -> None:
    files = below(".git/hooks/", ".git/config")
    plan = here(files).plan("binds: ['.:/code:rw', './.git:/code/.git:rw']")
    assert held(plan) == [
        "protected /code/box.yaml", "protected /code/.git/config", "protected /code/.git/hooks",
    ]  # fmt: skip
    opened = here(files).plan(
        "binds: ['.:/code:rw', './.git:/code/.git:rw', './.git/hooks:/code/.git/hooks:rw']"
    )
    assert "protected /code/.git/hooks" not in held(opened)


def test_protect_replaces_or_adds() -> None:
    files = below(".envrc", "Makefile")
    plan = here(files).plan("binds: ['.:/code:rw']\nprotect: [Makefile]")
    assert held(plan) == ["protected /code/Makefile", "protected /code/box.yaml"]
    assert plan.exposure.weakened == ("protected: Makefile",)
    plan = here(files).plan("binds: ['.:/code:rw']\nprotect: []")
    assert held(plan) == ["protected /code/box.yaml"]
    assert plan.exposure.weakened == ("protected: nothing",)


def test_the_spec_is_opened_by_a_bind_of_its_own_and_counted() -> None:
    plan = here().plan("binds: ['.:/code:rw', './box.yaml:/code/box.yaml:rw']")
    assert held(plan) == []
    assert plan.exposure.weakened == ("the spec itself",)


def test_a_directory_root_keeps_the_spec_and_its_git() -> None:
    plan = here(below(".git/", "etc/")).plan("root: .")
    assert held(plan) == ["protected /.git", "protected /box.yaml"]
    plan = here({f"{DIRECTORY}/root/.git": "dir"}).plan("root: ./root")
    assert held(plan) == [], "what lies in a root of its own is the box's"


def test_a_symbolic_link_is_watched_and_what_it_leads_to_is_held() -> None:
    files = {
        f"{DIRECTORY}/.envrc": "-> conf/env",
        f"{DIRECTORY}/.git": "-> /srv/x.git",
        "/srv/x.git": "dir",
    }
    plan = here({**files, **below("conf/env")}).plan("binds: ['.:/code:rw']")
    assert held(plan) == [
        "held in place /code/conf", "protected /code/conf/env", "protected /code/box.yaml",
    ]  # fmt: skip
    assert watched(plan)[f"{DIRECTORY}/.envrc"] == "symlink"
    assert watched(plan)[f"{DIRECTORY}/.git"] == "symlink"
    assert [warning.partition(" is a symbolic link")[0] for warning in plan.warnings] == [
        f"{DIRECTORY}/.envrc", f"{DIRECTORY}/.git",
    ]  # fmt: skip


def test_toyspec_s_own_directories_are_made_and_covered() -> None:
    plan = here({"/home/me/.cache": "dir", "/home/me/.bashrc": "file"}).plan(
        "binds: ['~:/home/me:rw']"
    )
    steps = [s for s in plan.steps if s.item == "toyspec's own directories"]
    holders = [str(value(s, "path")) for s in steps if s.call == "openat2"]
    made = [s for s in steps if s.call == "mkdirat"]
    paths = ["/home/me/.cache/toyspec", "/home/me/.local", "/home/me/.local/share",
             "/home/me/.local/share/toyspec", "/home/me/.local/state", "/home/me/.local/state/toyspec"]  # fmt: skip
    assert sorted(f"{h}/{value(s, 'path')}" for h, s in zip(holders, made, strict=True)) == paths
    assert {value(s, "mode") for s in made} == {("0700",)}
    for path in OWN:
        assert f"protected {path}" in held(plan)
    for path in ("/home/me/.cache", "/home/me/.local", "/home/me/.local/share", "/home/me/project"):
        assert f"held in place {path}" in held(plan)
    assert "protected /home/me/project/box.yaml" in held(plan)
    assert "protected /home/me/.bashrc" in held(plan)
    assert calls(here().plan("binds: ['.:/code:rw']"), "mkdirat")[0].phase == "attach"


def test_where_boxes_states_lie_without_a_runtime_directory() -> None:
    world = here({"/run/user/1000/toyspec/x": "file"})
    world.mine = ("/home/me", "/run/user/1000")
    assert "protected /r/user/1000/toyspec" in held(world.plan("binds: ['/run:/r:rw']"))
    assert "would be writable" in refused(world, "binds: ['/run/user/1000/toyspec:/x:rw']")
    assert "toyspec" not in " ".join(held(world.plan("binds: ['.:/code:rw']")))
    world.mine = ("/home/me",)
    assert "toyspec" not in " ".join(held(world.plan("binds: ['/run:/r:rw']")))


@pytest.mark.parametrize("name", ["XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"])
def test_the_home_s_are_covered_while_a_variable_names_another(name: str) -> None:
    """What the box put there, a command without the variable would believe."""
    world = here({"/home/me/.bashrc": "file", "/home/me/xc": "dir"})
    world.variables = {name: "/home/me/xc"}
    found = held(world.plan("binds: ['~:/h:rw']"))
    for path in ("xc/toyspec", *(each.removeprefix("/home/me/") for each in OWN)):
        assert f"protected /h/{path}" in found


def test_so_are_those_of_the_account_while_home_names_another() -> None:
    """A command without HOME, or with the usual one, would believe what the box put there."""
    files = {"/home/me/.bashrc": "file", "/tmp/me": "dir"}
    world = here(files, home="/tmp/me", account_home="/home/me")
    found = held(world.plan("binds: ['/home/me:/h:rw']"))
    for path in (*(each.removeprefix("/home/me/") for each in OWN), ".bashrc"):
        assert f"protected /h/{path}" in found
    world.files["/home/me/.cache/toyspec/x"] = "file"
    assert "would be writable" in refused(world, "binds: ['/home/me/.cache/toyspec:/x:rw']")
    assert not any("toyspec" in each for each in held(world.plan("binds: ['.:/code:rw']")))


@pytest.mark.parametrize("variable", [True, False])
@pytest.mark.parametrize(
    "home", ["//home/me", "/home//me/", "//home//me", "/home/./me", "/srv/../home/me"]
)
def test_a_home_is_covered_however_it_is_written(home: str, variable: bool) -> None:
    """The next command looks where that leads."""
    world = here({"/home/me/.bashrc": "file", "/home/you": "dir", "/srv": "dir"})
    same = world.plan("binds: ['/home/me:/h:rw']")
    other = None if variable else home
    world.facts = replace(world.facts, home=home if variable else "/home/you", account_home=other)
    plan = world.plan("binds: ['/home/me:/h:rw']")
    assert held(plan) == held(same)
    assert "//" not in str(plan.steps)
    assert len(plan.steps) == len(same.steps)


def test_a_home_of_too_many_directories_is_refused_where_something_is_writable() -> None:
    world = here(account_home="/a" * 1500)
    assert "more than 64 directories deep" in refused(world, "binds: ['.:/code:rw']")
    assert not held(world.plan("binds: ['.:/code']"))


@pytest.mark.parametrize("home", ["/", "", "none", "/home/me/../you", "/nowhere", "/home/me", None])
def test_any_word_may_stand_for_the_account_s_home(home: str | None) -> None:
    found = held(here({"/home/me/.bashrc": "file"}, account_home=home).plan("binds: ['~:/h:rw']"))
    same = held(here({"/home/me/.bashrc": "file"}).plan("binds: ['~:/h:rw']"))
    assert found == same


def test_so_is_the_login_s_directory() -> None:
    world = here({"/run/user/1000/toyspec/x": "file", "/run/me": "dir"})
    world.mine = ("/home/me", "/run/user/1000", "/run/me")
    for named in ("/run/me", "/run/user/1000"):
        world.variables = {"XDG_RUNTIME_DIR": named}
        found = held(world.plan("binds: ['/run:/r:rw']"))
        assert "protected /r/user/1000/toyspec" in found
        assert f"protected /r{named.removeprefix('/run')}/toyspec" in found


def test_no_spec_opens_them() -> None:
    world = here({f"{path}/x": "file" for path in OWN})
    assert refused(world, "binds: ['~/.cache/toyspec:/x:rw']").startswith(
        "2: /home/me/.cache/toyspec would be writable, and is a directory of toyspec's own"
    )
    assert "would be writable" in refused(world, "binds: ['~/.local/state/toyspec/x:/x:rw']")
    assert "would be writable" in refused(world, "root: {lower: ., upper: ~/.cache/toyspec/up}")
    plan = world.plan("binds: ['~:/h:rw']\nprotect: []")
    assert "protected /h/.cache/toyspec" in held(plan)


def test_a_way_to_them_that_the_box_could_replace_is_refused() -> None:
    world = here({"/home/me/.cache": "-> /srv/cache", "/srv/cache/toyspec": "dir"})
    said = refused(world, "binds: ['~:/h:rw']")
    assert said.startswith("2: /home/me/.cache is a symbolic link, which the box could replace")
    plan = world.plan("binds: ['/srv:/s:rw']")
    assert "held in place /s/cache" in held(plan)
    assert "protected /s/cache/toyspec" in held(plan)


def test_its_code_is_covered_and_cannot_be_opened() -> None:
    world = here(below("venv/lib/x"), installation=(f"{DIRECTORY}/venv",))
    assert "protected /code/venv" in held(world.plan("binds: ['.:/code:rw']"))
    said = refused(world, "binds: ['./venv/lib:/x:rw']")
    assert "is where toyspec's code runs from" in said


def test_on_an_old_kernel_they_are_remounted() -> None:
    world = here(below(".git/"))
    features = {**world.facts.features, "mount_setattr": False}
    world.facts = replace(world.facts, features=features)
    steps = [
        s for s in world.plan("binds: ['.:/code:rw']").steps if s.item == "protected /code/.git"
    ]
    (again,) = [s for s in steps if s.call == "mount"]
    assert "MS_REMOUNT" in str(value(again, "mountflags"))
    assert "MS_RDONLY" in str(value(again, "mountflags"))
    assert [s.call for s in steps if s.call == "mount_setattr"] == []


def test_one_round_of_questions_more() -> None:
    world = here(below(".git/"))
    world.plan("binds: ['.:/code:rw']")
    assert len(world.asked) <= 3


HELD = "binds: ['.:/code:rw']\n"


def test_a_box_that_can_leave_the_mounts_that_hold_is_warned_of() -> None:
    (warning,) = here().plan(f"{HELD}seccomp: none").warnings
    assert "`disable_user_namespaces: true`" in warning
    assert here().plan(HELD).warnings == ()
    locked = "mounts: [{type: proc}]\ndisable_user_namespaces: true"
    assert here().plan(f"{HELD}seccomp: none\n{locked}").warnings == ()
    assert here().plan("seccomp: none").warnings == ()


VOLUME = "mounts: [{type: volume, name: v, target: /v}]"


@pytest.mark.parametrize("name", ["XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"])
def test_nothing_of_toyspec_s_own_in_a_volume(name: str) -> None:
    world = here()
    world.variables = {name: f"{OWN[0]}/volumes/v/x"}
    message = f"the volume {OWN[0]}/volumes/v would be writable, and {OWN[0]}/volumes/v/x/toyspec"
    assert refused(world, VOLUME).endswith(f"{message} lies in it")
    world.plan(VOLUME.replace("v, ", "w, "))
    world.plan(VOLUME.replace("/v}", "/v, read_only: true}"))


def test_what_the_box_could_open_before_toyspec_can() -> None:
    world = here({"/home/me/p/shut/toyspec": "denied"})
    world.variables = {"XDG_CACHE_HOME": "/home/me/p/shut"}
    shut = "/home/me/p/shut may not be searched (no x), and a directory of toyspec's own"
    assert refused(world, "binds: ['/home/me/p:/p:rw']") == f"2: {shut} lies behind it"


def test_submodules_are_held_too() -> None:
    """`git status` at the top enters them, whatever their names say about how deep they lie."""
    world = here(
        below(
            ".git/modules/sub/HEAD", ".git/modules/vendor/x/HEAD", ".git/modules/sub/modules/in/HEAD",
            "sub/.git", "sub/in/.git", "vendor/x/.git/",
        )
    )  # fmt: skip
    assert sorted(held(world.plan("binds: ['.:/code:rw']"))) == [
        "held in place /code/sub", "held in place /code/sub/in", "held in place /code/vendor",
        "held in place /code/vendor/x", "protected /code/.git", "protected /code/box.yaml",
        "protected /code/sub/.git", "protected /code/sub/in/.git", "protected /code/vendor/x/.git",
    ]  # fmt: skip
