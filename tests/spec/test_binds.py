from __future__ import annotations

import pytest

from tests.spec.loading import HEAD, problems, spec
from toyspec.spec.binds import OPTIONS, split
from toyspec.spec.wrong import Wrong


@pytest.mark.parametrize(
    ("text", "source", "target", "options"),
    [
        ("/a", "/a", None, ""),
        ("/a:rw", "/a", None, "rw"),
        ("/a:/b", "/a", "/b", ""),
        ("./a:/b:rw,dev", "./a", "/b", "rw dev"),
        ("${A:-x:y}/z:/b:ro", "${A:-x:y}/z", "/b", "ro"),
        ("/a:${T}:rw", "/a", "${T}", "rw"),
        ("/a:${T}", "/a", "${T}", ""),
        ("$$:/b", "$$", "/b", ""),
    ],
)
def test_the_parts(text: str, source: str, target: str | None, options: str) -> None:
    short = split(text)
    assert short.source.text == source
    assert (short.target and short.target.text) == target
    assert short.options == set(options.split())
    assert text[short.source.start : short.source.end] == source


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("/a:/b:r0", "unknown option `r0`", "r0"),
        ("./src:/src:readonly", "unknown option `readonly`", "readonly"),
        ("/a:/b:rw,ro", "both `ro` and `rw`", "ro"),
        ("/a:/b:rw,rw", "the option `rw` twice", "rw"),
        ("/a:/b:z", "the option `z`", "z"),
        ("/a:/b:", "an empty option", ":"),
        ("/a:/b:${O}", "an option cannot be a variable", "${O}"),
        ("/a:b:c", "the target `b` is not absolute", "b"),
        ("/a:./b", "the target `./b` is not absolute", "./b"),
        (":/b", "no source before the colon", ":"),
        ("/a:/b:/c", "too many colons in `/a:/b:/c`", None),
        ("/a:b:/c:rw", "too many colons in `/a:b:/c:rw`", None),
        ("x" * 20000, "a bind longer than 16384 characters", None),
    ],
)
def test_what_is_refused(text: str, message: str, at: str | None) -> None:
    with pytest.raises(Wrong) as caught:
        split(text)
    wrong = caught.value
    assert wrong.message == message
    if at is not None and at != ":":
        assert text[wrong.start : wrong.end] == at


def test_what_could_be_a_target_is_told_how_targets_begin() -> None:
    (problem,) = problems(HEAD + "binds: ['/tmp:x']\n")
    assert problem.help == "a target begins with `/`"
    (problem,) = problems(HEAD + "binds: ['/tmp:/x:y']\n")
    assert problem.help == ""


def test_a_path_with_a_colon_is_shown_in_the_long_form() -> None:
    (problem,) = problems(HEAD + "binds: ['/a:b:/c:rw']\n")
    assert problem.help == (
        'a path with a colon needs the long form: {source: "/a:b", target: "/c", read_only: false}'
    )
    good = problem.help.partition("form: ")[2]
    (bind,) = spec(HEAD + f"binds: [{good}]\n").binds
    assert (bind.source, bind.target, bind.writable) == ("/a:b", "/c", True)


def test_a_variable_never_adds_a_part() -> None:
    """WIDE is `/a:/b:rw`: it becomes one odd path, and nothing becomes writable."""
    (bind,) = spec(HEAD + 'binds: ["${WIDE}:/t"]\n').binds
    assert (bind.source, bind.target, bind.writable) == ("/a:/b:rw", "/t", False)
    (bind,) = spec(HEAD + 'binds: ["/s:${WIDE}"]\n').binds
    assert (bind.target, bind.writable) == ("/a:/b:rw", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "no target"),
        ("~/x", "no target"),
        (".", "no target"),
        ("~you:/x", "`~you`: `~` stands alone or before `/`"),
        ("a/../b:/x", "`..` after a name in `a/../b`"),
        ("/s:${X}", "`ex` is not an absolute path"),
        ("${EMPTY}:/x", "an empty path"),
        (f"/{'x' * 256}", "a name longer than 255 bytes in a path"),
        ("/x" * 2048, "a path longer than 4095 bytes"),
    ],
)
def test_paths_that_are_refused(text: str, message: str) -> None:
    assert [p.message for p in problems(HEAD + f'binds: ["{text}"]\n')] == [message]


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("${HOME}/x", "/home/me/x", "/home/me/x"),
        ("~:/h", "/home/me", "/h"),
        (".:/w", "/home/me/proj", "/w"),
        ("./a//b/./c:/w/", "/home/me/proj/a/b/c", "/w"),
        ("../../x:/w", "/home/x", "/w"),
        ("../../../../../x:/w", "/x", "/w"),
        ("/:/host", "/", "/host"),
        ("/a/$$b:/w", "/a/$b", "/w"),
    ],
)
def test_paths(text: str, source: str, target: str) -> None:
    (bind,) = spec(HEAD + f'binds: ["{text}"]\n').binds
    assert (bind.source, bind.target) == (source, target)


def test_every_option_is_in_the_schema_s_words() -> None:
    from toyspec.spec.schema import schema

    described = schema()["definitions"]["shortBind"]["description"]
    assert all(option in described for option in OPTIONS)
