"""Namespaces that a spec names: their paths, their order, and clocks to the nanosecond."""

from __future__ import annotations

import pytest

from tests.spec.loading import HEAD, spec
from toyspec.spec.model import Join


def test_paths_are_the_host_s_relative_to_the_file_and_the_user_namespace_is_first() -> None:
    found = spec(
        HEAD + "namespaces: {pid: /proc/9/ns/pid, network: ./net, ipc: new, user: ~/ns/user}\n"
    )
    assert found.joined == (
        Join("namespaces.user", "user", "/home/me/ns/user"),
        Join("namespaces.network", "network", "/home/me/proj/net"),
        Join("namespaces.pid", "pid", "/proc/9/ns/pid"),
    )
    assert found.host_namespaces == frozenset()
    assert found.origin("namespaces.network").column == 44


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("host", None), ("new", ()), ("{}", ()), ("{boottime: 0}", ()),
        ("{boottime: 3600}", (("boottime", 3_600_000_000_000),)),
        ("{boottime: -0.5, monotonic: 1.000000001}",
         (("monotonic", 1_000_000_001), ("boottime", -500_000_000))),
        ("{monotonic: 1e3}", (("monotonic", 1_000_000_000_000),)),
    ],
)  # fmt: skip
def test_offsets_are_nanoseconds(text: str, wanted: object) -> None:
    assert spec(HEAD + f"namespaces: {{time: {text}}}\n").time_offsets == wanted


def test_without_any_time_is_the_host_s() -> None:
    assert spec(HEAD).time_offsets is None
    assert spec(HEAD).joined == ()
