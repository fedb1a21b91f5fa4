"""A whole Debian in a box, made and used by an ordinary user: `specs/debian.yaml` as it says itself.

Deep: it fetches packages. `TOYSPEC_DEEP=1 pytest -m deep`, as a user with sub-ids.
"""

from __future__ import annotations

import os
import shlex

import pytest

from tests import tools
from tests.box.boxes import good, script, sections
from tests.kernel_side.specs import DIRECTORIES, need_sub_ids
from tests.product import Product

MAKE = "mmdebstrap --quiet --mode=unshare --variant=apt bookworm - | {up} debian-unpack.yaml"
LOOK = {
    "install": "apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends man-db "
    ">/dev/null 2>&1 && echo installed",
    "owners": "stat -c '%U:%G %a %n' /etc /var/cache/man /usr/bin/chage /var/mail /usr/bin/passwd",
    "change": "setpriv --reuid=man --regid=man --init-groups sh -c 'id -un; touch /var/cache/man/x'",
    "groups": "id -G",
}


@pytest.mark.deep
@pytest.mark.skipif(os.environ.get("TOYSPEC_DEEP") != "1", reason="deep: TOYSPEC_DEEP=1 runs it")
def test_dpkg_installs_what_belongs_to_others(product: Product) -> None:
    need_sub_ids(product)
    tools.need("mmdebstrap", "tar")
    directory = product.directory()
    for name in ("debian.yaml", "debian-unpack.yaml"):
        product.write(directory / name, (DIRECTORIES[0] / name).read_text())
    (directory / "debian").mkdir()
    product.own(directory)
    words = shlex.join([*product.toyspec, "up", "-q"])
    make = MAKE.format(up=words)
    good(product.as_user(["sh", "-c", make], cwd=directory, timeout=600))
    try:
        command = ["up", "-q", "debian.yaml", "--", "sh", "-c", script(LOOK)]
        seen = sections(good(product.run(command, cwd=directory, timeout=600)))
        assert seen["install"] == "installed\n"
        assert seen["owners"].splitlines() == [
            "root:root 755 /etc", "man:man 755 /var/cache/man", "root:shadow 2755 /usr/bin/chage",
            "root:mail 2775 /var/mail", "root:root 4755 /usr/bin/passwd",
        ]  # fmt: skip
        assert seen["change"] == "man\n"
        assert seen["groups"] == "0\n"
        assert (directory / "debian/etc").stat().st_uid == product.uid
        assert (directory / "debian/var/cache/man").stat().st_uid != product.uid
    finally:
        remove = ["find", "/debian", "-mindepth", "1", "-delete"]
        good(product.run(["up", "-q", "debian-unpack.yaml", "--", *remove], cwd=directory))
