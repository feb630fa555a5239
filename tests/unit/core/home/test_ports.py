"""Ports: kept ones, free ones, and the core's."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarm_core.home.ports import HOST, core_port, free_port, is_free, kept_port
from swarm_protocol.errors import SwarmError


@pytest.fixture(params=[socket.SOCK_STREAM, socket.SOCK_DGRAM])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port that someone has on TCP, then on UDP."""
    with socket.socket(socket.AF_INET, request.param) as other:
        other.bind((HOST, 0))
        if request.param == socket.SOCK_STREAM:
            other.listen()
        yield int(other.getsockname()[1])


def test_a_port_asked_for_must_be_free_on_both(taken: int) -> None:
    with pytest.raises(SwarmError, match=f"port {taken} is taken") as caught:
        core_port(taken, None)
    assert "--port" in (caught.value.hint or "")


def test_one_remembered_gives_way_and_says_so(taken: int) -> None:
    chosen = core_port(None, taken)
    assert chosen.number != taken
    assert str(taken) in chosen.note
    assert str(chosen.number) in chosen.note
    assert is_free(chosen.number, udp=True)
    chosen.release()


def test_one_that_is_free_is_taken_silently() -> None:
    port = free_port(udp=True)
    for given, remembered in ((port, None), (None, port)):
        chosen = core_port(given, remembered)
        assert (chosen.number, chosen.note) == (port, "")
        chosen.release()


def test_homes_that_start_at_once_never_choose_the_same() -> None:
    """Between the choice and the core's own bind the port is free to look at: the claim keeps it."""
    port = free_port(udp=True)
    first = core_port(None, port)
    second = core_port(None, port)
    with pytest.raises(SwarmError, match="is taken"):
        core_port(port, None)
    assert first.number == port != second.number
    first.release()
    again = core_port(port, None)
    assert again.number == port
    again.release()
    second.release()


def test_a_servers_port_is_kept(tmp_path: Path) -> None:
    port = kept_port(tmp_path / "port")
    assert kept_port(tmp_path / "port") == port
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        assert kept_port(tmp_path / "port") != port


@pytest.mark.parametrize("text", ["", "no", "70000", "-1"])
def test_a_spoilt_port_file_is_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "port").write_text(text)
    assert 0 < kept_port(tmp_path / "port") < 65536


def test_a_server_leaves_the_port_that_a_core_is_about_to_have(tmp_path: Path) -> None:
    core = core_port(None, free_port(udp=True))
    (tmp_path / "port").write_text(f"{core.number}\n")
    try:
        assert kept_port(tmp_path / "port") != core.number
    finally:
        core.release()


def test_a_port_that_the_system_offers_is_left_to_the_core_that_claimed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = core_port(None, free_port(udp=True))
    other = free_port()
    offers = iter([core.number, other])
    monkeypatch.setattr("swarm_core.home.ports.free_port", lambda: next(offers))
    try:
        assert kept_port(tmp_path / "port") == other
    finally:
        core.release()
