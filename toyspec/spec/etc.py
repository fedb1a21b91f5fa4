"""What of /etc a box may have, by name: files made for it, and the host's own, read-only.

The list is short on purpose. Never in it: what is secret (shadow, private keys, the keys of an SSH
server), what names the machine (machine-id), what gives privileges (sudoers), what changes every
program (ld.so.preload) or every shell's PATH (profile).
"""

from __future__ import annotations

from typing import Final

from toyspec.spec.shown import quote
from toyspec.spec.words import nearest

MADE: Final = ("passwd", "group", "hosts", "hostname", "nsswitch.conf")
"""Written for each box: nothing in them is the host's but the caller's own names."""
_JAVA: Final = (8, *range(11, 31))

SHOWN: Final[dict[str, tuple[str, ...]]] = {
    "resolv.conf": ("resolv.conf",),
    "ld.so": ("ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    "ssl": (
        "ssl/certs", "ssl/openssl.cnf", "ssl/cert.pem", "ssl/ca-bundle.pem",
        "ca-certificates/extracted", "pki/ca-trust", "pki/tls/certs", "pki/tls/cert.pem",
        "pki/tls/openssl.cnf", "pki/tls/openssl.d", "pki/java", "crypto-policies", "gnutls",
    ),
    "alternatives": ("alternatives",),
    "timezone": ("localtime", "timezone"),
    "services": ("services", "protocols"),
    "mime": ("mime.types",),
    "locale": ("locale.alias", "locale.conf"),
    "release": ("os-release", "lsb-release"),
    "terminal": ("terminfo", "inputrc"),
    "bash": ("bash.bashrc", "bashrc"),
    "git": ("gitconfig",),
    "perl": ("perl",),
    "java": (
        "java", "java-openjdk", *(f"java-{n}-openjdk" for n in _JAVA),
        *(f"java{n}-openjdk" for n in _JAVA),
    ),
    "fonts": ("fonts",),
    "ssh": ("ssh/ssh_config", "ssh/ssh_known_hosts"),
}  # fmt: skip
"""What is shown as the host has it, and the paths below /etc that are looked for.

Not ssh_config.d: ssh refuses files there that belong to neither root nor its user, and in a box the
host's root is nobody.
"""
NAMES: Final = (*MADE, *SHOWN)

_ELSEWHERE: Final = {
    **{path: name for name, paths in SHOWN.items() for path in paths if path not in NAMES},
    "ca-certificates": "ssl", "pki": "ssl", "certs": "ssl", "localtime": "timezone",
    "ld.so.conf": "ld.so", "python": "alternatives",
}  # fmt: skip
_NEVER: Final = (
    "shadow", "gshadow", "sudoers", "sudoers.d", "machine-id", "ssl/private", "ld.so.preload",
    "profile", "subuid", "subgid",
)  # fmt: skip


def unknown(name: str) -> tuple[str, str, str]:
    """What is said of a name that is not in the list: message, label, help."""
    plain = name.removeprefix("/etc/").rstrip("/")
    message = f"etc: {quote(name)} is none of its names"
    if plain in _NEVER or plain.startswith("ssh/ssh_host_"):
        return message, "no box is given that one", "bind it, if that is really meant"
    guess = plain if plain in NAMES else _ELSEWHERE.get(plain) or nearest(plain, list(NAMES))
    label = f"did you mean `{guess}`?" if guess else "bind it, if it is needed"
    return message, label, "" if guess else "known: " + ", ".join(NAMES)
