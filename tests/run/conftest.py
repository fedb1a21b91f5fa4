"""Both ways of running a box: toyspec itself, and the file that it compiles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.run import boxes


@pytest.fixture(params=boxes.WAYS)
def either_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """What `up` gives runs by the executor, and then as a compiled box."""
    boxes.ways.append(request.param)
    yield
    boxes.ways.pop()
