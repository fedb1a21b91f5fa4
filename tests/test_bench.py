"""The bench measures, in each of its modes, and says so. How fast things are is no test's matter."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from bench import page, show
from bench.equal import differences
from bench.run import Bench
from bench.verdict import verdicts
from bench.words import without_user
from bench.words import words as bench_words
from tests import tools
from tests.product import Product, Word
from tests.run.boxes import eventually

PEERS = "limit,bubblewrap"
SMALL = ("--runs", "2", "--binds", "10", "--crowd", "3", "--boxes", "3", "--most", "10")


def measured(product: Product, mode: str, peers: str = PEERS) -> tuple[dict[str, Any], str]:
    """The result of one mode as data, and as it is printed."""
    tools.need("bwrap", "gcc")
    file = product.directory() / "result.json"
    words: list[Word] = ["-m", "bench", "--only", mode, "--peers", peers, "--json", file, *SMALL]
    done = product.as_user([product.python, *words], timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    result: dict[str, Any] = json.loads(file.read_text())
    assert result["absent"] == {}
    assert done.stdout == show.text(result) + "\n"
    return result, done.stdout


def test_one_box(product: Product) -> None:
    result, text = measured(product, "single", PEERS + ",toyspec compiled")
    assert result["runs"] == 2
    for name in ("limit", "bubblewrap", "toyspec compiled", "python -c pass"):
        figure = result["single"][name]
        assert 0 < figure["least"] <= figure["median"]
        assert figure["runs"] == 2
        assert f"\n{name} " in text
    ours = result["differences"]
    assert ours["limit"] == ours["toyspec compiled"] == []
    assert all("namespace" not in each for each in ours["bubblewrap"])


def test_growth_with_binds(product: Product) -> None:
    result, _ = measured(product, "growth")
    for name in PEERS.split(","):
        assert [point["binds"] for point in result["growth"][name]] == [1, 10]
        assert all(point["ms"] > 0 for point in result["growth"][name])


def test_boxes_at_once(product: Product) -> None:
    result, _ = measured(product, "crowds")
    for name in PEERS.split(","):
        assert all(result["crowds"][name][workers] > 0 for workers in ("1", "2", "16"))


def test_memory(product: Product) -> None:
    result, _ = measured(product, "memory")
    limit, bubblewrap = (result["memory"][name] for name in PEERS.split(","))
    assert [each["program"] for each in limit] == ["limit", "limit"]
    assert [each["program"] for each in bubblewrap] == ["bwrap"]
    assert all(each["kB"] > 0 for each in limit + bubblewrap)


def test_boxes_alive(product: Product) -> None:
    result, text = measured(product, "alive")
    assert "\n\n3 boxes alive\nlimit  " in text
    assert " processors, " in text.splitlines()[0]
    assert result["alive"]["limit"]["processes"] == 9
    assert result["alive"]["bubblewrap"]["processes"] == 6


def test_the_trace_on_a_terminal(product: Product) -> None:
    result, _ = measured(product, "trace")
    assert result["trace"]["with the trace"]["median"] > 0
    assert result["trace"]["without"]["median"] > 0


def test_the_parts_of_a_box(product: Product) -> None:
    result, _ = measured(product, "parts", "limit")
    assert len(result["parts"]) > 5
    assert all(each["median"] > 0 for each in result["parts"].values())


@pytest.mark.parametrize("words", [["--runs", "2"], ["--only", "all"]])
def test_it_is_for_ordinary_users_and_known_modes(as_root: Product, words: list[str]) -> None:
    done = as_root.as_user([as_root.python, "-m", "bench", *words])
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--peers", "limit,nosuch"], "no peer nosuch; of limit, toyspec compiled"),
        (["--only", "single,all"], "no mode all; of single, growth"),
        (["--runs", "0"], "argument --runs: '0' is no number from 1 on"),
        (["--runs", "-1"], "argument --runs: '-1' is no number from 1 on"),
        (["--crowd", "0"], "argument --crowd: '0' is no number from 1 on"),
        (["--most", "0"], "argument --most: "),
        (["--json", "/nonexistent/x"], "--json /nonexistent/x: No such file or directory"),
        (["--json", "/"], "--json /: Is a directory"),
        (["--as-root"], "--user and --as-root are for root"),
        (["--user", "me"], "--user and --as-root are for root"),
    ],
)
def test_words_are_judged_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SystemExit) as ended:
        bench_words(words, "")
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_result_that_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("kept")
    for name in ("there", "new"):
        assert bench_words(["--json", str(tmp_path / name)], "").json == str(tmp_path / name)
    assert os.listdir(tmp_path) == ["there"]
    assert (tmp_path / "there").read_text() == "kept"


def test_who_root_became_is_not_asked_again() -> None:
    assert without_user(["--runs", "2", "--user", "me", "--only", "x"]) == [
        "--runs",
        "2",
        "--only",
        "x",
    ]
    assert without_user(["--user=me", "--runs", "2"]) == ["--runs", "2"]


def test_nothing_is_left_by_one_that_is_ended(product: Product) -> None:
    tools.need("gcc")
    place = product.directory()
    words: list[Word] = [product.python, "-m", "bench", "--only", "single", "--peers", "limit"]
    process = product.popen(words, env={"TMPDIR": str(place)}, program=True)
    eventually(lambda: list(place.glob("bench-*/single")))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    process.communicate()
    assert list(place.iterdir()) == []


def test_a_page_is_of_a_whole_run() -> None:
    result, _ = page.kept()
    assert page.incomplete(result) == []
    part = {name: each for name, each in result.items() if name != "growth"}
    part["single"] = {"limit": result["single"]["limit"]}
    assert page.incomplete(part) == ["growth", "bubblewrap"]


def test_a_difference_is_told_in_words() -> None:
    reference = {"mount /usr": "ext4 ro", "mount /a": "tmpfs", "mount /b": "tmpfs", "PID": "1"}
    assert differences(reference, reference) == []
    other = {"mount /usr": "ext4 ro", "mount /a": "ext4", "mount /b": "ext4", "PID": "2", "x": "y"}
    assert differences(other, reference) == [
        "PID: 2 (not 1)",
        "mount /a, mount /b: ext4 (not tmpfs)",
        "x: y (not absent)",
    ]
    assert differences({"PID": "1"}, reference) == [
        "root, with all that is mounted there: the host's"
    ]


def test_a_peer_without_a_box_takes_no_part(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(product.directory()))
    bench = Bench(product.directory(), {}, ["bubblewrap", "crun"])
    assert bench.peers == []
    assert bench.absent == {"bubblewrap": "bwrap not on PATH", "crun": "crun not on PATH"}


def test_the_page_is_that_of_the_result() -> None:
    for path, text in page.files(*page.kept()).items():
        assert path.read_text() == text, f"{path.name}: python -m bench.page writes it anew"


def test_what_root_measured_is_told_besides() -> None:
    result, _ = page.kept()
    text = page.measured(result, result)
    assert (
        text.count("| toyspec compiled | ")
        == page.measured(result).count("| toyspec compiled | ") + 1
    )
    assert "### One box, by root" in text


def test_what_has_to_hold_is_judged_by_its_bound() -> None:
    result: dict[str, Any] = {
        "single": {
            "toyspec compiled": {"median": 2.0},
            "limit": {"median": 1.9},
            "bubblewrap": {"median": 3.0},
        },
        "memory": {"toyspec compiled": [{"program": "box", "kB": 20.0}]},
        "growth": {
            "toyspec compiled": [
                {"binds": 1, "ms": 1.0}, {"binds": 100, "ms": 100.0}, {"binds": 10000, "ms": 10000.0},
            ],
        },
    }  # fmt: skip
    judged = {each.claim: each.holds for each in verdicts(result)}
    assert judged["compiled / bubblewrap"] is False
    assert judged["compiled / limit"] is True
    assert judged["largest Pss of a compiled box's waiting process"] is True
    assert judged["compiled: a bind of 10 000 / a bind of 100"] is True
    assert judged["up, warm / crun"] is None
