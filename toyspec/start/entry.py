"""An entry: one compiled box, what was asked of the host when it was planned, and the answers' sum.

    16  magic and version of the format
     8  length of the whole, little-endian; then of the questions, of the words, of the phases, of the box
    64  the key that it was made under
    64  BLAKE2b over the questions and their answers
    64  BLAKE2b over all of the above and all that follows
        the questions: kind, NUL, what it is about, NUL, …
        the words that the box is started with, each with a NUL
        the phases, as the page of a run has them (`start.page`); none where no trace is drawn
        the box: an ELF file

Whatever else is in a file is no entry: nothing of it is used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Iterable
    from hashlib import blake2b

    Question = tuple[str, str]
else:  # without hashlib, which would load OpenSSL at every start
    from _blake2 import blake2b

MAGIC = b"toyspec cache 3\n"
_SUM = 64
_KEY_AT = len(MAGIC) + 40
_ANSWERS_AT = _KEY_AT + _SUM
_SUM_AT = _ANSWERS_AT + _SUM
_HEAD = _SUM_AT + _SUM


class Entry:
    """What `read` found: the questions in order, the sum over them and their answers, the words
    that the box is started with, and the box.
    """

    __slots__ = ("answers", "box", "phases", "questions", "words")

    def __init__(
        self,
        questions: tuple[Question, ...],
        answers: bytes,
        words: tuple[str, ...],
        phases: bytes,
        box: memoryview,
    ) -> None:
        self.questions = questions
        self.words = words
        self.phases = phases
        self.answers = answers
        self.box = box


def sum_of(values: Iterable[object]) -> bytes:
    """BLAKE2b over plain values: tuples, texts, numbers, None. Different values, different input.

    Bytes are taken as they are, behind their length.
    """
    found = blake2b()
    for value in values:
        if isinstance(value, bytes):
            found.update(b"%d:" % len(value))
            found.update(value)
        else:
            found.update(ascii(value).encode() + b"\n")
    return found.digest()


def front_name(words: Iterable[str], directory: str, terminal: Iterable[bool]) -> bytes:
    """The name of a front's file (`emit/front/begin.py`): FNV-1a with 64 bits of the command's words,
    where it is given, and its terminal. Another command may have the same one: the file says whose
    it is.
    """
    number = 0xCBF29CE484222325
    for word in (*words, directory):
        for byte in word.encode("utf-8", "surrogateescape") + b"\0":
            number = (number ^ byte) * 0x100000001B3 & (1 << 64) - 1
    bits = sum(1 << at for at, each in enumerate(terminal) if each)
    return ((number ^ bits) * 0x100000001B3 & (1 << 64) - 1).to_bytes(8, "big")


def write(
    key: bytes,
    questions: Iterable[Question],
    answers: bytes,
    words: Iterable[str],
    phases: bytes,
    box: bytes,
) -> bytes | None:
    """An entry's bytes; None where a question cannot be written down (it has a NUL)."""
    texts = [word for question in questions for word in question]
    if any("\0" in text for text in texts):
        return None
    asked, told = _texts(texts), _texts(words)
    rest = asked + told + phases + box
    lengths = (_HEAD + len(rest), len(asked), len(told), len(phases), len(box))
    head = MAGIC + b"".join(n.to_bytes(8, "little") for n in lengths) + key + answers
    return b"".join((head, blake2b(head + rest).digest(), rest))


def read(data: bytes, key: bytes) -> Entry | None:
    """The entry in a file's bytes; None where it is none, is damaged, or is another key's."""
    if len(data) < _HEAD or data[: len(MAGIC)] != MAGIC or data[_KEY_AT:_ANSWERS_AT] != key:
        return None
    whole, asked, told, phases, box = (
        int.from_bytes(data[at : at + 8], "little") for at in range(len(MAGIC), _KEY_AT, 8)
    )
    if whole != len(data) or whole != _HEAD + asked + told + phases + box:
        return None
    view = memoryview(data)
    found = blake2b(view[:_SUM_AT])
    found.update(view[_HEAD:])
    if found.digest() != data[_SUM_AT:_HEAD]:
        return None
    at = _HEAD + asked
    questions, words = _split(view[_HEAD:at]), _split(view[at : at + told])
    if questions is None or words is None or len(questions) % 2:
        return None
    pairs = iter(questions)
    at += told
    shown = bytes(view[at : at + phases])
    answers = data[_ANSWERS_AT:_SUM_AT]
    return Entry(tuple(zip(pairs, pairs)), answers, tuple(words), shown, view[at + phases :])


def _texts(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\0" for text in texts).encode("utf-8", "surrogatepass")


def _split(texts: memoryview) -> list[str] | None:
    """What `_texts` joined; None where it is nothing of the kind."""
    found = str(texts, "utf-8", "surrogatepass").split("\0")
    return None if found.pop() else found
