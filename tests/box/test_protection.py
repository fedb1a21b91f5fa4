"""A writable project, and a writable home: what stays as it is, and what is said of the rest."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import good, refused, tree, up
from tests.installation import HAS_FRONT
from tests.product import Product

GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
ME = "git -c user.name=me -c user.email=a@b -c safe.directory=*"
APIS = pytest.mark.parametrize("api", ["new", "old"])


def spec(command: str, more: str = "") -> str:
    return (
        "version: 1\nsystem: host\nbinds: ['.:/code:rw']\nworking_dir: /code\n"
        f"{more}init:\n- sh\n- -c\n- |\n  exec 2>&1; {command}\n"
    )


def project(product: Product) -> Path:
    """A repository with a commit, and a few names of the table."""
    tools.need("git")
    directory = product.directory()
    for name in (".envrc", ".vscode/tasks.json", ".config/mise/config.toml", "src/x"):
        product.write(directory / name, "kept\n")
    commands = "git init -q . && rm -f .git/hooks/* && git add . && " + f"{ME} commit -qm one"
    done = product.as_user(["sh", "-c", commands], directory, GIT)
    assert done.returncode == 0, done.stderr
    return directory


@APIS
def test_what_the_host_runs_is_read_only_and_stays_where_it_is(caller: Product, api: str) -> None:
    directory = project(caller)
    tries = [
        "echo x > .envrc", "rm .envrc", "mv .envrc e", "ln -f src/x .envrc", "mv src/x .envrc",
        "touch .git/hooks/pre-commit", "mv .git g", "rm -rf .git", "mv .git/hooks .git/h",
        "mv .vscode v", "rmdir .vscode", "echo x > .vscode/tasks.json",
        "mv .config c", "echo x > .config/mise/config.toml", "mv .config/mise .config/m",
        "echo x > box.yaml", "mv box.yaml b", "mount -o remount,rw .git", "umount .git",
    ]  # fmt: skip
    text = spec("; ".join(f"({each}) && echo DONE {each}" for each in tries) + "; echo by > src/x")
    caller.write(directory / "box.yaml", text)
    before = {name: seen for name, seen in tree(directory).items() if name != "src/x"}
    done = up(caller, directory, text, api=api)
    assert "DONE" not in good(done)
    after = {name: seen for name, seen in tree(directory).items() if name != "src/x"}
    assert after == before
    assert (directory / "src/x").read_text() == "by\n"
    assert done.stderr == ""


def test_git_reads_and_with_git_writable_commits(caller: Product) -> None:
    directory = project(caller)
    look = f"{ME} status --short; {ME} log --format=%s; {ME} diff --stat; "
    out = good(
        up(caller, directory, spec(f"echo y >> src/x; {look} {ME} commit -qam two; echo $?"))
    )
    assert " M src/x" in out
    assert "one\n" in out
    assert out.endswith("128\n"), out
    commands = (
        f"{ME} commit -qam two && {ME} branch b && {ME} log --format=%s; "
        "echo x > .git/hooks/pre-commit; git config core.pager evil; mv .git g; mv .git/hooks .git/h; "
        "touch .git/index.lock && rm .git/index.lock && echo free"
    )
    out = good(up(caller, directory, spec(commands, "git: writable\n")))
    assert out.startswith("two\none\n"), out
    assert out.endswith("free\n"), out
    assert list((directory / ".git/hooks").iterdir()) == []
    assert "evil" not in (directory / ".git/config").read_text()
    assert not (directory / "g").exists()


def test_submodules_keep_their_repository(product: Product) -> None:
    """Else a box gives the submodule a repository of its own, and `git status` outside runs it."""
    other, directory = project(product), project(product)
    add = f"{ME} -c protocol.file.allow=always submodule add -q {other} vendor/sub"
    done = product.as_user(["sh", "-c", f"{add} && {ME} commit -qm two"], directory, GIT)
    assert done.returncode == 0, done.stderr
    tries = ("rm vendor/sub/.git", "echo x > vendor/sub/.git", "mv vendor/sub v", "mv vendor v")
    text = spec("; ".join(f"({each}) && echo DONE {each}" for each in tries) + "; echo by > src/x")
    before = (directory / "vendor/sub/.git").read_text()
    assert "DONE" not in good(up(product, directory, text))
    assert (directory / "vendor/sub/.git").read_text() == before
    binds = "binds: ['.:/code:rw', './vendor/sub/.git:/code/vendor/sub/.git:rw']\n"
    opened = f"version: 1\nsystem: host\n{binds}working_dir: /code\ninit: [sh, -c, '{tries[1]}']\n"
    assert good(up(product, directory, opened)) == ""
    assert (directory / "vendor/sub/.git").read_text() == "x\n"


@pytest.mark.parametrize("git", ["protected", "writable"])
def test_a_git_that_is_a_file_says_where_it_is(product: Product, git: str) -> None:
    directory = product.directory()
    product.write(directory / ".git", "gitdir: /elsewhere\n")
    commands = "echo gitdir: /code/evil > .git; mv .git g; rm .git; cat .git"
    out = good(up(product, directory, spec(commands, f"git: {git}\n")))
    assert out.endswith("gitdir: /elsewhere\n")
    assert (directory / ".git").read_text() == "gitdir: /elsewhere\n"


def test_what_was_not_there_is_said_when_it_came(caller: Product) -> None:
    directory = project(caller)
    done = up(caller, directory, spec("mkdir .idea; touch .exrc; mkdir -p .git/x; exit 3"))
    assert done.returncode == 3
    assert done.stderr == (
        f"toyspec: while the box ran, .exrc, .idea appeared in {directory}: look at them before you "
        "run anything there\n"
    )
    assert good(up(caller, directory, spec("rm -r .idea; echo x > .exrc; ls -d .idea"))).count(
        "busy"
    )


def test_a_symbolic_link_that_was_replaced_is_said(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "real/env", "kept\n")
    os.symlink("real/env", directory / ".envrc")
    product.own(directory)
    text = spec("echo x > real/env; mv real r; rm .envrc; echo evil > .envrc")
    done = up(product, directory, text)
    assert good(done).count("Read-only file system") == 1
    assert f".envrc became another one in {directory}" in done.stderr
    assert (directory / "real/env").read_text() == "kept\n"
    plan = product.run(["plan", "box.yaml"], cwd=directory).stdout
    assert "warning: " not in plan, "what is there now is a file"


def test_what_the_host_replaces_is_said(caller: Product) -> None:
    """Renamed over from outside, as editors save: the mount goes with what it was mounted on."""
    directory = project(caller)
    text = spec(
        "touch ready; while ! test -e over; do sleep 0.02; done; echo evil > .envrc; rm ready"
    )
    caller.write(directory / "box.yaml", text)
    running = caller.popen(["up", "-q", "box.yaml"], cwd=directory)
    end = time.monotonic() + 30
    while not (directory / "ready").exists():
        assert time.monotonic() < end and running.poll() is None
        time.sleep(0.02)
    caller.write(directory / "new", "the host's\n")
    os.rename(directory / "new", directory / ".envrc")
    os.rename(directory / ".vscode", directory / "v")
    caller.write(directory / ".vscode/x", "")
    caller.write(directory / "over", "")
    _, said = running.communicate(timeout=30)
    assert running.returncode == 0
    assert said == (
        f"toyspec: while the box ran, .envrc, .vscode became another one in {directory}: look at "
        "them before you run anything there\n"
    )


HOME = """\
version: 1
system: host
binds: ["~:/h:rw"]
working_dir: /h
init:
- sh
- -c
- |
  for d in .cache .local/share .local/state run; do
    mkdir -p $d/toyspec/x && echo PLANTED $d; mv $d $d.old && mkdir -p $d/toyspec && echo PLANTED $d
  done
  mv .local l && echo PLANTED .local
  rm -rf .cache/toyspec && echo PLANTED gone
  echo evil >> .bashrc; echo evil > .ssh/config; mv .ssh s; touch mine
  find / -xdev -name nothing 2>/dev/null; exit 0
