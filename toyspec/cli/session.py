"""Whether a box that is left to itself outlives its user's last session, where systemd-logind counts them."""

from __future__ import annotations

import os

from toyspec.start.places import login_directory


def ends_with_session(base: str, uid: int, user: str | None, root: str = "") -> bool:
    """Whether what is kept at `base` is removed at the last logout (loginctl(1), enable-linger). `root`
    is where the machine's files lie.
    """
    if base != login_directory(uid) or not os.path.exists(f"{root}/run/systemd/users/{uid}"):
        return False
    return user is None or not os.path.exists(f"{root}/var/lib/systemd/linger/{user}")
