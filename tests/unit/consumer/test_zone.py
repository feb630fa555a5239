"""The time zone of this machine."""

import os

import pytest

from swarm_consumer.zone import local_zone


def test_the_variable_counts_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert local_zone() == "Asia/Tokyo"


@pytest.mark.parametrize("given", ["", "CET-1CEST", "/etc/localtime", "../x/y"])
def test_then_the_link(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", given)
    monkeypatch.setattr(os.path, "realpath", lambda _: "/usr/share/zoneinfo/America/Lima")
    assert local_zone() == "America/Lima"


def test_then_what_is_written_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(os.path, "realpath", lambda _: "/etc/localtime")
    monkeypatch.setattr("swarm_consumer.zone.Path.read_text", lambda _: "Europe/Oslo\n")
    assert local_zone() == "Europe/Oslo"
    monkeypatch.setattr("swarm_consumer.zone.Path.read_text", lambda _: "nothing\n")
    assert local_zone() == "UTC"
