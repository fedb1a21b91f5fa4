"""Write the golden plans anew: `python -m tests.golden.update`. Then read the diff: it is the review."""

from __future__ import annotations

from tests.golden.plans import GOLDEN, golden, text, wanted


def main() -> None:
    """Every golden file; one that nothing wants any more goes."""
    kept = set()
    for host, name, form in wanted():
        path = golden(host, name, form)
        kept.add(path)
        new = text(host, name, form).encode()
        if not path.exists() or path.read_bytes() != new:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(new)
            print(f"written {path.relative_to(GOLDEN)}")
    for path in sorted({*GOLDEN.glob("*/*.txt"), *GOLDEN.glob("*/*.json")} - kept):
        path.unlink()
        print(f"removed {path.relative_to(GOLDEN)}")


if __name__ == "__main__":
    main()
