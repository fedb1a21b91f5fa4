"""A box that is left to itself and does not come up: why is said as by `run`."""

from __future__ import annotations

from tests.product import Product


def test_what_is_likely_and_what_to_do_is_said(product: Product) -> None:
    directory = product.directory()
    text = "version: 1\nname: advised\nsystem: host\nworking_dir: /nope\ninit: [sleep, '1']\n"
    spec = product.write(directory / "box.yaml", text)
    ends = []
    for words in (["run", "-f", str(spec)], ["up", "-d", "-f", str(spec)]):
        done = product.as_user([*product.toyspec, *words], cwd=directory)
        assert done.returncode == 125, done.stderr
        ends.append(done.stderr.partition("    which is:")[2])
    assert "likely cause: /nope is not there in the box" in ends[0]
    assert "what to do: " in ends[0]
    assert ends[0] == ends[1]
