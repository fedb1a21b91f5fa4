"""Files that a spec names and that are read with it, as parts of it: bounded, and said in the plan."""

from __future__ import annotations

from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.model import Included
from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong


def read(context: Context, at: str, text: str, spec: str, most: int) -> tuple[str, bytes]:
    """The file at `text`, as the value at the key path `at` has it, and how people call it.

    Raises Wrong where it cannot be read, or is larger than `most` bytes. `spec` is how the spec's
    own file is called: a relative path is shown beside it.
    """
    from hashlib import sha256

    real = paths.source(text, context.surroundings.directory, context.surroundings.home)
    try:
        data = context.surroundings.read(real, most)
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        raise Wrong(f"{quote(text)}: {why}", f"looked for at {real}") from None
    if len(data) > most:
        raise Wrong(f"{quote(text)} is larger than {most >> 10} KiB")
    shown = real
    if not text.startswith(("/", "~")):
        folder, slash, _ = spec.rpartition("/")
        shown = folder + slash + text.removeprefix("./")
    context.included.append(Included(at, shown, real, sha256(data).hexdigest()))
    return shown, data
