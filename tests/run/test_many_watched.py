"""Thousands of writable binds in one box: what each of them watches is still looked at."""

from __future__ import annotations

from pathlib import Path

from tests.product import Product


def many(product: Product, count: int) -> Path:
    """The spec; of each bind the first name in reach is written by the box's command."""
    directory = product.directory()
    names = [f"d{number:05}" for number in range(count)]
    for name in names:
        (directory / "top" / name / ".vscode").mkdir(parents=True)
    product.own(directory)
    binds = "".join(f"- top/{name}:/m/{name}:rw\n" for name in names)
    text = f"version: 1\nsystem: host\nbinds:\n{binds}init: [touch, /m/{names[-1]}/.envrc]\n"
    return product.write(directory / "many.yaml", text)


def test_a_name_that_came_is_said(product: Product) -> None:
    source = many(product, 3000)
    done = product.run(["up", "-q", source], timeout=300)
    top = source.parent / "top/d02999"
    told = (
        f"while the box ran, .envrc appeared in {top}: look at it before you run anything there\n"
    )
    assert (done.returncode, done.stderr) == (0, f"toyspec: {told}")