"""


def home(product: Product) -> tuple[Path, dict[str, str | None]]:
    """A home of its own for one test, and the variables that name it."""
    made = product.directory()
    for name in (".bashrc", ".ssh/config"):
        product.write(made / name, "kept\n")
    names = {"CACHE": ".cache", "DATA": ".local/share", "STATE": ".local/state"}
    env: dict[str, str | None] = {f"XDG_{key}_HOME": None for key in names}
    return made, env | {"HOME": str(made), "XDG_RUNTIME_DIR": str(made / "run")}


def planted(directory: Path) -> list[Path]:
    """What is there beside the boxes that toyspec keeps for itself."""
    return [path for path in directory.iterdir() if path.suffix not in (".box", ".front")]


@APIS
def test_a_box_with_the_home_plants_nothing_in_toyspec_s_directories(
    caller: Product, api: str
) -> None:
    made, env = home(caller)
    done = up(caller, caller.directory(), HOME, env=env, api=api)
    assert "PLANTED" not in good(done)
    own = [f"{name}/toyspec" for name in (".cache", ".local/share", ".local/state", "run")]
    for name in own:
        assert planted(made / name) == [], name
        assert (made / name).stat().st_mode & 0o777 == 0o700
        assert (made / name).stat().st_uid == caller.uid
    assert (made / ".bashrc").read_text() == (made / ".ssh/config").read_text() == "kept\n"
    assert (made / "mine").exists()


def test_nor_through_another_name_of_it(product: Product) -> None:
    """A bind of the directory above the home, and a symbolic link that leads to it."""
    made, env = home(product)
    link = product.directory() / "link"
    os.symlink(made.parent, link)
    name = f"/h/{made.name}"
    text = HOME.replace('"~:/h:rw"', f'"{link}:/h:rw"').replace(
        "working_dir: /h", f"working_dir: {name}"
    )
    done = up(product, product.directory(), text, env=env)
    assert "PLANTED" not in good(done)
    assert planted(made / ".cache/toyspec") == []


@pytest.mark.parametrize("bound", ["data", "data/h", "data/h/.cache"])
def test_nor_where_its_filesystem_is_mounted_twice(product: Product, bound: str) -> None:
    """The home is a mount of a directory that a writable bind shows by its first name, or is below."""
    unshare = tools.need("unshare")
    directory = product.directory()
    for name in ("data/h/.cache", "h"):
        (directory / name).mkdir(parents=True)
    product.own(directory)
    text = "touch /data/mine; for each in $(find /data -name toyspec -o -name .bashrc); do "
    text += "touch $each/evil; echo evil >> $each; done; exit 0"
    product.write(directory / "data/h/.bashrc", "kept\n")
    source = product.write(
        directory / "box.yaml",
        f"version: 1\nsystem: host\nbinds: ['{bound}:/data:rw']\ninit: [sh, -c, '{text}']\n",
    )
    script = 'mount --bind data/h h && exec "$@"'
    inside = [unshare, "-c", "--keep-caps", "-m", "sh", "-c", script, "sh", *product.toyspec]
    names = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
    env = dict.fromkeys(names) | {"HOME": str(directory / "h")}
    done = product.as_user([*inside, "up", "-q", "--no-cache", source], directory, env)
    assert done.returncode == 0, done.stderr
    assert "toyspec/evil': Read-only file system" in done.stderr
    assert planted(directory / "data/h/.cache/toyspec") == []
    assert (directory / "data/h/.bashrc").read_text() == "kept\n"
    assert (directory / bound / "mine").exists()
    for own in ("data/h/.cache/toyspec", "data/h/.cache/toyspec/below"):
        (directory / own).mkdir(exist_ok=True)
        product.own(directory)
        source.write_text(source.read_text().replace(f"'{bound}:", f"'{own}:"))
        bound = own
        done = product.as_user([*inside, "up", "-q", "--no-cache", source], directory, env)
        assert done.returncode == 125
        assert "is a directory of toyspec's own" in done.stderr


def test_nor_in_the_account_s_home_while_home_names_another(product: Product) -> None:
    """The next command may come with HOME as it usually is, or without it."""
    unshare = tools.need("unshare")
    directory, made = product.directory(), product.directory()
    account = f"me:x:{product.uid}:{product.uid}::{made}:/bin/sh\n"
    product.write(directory / "passwd", account)
    for name in (".bashrc", ".ssh/config"):
        product.write(made / name, "kept\n")
    product.write(directory / "box.yaml", HOME.replace('"~:/h:rw"', f'"{made}:/h:rw"'))
    script = 'mount --bind passwd /etc/passwd && exec "$@"'
    inside = [unshare, "-c", "--keep-caps", "-m", "sh", "-c", script, "sh", *product.toyspec]
    names = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
    env = dict.fromkeys(names) | {"HOME": str(directory)}
    done = product.as_user([*inside, "up", "-q", "--no-cache", "box.yaml"], directory, env)
    assert "PLANTED" not in good(done).replace("PLANTED run\n", "")
    for own in (".cache", ".local/share", ".local/state"):
        assert list((made / own / "toyspec").iterdir()) == []
    assert (made / ".bashrc").read_text() == (made / ".ssh/config").read_text() == "kept\n"
    assert (made / "mine").exists()


@pytest.mark.skipif(not HAS_FRONT, reason="no front for this architecture")
@pytest.mark.parametrize("times", [1, 2])
def test_where_a_link_to_the_command_lies_nothing_is_planted(product: Product, times: int) -> None:
    """It could lead elsewhere the next time."""
    made, env = home(product)
    (made / "tools").mkdir()
    (made / "tools/ts").symlink_to(product.toyspec[0])
    product.own(made)
    source = product.write(
        made / "box.yaml",
        "version: 1\nsystem: host\nbinds: ['~:/h:rw']\n"
        "init: [sh, -c, 'rm /h/tools/ts; mv /h/tools /h/t; touch /h/mine; exit 0']\n",
    )
    words = ["up", "-q", str(source)]
    for _ in range(times):
        done = product.as_user([made / "tools/ts", *words], made, env)
        assert done.returncode == 0, done.stderr
        assert "Read-only file system" in done.stderr
        assert (made / "tools/ts").is_symlink()
    product.as_user([product.toyspec[0], *words], made, env)
    assert not (made / "tools").exists(), "by its own name it is nobody's directory"


def test_without_the_cover_it_would(product: Product) -> None:
    """The same commands, with a home in which those names mean nothing."""
    made, env = home(product)
    env |= {"HOME": str(product.directory()), "XDG_RUNTIME_DIR": None}
    done = up(product, product.directory(), HOME.replace("~:", f"{made}:"), env=env)
    assert good(done).count("PLANTED .cache\n") == 2
    assert (made / ".cache.old/toyspec/x").is_dir()
    assert "appeared" not in done.stderr


def test_toyspec_s_own_code_cannot_be_written(product: Product) -> None:
    """A checkout that it runs from, bound as the project that it is; and a part of it."""
    made = product.directory()
    for name in ("toyspec", "schemas"):
        shutil.copytree(product.checkout / name, made / name, symlinks=True)
    product.own(made)
    main = "import sys; from toyspec.cli.main import main; sys.exit(main())"
    argv = [str(product.python), "-B", "-P", "-c", main, "up", "-q", "box.yaml"]
    env = {"PYTHONPATH": str(made)}
    before = tree(made / "toyspec")
    text = "cd toyspec && touch evil.py; rm version.py; mv ../toyspec ../t; rm -r ../toyspec; pwd"
    product.write(made / "box.yaml", spec(text))
    out = good(product.as_user(argv, made, env))
    assert out.endswith("/code/toyspec\n"), out
    assert tree(made / "toyspec") == before
    product.write(made / "box.yaml", spec("true").replace("'.:", "'./toyspec/cli:"))
    said = refused(product.as_user(argv, made, env))
    assert f"{made}/toyspec/cli would be writable, and is where toyspec's code runs from" in said
