"""Fixtures that every test may use: `product`, `as_root` and `caller`. See `product.py`."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from tests import holder, installation, tools
from tests.product import (
    Product,
    check_unprivileged,
    environment,
    free_uid,
    make_home,
    no_new_privileges,
    processes_of,
    remove,
)

IS_ROOT: Final = os.geteuid() == 0

hypothesis.settings.register_profile("toyspec", database=None, deadline=None)
hypothesis.settings.load_profile("toyspec")


@dataclass(frozen=True, slots=True)
class Installed:
    """What the session's products share: one place, one checkout, one installation."""

    session: Path
    checkout: Path
    bin: Path
    uid: int
    gid: int

    def product(self, uid: int, gid: int, name: str) -> Product:
        home = self.session / f"home-{name}"
        make_home(home)
        directories = self.session / name[0]
        directories.mkdir(mode=0o755)
        made = Product(
            uid=uid,
            gid=gid,
            switch=IS_ROOT,
            python=self.bin / "python",
            checkout=self.checkout,
            home=home,
            directories=directories,
            toyspec=[str(self.bin / "toyspec")],
            script=str(self.bin / ("toyspec-python" if installation.HAS_FRONT else "toyspec")),
            environment=environment(home),
        )
        made.own(home)
        return made


@pytest.fixture(scope="session")
def installed() -> Iterator[Installed]:
    """toyspec where the product's user reaches it; removed at the end, if nothing is left behind."""
    uid, gid = (free_uid(),) * 2 if IS_ROOT else (os.getuid(), os.getgid())
    session = installation.session_directory(uid, gid)
    checkout = session / "checkout"
    before = traces_in(real_home())
    try:
        installation.copy_checkout(checkout)
        made = Installed(
            session, checkout, installation.install(session, checkout, uid, gid), uid, gid
        )
        yield made
        holder.let_go()
        if IS_ROOT and "TOYSPEC_TEST_UID" not in os.environ:
            left = processes_of(uid)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            assert not left, f"processes of the product outlived the tests: {left}"
        assert traces_in(real_home()) == before, "the product wrote into the real home"
    finally:
        remove(session)


@pytest.fixture(scope="session")
def product(installed: Installed) -> Product:
    """toyspec as an ordinary user, always; where pytest is root, as a uid without any privilege."""
    made = installed.product(installed.uid, installed.gid, "user")
    made.own(installed.checkout)
    check_unprivileged(made)
    return made


@pytest.fixture(scope="session")
def as_root(installed: Installed) -> Product:
    """toyspec as root, on purpose; skips where pytest is not root. Marks its tests `root`."""
    if not IS_ROOT:
        pytest.skip("needs root: pytest -m root")
    return installed.product(0, 0, "root")


@pytest.fixture(scope="session", params=["user", pytest.param("root", marks=pytest.mark.root)])
def caller(request: pytest.FixtureRequest) -> Product:
    """Both in turn: what must hold whoever calls."""
    made = request.getfixturevalue("product" if request.param == "user" else "as_root")
    assert isinstance(made, Product)
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses `as_root` is a root case without having to say so."""
    for item in items:
        if "as_root" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.root)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and not IS_ROOT:
        pytest.skip("needs root: pytest -m root")


def pytest_report_header() -> list[str]:
    who = "root; the product runs as an unprivileged uid" if IS_ROOT else f"uid {os.getuid()}"
    lines = [f"running as {who}"]
    if no_new_privileges():
        lines.append("no_new_privs is inherited: setuid programs will not work in the tests")
    return lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if tools.missing:
        counts = ", ".join(f"{name} ({count})" for name, count in sorted(tools.missing.items()))
        terminalreporter.write_line(
            f"missing tools, by tests that wanted them: {counts}", yellow=True
        )


def real_home() -> Path:
    """The home of whoever runs pytest, as the system has it, not as HOME says."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path(os.environ.get("HOME", "/nonexistent"))


def traces_in(home: Path) -> dict[str, int]:
    """Files of toyspec's in a home, with their times in nanoseconds."""
    found = {}
    for directory in (".", ".cache", ".config", ".local/share", ".local/state"):
        for path in (home / directory).glob("*toyspec*"):
            for inner in (path, *path.rglob("*")):
                if (directory != "." or path.name.startswith(".")) and not inner.is_symlink():
                    found[str(inner)] = inner.stat().st_mtime_ns
    return found
