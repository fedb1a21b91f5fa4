"""What lies at a path of this machine, as plain values: files' bytes, and where paths lead.

These are questions of `start.look`, and as light.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from toyspec.start.look import Look

    Path = tuple[
        str, str | None, str | None, str, int, int, str | None, bool, str | None, int | None, bool
    ]

_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFREG: "file",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
_PIECE = 1 << 16


def line(_: Look, path: str) -> str | None:
    """A small file's text without the blanks around it, as sysctls have it; None where it cannot be
    read.
    """
    return first_line(path)


def text(_: Look, path: str) -> bytes | None:
    """A whole file; None where it cannot be read."""
    try:
        return whole(path)
    except OSError:
        return None


def part(_: Look, about: str) -> bytes | int:
    """A file that a spec names as a part of itself: `MOST:PATH`, up to a byte more than MOST.

    The errno where it cannot be read, or is no regular file.
    """
    most, _colon, path = about.partition(":")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        return error.errno or -1
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return -1
        return _rest(fd, int(most) + 1)
    except OSError as error:
        return error.errno or -1
    finally:
        os.close(fd)


def owner(_: Look, path: str) -> tuple[int, int]:
    """Whose a file is, and on which device, symlinks followed; raises OSError."""
    seen = os.stat(path)
    return (seen.st_uid, seen.st_dev)


def files(_: Look, names: str) -> str:
    """Of files, their names one a line behind that of their directory, what tells whether their bytes
    are still the same: whoever changes a file changes its ctime, which nobody can set.
    """
    directory, *rest = names.split("\n")
    found: list[object] = []
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for each in rest:
            try:
                seen = os.stat(each, dir_fd=fd)
            except OSError:
                found.append(None)
            else:
                found += (seen.st_ino, seen.st_size, seen.st_ctime_ns)
    finally:
        os.close(fd)
    return str(found)


def names(_: Look, path: str) -> tuple[str, ...]:
    """The names in a directory, sorted."""
    try:
        return tuple(sorted(os.listdir(path)))
    except OSError:
        return ()


def program(_: Look, path: str) -> tuple[bool, bool] | None:
    """Of newuidmap or newgidmap: whether it has privileges, and whether its mount takes them away.

    None where it cannot be executed.
    """
    try:
        seen = os.stat(path)
        if not stat.S_ISREG(seen.st_mode) or not os.access(path, os.X_OK):
            return None
        nosuid = bool(os.statvfs(path).f_flag & os.ST_NOSUID)
    except OSError:
        return None
    setuid = bool(seen.st_mode & stat.S_ISUID) and seen.st_uid == 0
    return (setuid or _has_capabilities(path), nosuid)


def real(look: Look, path: str) -> str:
    """Where a path leads by the host's rules, as far as it does."""
    known = look.answers.get(("path", path))
    if known is not None and known[2] is not None:
        return str(known[2])  # that answer says it
    try:
        here = _with_real_parent(look, path)
        return os.path.realpath(here) if os.path.islink(here) else here
    except OSError:
        return path  # a symlink on the way changes while it is read


def _with_real_parent(look: Look, path: str) -> str:
    """The path with everything resolved but its last name; raises OSError."""
    head, slash, name = path.rpartition("/")
    if not slash or name in ("", ".", ".."):
        return os.path.realpath(path)
    known = look.parents.get(head)
    if known is None:
        known = look.parents[head] = os.path.realpath(head or "/").rstrip("/")
    return f"{known}/{name}"


def path(look: Look, where: str) -> Path:
    """One path by lstat(2), and where it leads by the host's rules: the fields of a PathFact."""
    try:
        seen = os.lstat(where)
    except PermissionError:
        return _nothing("denied", None, -1, "denied", _denied(where))
    except (OSError, ValueError):
        return _nothing("missing")
    kind = _kind(seen)
    if kind != "symlink":
        try:
            leads = _with_real_parent(look, where)
        except OSError:
            leads = where  # a symlink on the way changes while it is read
        return _found(where, kind, seen, None, leads, seen)
    try:
        link = os.readlink(where)
    except OSError:
        return _nothing("missing")  # whatever is there changes as we look
    try:
        end = os.stat(where)
        return _found(where, kind, seen, link, os.path.realpath(where, strict=True), end)
    except PermissionError:
        return _nothing(kind, link, seen.st_uid, denied=_denied(real(look, where)))
    except OSError:
        return _nothing(kind, link, seen.st_uid)


def _nothing(
    kind: str,
    link: str | None = None,
    uid: int = -1,
    real_kind: str = "missing",
    denied: str | None = None,
) -> Path:
    """Of what cannot be looked at."""
    return (kind, link, None, real_kind, uid, 0, None, False, denied, None, False)


def _found(
    where: str, kind: str, seen: os.stat_result, link: str | None, leads: str, end: os.stat_result
) -> Path:
    there = kind if link is None else _kind(end)
    is_device = there in ("character", "block")
    return (
        kind,
        link,
        leads,
        there,
        seen.st_uid,
        stat.S_IMODE(end.st_mode),
        f"{os.major(end.st_rdev)}:{os.minor(end.st_rdev)}" if is_device else None,
        os.access(where, os.W_OK, effective_ids=True),
        None,
        end.st_size if there == "file" else None,
        not os.access(where, os.R_OK, effective_ids=True),
    )


def _kind(seen: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(seen.st_mode), "file")


def _denied(where: str) -> str:
    """The outermost directory on the way there that the caller may not search."""
    here = ""
    for each in where.strip("/").split("/"):
        here = f"{here}/{each}"
        try:
            os.lstat(here)
        except PermissionError:
            return here.rpartition("/")[0] or "/"
        except OSError:
            break
    return os.path.dirname(where) or "/"


def _has_capabilities(where: str) -> bool:
    try:
        return bool(os.getxattr(where, "security.capability"))
    except OSError:
        return False


def first_line(where: str) -> str | None:
    """A file's text without the blanks around it; None where it cannot be read."""
    try:
        return whole(where).decode("utf-8", "replace").strip()
    except OSError:
        return None


def whole(where: str) -> bytes:
    """All bytes of a file, also of one whose size nobody says; raises OSError."""
    fd = os.open(where, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _rest(fd, 1 << 62)
    finally:
        os.close(fd)


def _rest(fd: int, most: int) -> bytes:
    pieces = []
    while most and (piece := os.read(fd, min(most, _PIECE))):
        most -= len(piece)
        pieces.append(piece)
    return b"".join(pieces)
