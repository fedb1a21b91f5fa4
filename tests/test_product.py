"""The tests' own ground: the product really is an ordinary user's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.product import Product, check_unprivileged, processes_of, remove


def test_the_product_is_never_root(product: Product) -> None:
    assert product.uid != 0
    check_unprivileged(product)


def test_a_user_reaches_interpreter_and_checkout(product: Product) -> None:
    done = product.as_user(
        [product.python, "-c", "import os, toyspec, yaml, jsonschema, rich; print(os.getcwd())"]
    )
    assert (done.returncode, done.stdout) == (0, f"{product.checkout}\n"), done.stderr


def test_the_product_may_make_a_user_namespace_on_its_own(product: Product) -> None:
    done = product.as_user(["unshare", "--user", "--map-root-user", "id", "-u"])
    assert done.stdout == "0\n", f"this machine forbids user namespaces: {done.stderr}"


def test_nothing_of_pytests_environment_leaks(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOYSPEC_LEAK", "1")
    done = product.as_user(["env"], env={"ADDED": "1", "LANG": None})
    names = {line.split("=")[0] for line in done.stdout.splitlines()}
    assert "TOYSPEC_LEAK" not in names
    assert "LANG" not in names
    assert "ADDED" in names
    assert Path(product.home).stat().st_uid == product.uid


def test_a_directory_is_the_users_and_goes_whatever_its_modes(product: Product) -> None:
    directory = product.directory()
    done = product.as_user(
        ["sh", "-c", "mkdir -p a/b && touch a/b/c && chmod 0 a/b && chmod 0 a"], cwd=directory
    )
    assert done.returncode == 0, done.stderr
    remove(directory)
    assert not directory.exists()


def test_what_is_mounted_is_never_removed(as_root: Product) -> None:
    directory = as_root.directory()
    script = f"""
import sys; sys.path.insert(0, {str(as_root.checkout)!r})
from pathlib import Path
from tests.product import mounts_below
print(len(mounts_below(Path({str(directory)!r}))))
"""
    done = as_root.as_user(
        ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$1" && exec "$2" -c "$3"', "sh",
         directory, os.path.realpath("/proc/self/exe"), script],
    )  # fmt: skip
    assert done.stdout in ("1\n", ""), done.stderr


def test_a_terminal_is_the_processs_own(product: Product) -> None:
    process, master = product.terminal(
        ["sh", "-c", "tty; ps -o tpgid= -p $$ >/dev/null; echo x >/dev/tty"], program=True
    )
    assert process.wait(timeout=10) == 0
    assert b"/dev/pts/" in os.read(master, 1000)
    os.close(master)


def test_processes_are_found_by_their_user(product: Product) -> None:
    process = product.popen(["sleep", "60"], program=True)
    try:
        assert process.pid in processes_of(product.uid)
    finally:
        process.kill()
        process.communicate()


def test_root_is_root_on_purpose(as_root: Product) -> None:
    assert as_root.as_user(["id", "-u"]).stdout == "0\n"


def test_the_command_is_a_module_too(product: Product) -> None:
    done = product.as_user([product.python, "-P", "-m", "toyspec", "--version"])
    assert (done.returncode, done.stdout) == (0, product.run(["--version"]).stdout)
