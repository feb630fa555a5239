"""Where the web face listens, and which addresses are its own."""

import pytest

from swarm_commanddeck.web.address import Listen, Site, check_exposure, read_listen, read_public
from swarm_protocol.errors import SwarmError


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback", "shown"),
    [
        ("127.0.0.1:8900", "127.0.0.1", 8900, True, "127.0.0.1:8900"),
        ("127.9.9.9:1", "127.9.9.9", 1, True, "127.9.9.9:1"),
        ("localhost:80", "localhost", 80, True, "localhost:80"),
        ("[::1]:8900", "::1", 8900, True, "[::1]:8900"),
        (":8900", "0.0.0.0", 8900, False, "0.0.0.0:8900"),
        ("[::]:443", "::", 443, False, "[::]:443"),
        ("10.0.0.5:8900", "10.0.0.5", 8900, False, "10.0.0.5:8900"),
        ("deck.lan:8900", "deck.lan", 8900, False, "deck.lan:8900"),
        ("127.0.0.1.evil.example:80", "127.0.0.1.evil.example", 80, False, "127.0.0.1.evil.example:80"),
    ],
)
def test_addresses(text: str, host: str, port: int, loopback: bool, shown: str) -> None:
    found = read_listen(text)
    assert (found.host, found.port, found.loopback, str(found)) == (host, port, loopback, shown)


@pytest.mark.parametrize(
    "text", ["", "8900", "localhost", "localhost:", "a:b", "::1:8900", "[a]:1x", "h:65536", "h:-1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(SwarmError) as refused:
        read_listen(text)
    assert refused.value.field == "listen"
    assert refused.value.hint


def test_a_network_is_not_trusted_with_passwords() -> None:
    check_exposure(Listen("127.0.0.1", 1), tls=False, insecure=False)
    check_exposure(Listen("0.0.0.0", 1), tls=True, insecure=False)
    check_exposure(Listen("0.0.0.0", 1), tls=False, insecure=True)
    with pytest.raises(SwarmError, match="unencrypted"):
        check_exposure(Listen("0.0.0.0", 1), tls=False, insecure=False)


@pytest.mark.parametrize(
    ("site", "host", "origin"),
    [
        (Site("http", True), "localhost:8900", "http://localhost:8900"),
        (Site("http", True), "127.0.0.1:8900", "http://127.0.0.1:8900"),
        (Site("http", True), "[::1]:8900", "http://[::1]:8900"),
        (Site("http", True), "[::1]", "http://[::1]"),
        (Site("https", True), "LOCALHOST", "https://localhost"),
        (Site("http", True), "rebound.example:8900", None),
        (Site("http", True), "localhost.rebound.example:8900", None),
        (Site("http", True), "", None),
        (Site("https", False), "deck.lan:8900", "https://deck.lan:8900"),
        (Site("https", False), "", None),
        (Site("http", True, "https://deck.example.org"), "deck.example.org", "https://deck.example.org"),
        (Site("http", True, "https://deck.example.org"), "localhost:8900", None),
        (Site("http", True, "https://deck.example.org:444"), "deck.example.org:444", "https://deck.example.org:444"),
    ],
)
def test_whose_pages_are_ours(site: Site, host: str, origin: str | None) -> None:
    assert site.origin(host) == origin


def test_cookies_are_for_tls_where_browsers_use_it() -> None:
    assert not Site("http", True).secure
    assert Site("https", False).secure
    assert Site("http", True, "https://deck.example.org").secure


def test_the_address_behind_a_proxy() -> None:
    assert read_public(" https://Deck.example.org/ ") == "https://deck.example.org"
    for text in ("deck.example.org", "ftp://x", "https://x/deck", "https://x?y", "https://u@x"):
        with pytest.raises(SwarmError):
            read_public(text)
