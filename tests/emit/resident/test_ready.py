"""The machine code that is carried is what the sources make."""

from __future__ import annotations

import binascii
import zlib

from toyspec.emit.resident import make, ready


def test_ready_is_what_the_sources_make() -> None:
    """Compared unpacked: another zlib packs otherwise."""
    carried = {
        arch: (zlib.decompress(binascii.a2b_base64(code)), ready.ENTRIES[arch])
        for arch, code in ready.CODE.items()
    }
    assert carried == make.blobs(), (
        "make it again: python -m toyspec.emit.resident.make > toyspec/emit/resident/ready.py"
    )
