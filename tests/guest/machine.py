"""A machine of another architecture, emulated: Debian's kernel, busybox and what a test gives it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from tests import tools

if TYPE_CHECKING:
    from pathlib import Path

_KERNEL, _BUSYBOX = "linux-image-arm64", "busybox-static"
_MACHINE = (
    "-M",
    "virt",
    "-cpu",
    "cortex-a53",
    "-m",
    "512",
    "-nic",
    "none",
    "-nographic",
    "-no-reboot",
)
_MEMORY_ROOT = """\
#!/bin/busybox sh
# A box pivots its root, which the kernel's first one cannot: go on in another.
/bin/busybox mkdir /new
/bin/busybox mount -t tmpfs tmpfs /new
/bin/busybox cp -a /bin /usr /etc /given /new/
/bin/busybox mkdir /new/proc /new/dev /new/sys /new/tmp /new/root
exec /bin/busybox switch_root /new /given/init
"""
_INIT = """\
#!/bin/sh
export PATH=/usr/bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
busybox chmod 1777 /tmp
echo '--- begin'
. /given/script </dev/null
echo '--- end'
busybox poweroff -f
"""


class Aarch64(NamedTuple):
    """What such a machine is booted from."""

    kernel: Path
    busybox: bytes

    @property
    def release(self) -> str:
        """The kernel's, as uname(1) says it there."""
        return self.kernel.name.partition("-")[2]

    def boot(self, directory: Path, given: dict[str, bytes], user: str) -> str:
        """Run the file `script` of `given`, all of which lie in /given, as root with /bin/sh.

        `user` is a line of passwd(5). Returns what the console said. The machine has five minutes.
        """
        initrd = directory / "initrd"
        etc = {"passwd": f"root:x:0:0:root:/root:/bin/sh\n{user}\n", "group": "root:x:0:\n"}
        initrd.write_bytes(
            _archive({
                **dict.fromkeys(("usr", "usr/bin", "etc", "given", "dev")),
                "bin": "usr/bin",
                "usr/bin/sh": "busybox",
                "usr/bin/busybox": self.busybox,
                "init": _MEMORY_ROOT.encode(),
                "given/init": _INIT.encode(),
                **{f"etc/{name}": text.encode() for name, text in etc.items()},
                **{f"given/{name}": content for name, content in given.items()},
            })
        )  # fmt: skip
        qemu = [tools.need("qemu-system-aarch64"), *_MACHINE, "-kernel", str(self.kernel)]
        done = subprocess.run(
            [*qemu, "-initrd", str(initrd), "-append", "console=ttyAMA0 quiet panic=-1"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=True,
        )
        return done.stdout.replace("\r", "")


def debian_arm64(directory: Path) -> Aarch64:
    """Fetched by apt with lists of its own, so that this machine's packages stay as they are."""
    tools.need("apt-get", "apt-cache", "dpkg-deb", "qemu-system-aarch64")
    packages, lists = directory / "packages", directory / "apt/lists/partial"
    packages.mkdir()
    lists.mkdir(parents=True)
    (directory / "apt/cache/archives/partial").mkdir(parents=True)
    settings = (
        "APT::Architecture=arm64", "APT::Architectures=arm64", "APT::Sandbox::User=",
        f"Dir::State::Lists={lists.parent}", f"Dir::Cache={directory / 'apt/cache'}",
        "Dir::State::Status=/dev/null", "Acquire::Languages=none",
    )  # fmt: skip

    def apt(program: str, *words: str) -> str:
        options = [word for setting in settings for word in ("-o", setting)]
        done = subprocess.run(
            [program, "-q", *options, *words],
            cwd=packages,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    apt("apt-get", "update")
    kernel = apt("apt-cache", "depends", _KERNEL).partition("Depends: ")[2].split()[0]
    apt("apt-get", "download", kernel, _BUSYBOX)
    files = directory / "files"
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, files], check=True)
    busybox = next(
        path for path in (files / "bin/busybox", files / "usr/bin/busybox") if path.exists()
    )
    made = Aarch64(directory / next((files / "boot").glob("vmlinuz-*")).name, busybox.read_bytes())
    shutil.copy(next((files / "boot").glob("vmlinuz-*")), made.kernel)
    return made


def _archive(files: dict[str, bytes | str | None]) -> bytes:
    """A cpio archive (`newc`, the kernel's Documentation/driver-api/early-userspace): a text is a symlink."""
    out = bytearray()
    for number, (name, content) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        mode, data = 0o100755, content
        if content is None:
            mode, data = 0o040755, b""
        elif isinstance(content, str):
            mode, data = 0o120777, content.encode()
        assert isinstance(data, bytes)
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + path
        out += bytes(-len(out) % 4)
        out += data
        out += bytes(-len(out) % 4)
    return bytes(out)
