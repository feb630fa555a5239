"""Where webhooks may go."""

from ipaddress import ip_address

import pytest

from swarm_core.notice.targets import Allowed, is_public, parse_allowed, parse_target, reachable
from swarm_protocol.errors import SwarmError

NOBODY = Allowed()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        *((private, False) for private in ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1")),
        *((special, False) for special in ("0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1")),
        *((local, False) for local in ("::1", "::", "fe80::1", "fc00::1", "ff02::1")),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("64:ff9b:1::5db8:d822", False),
        ("::127.0.0.1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_the_public_internet_is_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1/", "may not be reached"),
        ("https://[::ffff:127.0.0.1]/", "may not be reached"),
        ("https://169.254.169.254/latest/meta-data", "may not be reached"),
        ("http://hooks.example.org/", "plain http is not allowed here"),
        ("http://93.184.216.34/", "may not be reached"),
        ("https://user:pw@hooks.example.org/", "would be shown in listings"),
        ("ftp://hooks.example.org/", "https:// URL, or mail:ADDRESS"),
        ("hooks.example.org", "https:// URL, or mail:ADDRESS"),
        ("https://", "https:// URL, or mail:ADDRESS"),
        ("https://hooks.example.org:99999/", "no URL"),
        ("https://2130706433/x_y", "no host name"),
        ("https://a b.example/", "visible ASCII"),
        ("https://hooks.example.org/\r\nX: y", "visible ASCII"),
        ("https://hooks.example.org/#x", "after #"),
        ("https://hooks.example.org/" + "x" * 2000, "at most 2000"),
    ],
)
def test_a_url_that_will_not_do_is_refused_with_a_reason(url: str, said: str) -> None:
    if "2130706433" in url:  # digits alone are a name for us and an address for resolvers: seen when it is looked up
        target = parse_target(url, NOBODY)
        with pytest.raises(SwarmError, match="may not be reached"):
            reachable([ip_address("127.0.0.1")], target, NOBODY)
        return
    with pytest.raises(SwarmError, match=said) as error:
        parse_target(url, NOBODY)
    assert (error.value.code, error.value.field) == ("bad_request", "url")


def test_what_an_operator_names_may_be_private_and_plain() -> None:
    allowed = parse_allowed("10.1.0.0/16, Hooks.lan,::1")
    assert parse_target("http://10.1.2.3:8080/x?y=1", allowed).authority == "10.1.2.3:8080"
    assert parse_target("https://[::1]/", allowed).authority == "[::1]"
    named = parse_target("http://hooks.lan/", allowed)
    assert (named.port, named.path) == (80, "/")
    assert reachable([ip_address("192.168.0.9")], named, allowed)
    with pytest.raises(SwarmError, match=r"http to other.example.org \(192.168.0.9\) may not be reached"):
        reachable([ip_address("192.168.0.9")], parse_target("http://other.example.org/", allowed), allowed)


def test_of_several_addresses_only_good_ones_are_connected_to() -> None:
    target = parse_target("https://hooks.example.org/", NOBODY)
    both = [ip_address("127.0.0.1"), ip_address("93.184.216.34")]
    assert reachable(both, target, NOBODY) == [ip_address("93.184.216.34")]
    with pytest.raises(SwarmError, match="no address"):
        reachable([], target, NOBODY)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "300.1.1.1", "a b", "https://x"])
def test_a_wrong_allowance_is_named(text: str) -> None:
    with pytest.raises(SwarmError, match="SWARM_NOTIFY_ALLOW"):
        parse_allowed(f"10.0.0.0/8,{text}")
