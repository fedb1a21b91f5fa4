"""Who a box's processes are: `user` and `groups`."""

from __future__ import annotations

from typing import Any, Literal

from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.model import User
from toyspec.spec.wrong import Wrong

_MOST = 2**32 - 2
"""The highest id: (uid_t)-1 is none."""


def user(context: Context) -> User:
    """Init's ids, and whether the caller's sub-ids are mapped."""
    context.note("user", "user: caller")
    data = context.data.get("user", "caller")
    if not context.usable("user") or data == "caller":
        return User()
    if data == "root":
        return User("root")
    if isinstance(data, dict):
        return _long(context, data)
    try:
        paths.plain(data)
    except Wrong as wrong:
        context.refuse(Wrong(wrong.message), context.node("user"), "user")
    uid, _, gid = data.partition(":")
    if not gid:
        return User()
    for name, number in (("uid", int(uid)), ("gid", int(gid))):
        if number > _MOST:
            context.refuse(
                Wrong(f"the {name} {number} is more than {_MOST}"), context.node("user"), "user"
            )
    return User("ids", int(uid), int(gid))


def _long(context: Context, data: dict[str, Any]) -> User:
    given = [name for name in ("uid", "gid") if name in data]
    ranges = "ranges" in data
    if ranges:
        context.origin("user.ranges", context.node("user", "ranges"))
    if len(given) == 1:
        other = "gid" if given == ["uid"] else "uid"
        wrong = Wrong(f"a {given[0]} without a {other}", f"add `{other}`")
        context.refuse(wrong, context.node("user", given[0]), "user", given[0])
    elif not given and not ranges:
        wrong = Wrong("`user` says nothing", "{uid: 1000, gid: 1000}, or {ranges: auto}")
        context.refuse(wrong, context.node("user"), "user")
    if len(given) < len(("uid", "gid")):
        return User("root", ranges=ranges)
    return User("ids", int(data["uid"]), int(data["gid"]), ranges)


def groups(context: Context, of: User) -> Literal["keep", "drop"]:
    """What becomes of the caller's supplementary groups."""
    context.note("groups", "groups: drop, with ranges" if of.ranges else "groups: keep")
    given = context.data.get("groups") if context.usable("groups") else None
    return "drop" if given == "drop" or (given is None and of.ranges) else "keep"
