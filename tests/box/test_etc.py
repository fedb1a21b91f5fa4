"""What of /etc is in a box: the host's own programs work with it, and nothing secret is there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import good, script, sections, up
from tests.product import STANDARD_PATH, Product
from toyspec.spec.etc import MADE

SPEC = "version: 1\nsystem: host\nbinds: ['.:/code:rw']\nworking_dir: /code\n"


def inside(product: Product, directory: Path, text: str, more: str = "") -> str:
    product.write(directory / "script", "exec 2>&1\n" + text)
    return good(up(product, directory, SPEC + more + "init: [sh, script]\n"))


LOOKS = {
    "compile": "gcc -o hi hi.c -lm && ./hi",
    "python": "python3 -c 'import ssl, time; c = ssl.create_default_context(); "
    'print(c.cert_store_stats()["x509_ca"] > 0, time.tzname[0])\'',
    "git": "git init -q r && git -C r -c user.name=me -c user.email=a@b commit -q --allow-empty -m one "
    "&& git -C r log --format=%s",
    "perl": "perl -MPOSIX -MIO::Socket -e 'print scalar(getpwuid($<)), \" \", ctime(0)'",
    "names": "getent passwd $(id -u) | cut -d: -f3; getent group $(id -g) | cut -d: -f3; "
    "getent hosts $(hostname) | cut -d' ' -f1; cat /etc/hostname",
    "secrets": "ls -d /etc/shadow /etc/gshadow /etc/sudoers* /etc/machine-id /etc/ssl/private "
    "/etc/pki/tls/private /etc/ssh/ssh_host* /etc/ld.so.preload | cat",
    "changed": "for f in /etc/*; do test -d $f && f=$f/x; (echo x >> $f) && echo $f; done; true",
}


def test_the_host_s_programs_work(product: Product) -> None:
    tools.need("gcc", "git", "python3", "perl")
    directory = product.directory()
    product.write(
        directory / "hi.c", '#include <stdio.h>\nint main(void) { return !puts("hi"); }\n'
    )
    seen = sections(inside(product, directory, script(LOOKS)))
    assert seen["compile"] == "hi\n"
    trusted, zone = seen["python"].split()
    assert trusted == str(Path("/etc/ssl/certs").exists() or Path("/etc/pki").exists())
    outside = product.as_user(["python3", "-c", "import time; print(time.tzname[0])"])
    assert zone == outside.stdout.strip()
    assert seen["git"] == "one\n"
    assert len(seen["perl"].split()) == 6
    assert seen["names"].split() == [str(product.uid), str(product.gid), "127.0.0.1", "box"]
    assert "/etc/" not in seen["secrets"].replace("'/etc/", "")
    changed = [line for line in seen["changed"].splitlines() if line.startswith("/etc/")]
    assert {name.removeprefix("/etc/").split("/")[0] for name in changed} <= {*MADE, "ssh", "ssl"}


MORE = {
    "node": (
        'node -e \'const t = require("tls"); t.createSecureContext(); console.log("secure", '
        "Intl.DateTimeFormat().resolvedOptions().timeZone.length > 0)'",
        ["secure true"],
    ),
    "java": (
        "java -version && { ! command -v javac || java Box.java; } && echo came up",
        ["came up"],
    ),
    "ssh": ("ssh -V && ssh -G host < /dev/null | grep -c '^hostname host$'", ["1"]),
}


@pytest.mark.parametrize("name", MORE)
def test_more_of_them_where_they_are(product: Product, name: str) -> None:
    """Those that a test machine need not have: apt-get install nodejs default-jre-headless
    openssh-client
    """
    if shutil.which(name, path=STANDARD_PATH) is None:
        pytest.skip(f"{name} is not installed here")
    command, last = MORE[name]
    directory = product.directory()
    product.write(directory / "Box.java", JAVA)
    assert inside(product, directory, command).splitlines()[-1:] == last


JAVA = """
public class Box {
    public static void main(String[] arguments) throws Exception {
        javax.net.ssl.SSLContext.getDefault();
        System.out.println(java.util.TimeZone.getDefault().getID());
    }
}
"""


def test_a_list_is_exactly_that(product: Product) -> None:
    """In a box that has nothing else of the host's, too; a symbolic link's end is in its place."""
    directory = product.directory()
    text = "echo == ls; ls -A /etc; echo == zone; head -c 4 /etc/localtime; echo; cat /etc/hostname"
    more = "etc: [hostname, timezone, alternatives]\n"
    seen = sections(inside(product, directory, text, more))
    there = [n for n in ("alternatives", "localtime", "timezone") if os.path.exists(f"/etc/{n}")]
    assert seen["ls"].split() == sorted([*there, "hostname"])
    zone = ["TZif"] if "localtime" in there else []
    assert seen["zone"].splitlines()[-1] == "box"
    assert [line for line in seen["zone"].splitlines() if line.startswith("TZif")] == zone
    text = "echo == ls; ls -A / | grep etc"
    assert sections(inside(product, directory, text + "; true", "etc: none\n"))["ls"] == ""


def test_none_of_it_replaces_what_a_root_has(product: Product) -> None:
    """In a directory root a link stays: the host's file is bound over what it leads to."""
    directory = product.directory()
    (directory / "root/etc").mkdir(parents=True)
    product.write(directory / "root/etc/theirs", "theirs\n")
    (directory / "root/etc/localtime").symlink_to("theirs")
    product.own(directory)
    more = "root: ./root\netc: [timezone]\n"
    out = inside(product, directory, "readlink /etc/localtime; head -c 4 /etc/theirs; echo", more)
    assert out.splitlines()[0] == "theirs"
    if os.path.exists("/etc/localtime"):
        assert out.splitlines()[1] == "TZif"
    assert (directory / "root/etc/theirs").read_text() == "theirs\n"
