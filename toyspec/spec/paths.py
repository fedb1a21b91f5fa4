"""Paths in a spec: absolute, normal, and nothing in them that a kernel or a terminal trips over."""

from __future__ import annotations

from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong

PATH_MAX = 4095
"""Bytes of a path that the kernel takes (linux/limits.h, less the NUL)."""
NAME_MAX = 255
"""Bytes of one name in it (linux/limits.h)."""
DEPTH_MAX = 128
"""Names in a path of the box: each costs a step or a look, and no real one has that many."""


def target(text: str, *, root: bool = False) -> str:
    """An absolute path of the box, normal; `/` itself only where `root` says so."""
    plain(text)
    if not text.startswith("/"):
        raise Wrong(f"{quote(text)} is not an absolute path", "begin it with `/`")
    path = _normal(text) if _odd(text) else text
    if path is None:
        raise Wrong(f"`..` in {quote(text)}", "write the path that it means")
    if path == "/" and not root:
        raise Wrong("`/` cannot be a target", "`root` says what is there")
    _bounded(path, DEPTH_MAX)
    return path


def entry(text: str) -> str:
    """A target that something is put at: not below a process's directory of /proc."""
    path = target(text)
    _no_process(path)
    return path


def source(text: str, directory: str, home: str) -> str:
    """An absolute path of the host: `~` is the home, a relative one begins at the directory."""
    path = namespace(text, directory, home)
    _no_process(path)
    return path


def namespace(text: str, directory: str, home: str) -> str:
    """A path as `source` has it, which may lead to a process's own file in /proc."""
    plain(text)
    written = text
    if not text:
        raise Wrong("an empty path")
    if text.startswith("~"):
        if text != "~" and not text.startswith("~/"):
            raise Wrong(f"{quote(text)}: `~` stands alone or before `/`", "the caller's home only")
        text = home + text[1:]
    if not text.startswith("/"):
        text = _climb(text, directory)
    path = _normal(text) if _odd(text) else text
    if path is None:
        raise Wrong(
            f"`..` after a name in {quote(written)}", "it leads elsewhere through a symlink",
            "write the path that it means",
        )  # fmt: skip
    _bounded(path)
    return path


def link(text: str) -> str:
    """What a symlink holds: any path, absolute or relative, as it is."""
    plain(text)
    _bounded(text, DEPTH_MAX)
    return text


def plain(text: str) -> None:
    """Refuse control characters, and surrogates that stand for no byte."""
    if text.isprintable():
        return
    for at, char in enumerate(text):
        code = ord(char)
        lone = 0xD800 <= code <= 0xDFFF and not 0xDC80 <= code <= 0xDCFF
        if code < 0x20 or 0x7F <= code < 0xA0 or lone:
            message = f"the control character U+{code:04X} in {quote(text)}"
            raise Wrong(message, start=at, end=at + 1)


def _odd(path: str) -> bool:
    return "//" in path or "/." in path or path.endswith("/")


def _normal(path: str) -> str | None:
    """Without empty and `.` parts; None where there is a `..`."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return None if ".." in parts else "/" + "/".join(parts)


def _climb(text: str, directory: str) -> str:
    """A relative path below the directory, after the `..` that it begins with."""
    base = directory
    parts = [part for part in text.split("/") if part not in ("", ".")]
    while parts and parts[0] == "..":
        base = base.rstrip("/").rpartition("/")[0] or "/"
        parts = parts[1:]
    return base.rstrip("/") + "/" + "/".join(parts)


def _bounded(path: str, deepest: int = PATH_MAX) -> None:
    if len(path) <= NAME_MAX // 4:
        return
    if len(path.encode("utf-8", "surrogateescape")) > PATH_MAX:
        raise Wrong(f"a path longer than {PATH_MAX} bytes")
    names = path.split("/")
    if sum(map(bool, names)) > deepest:
        raise Wrong(f"a path more than {deepest} names deep")
    for name in names:
        if len(name.encode("utf-8", "surrogateescape")) > NAME_MAX:
            raise Wrong(f"a name longer than {NAME_MAX} bytes in a path")


def _no_process(path: str) -> None:
    """Refuse what is one process's own in /proc: who looks there decides what is found."""
    if not path.startswith("/proc/"):
        return
    name = path.split("/", 3)[2]
    if name in ("self", "thread-self") or (name.isascii() and name.isdigit()):
        raise Wrong(
            f"{quote(path)} is in the directory of one process", "it is another process's by the time the box is built",
            "name the path that it leads to",
        )  # fmt: skip
