"""What settings may be, as the core and whoever asks a person for a value read it."""

import math

import pytest

from swarm_protocol import setting_rules as rules
from swarm_protocol.setting_rules import Rule, RuleError, read

KEPT = rules.duration(3600, 3650 * 86400)
ROWS = rules.count(1000, 10**9)
ROLE = rules.choice("operator", "nobody")
LINK = Rule(type="url")


@pytest.mark.parametrize(
    ("rule", "given", "value"),
    [
        (KEPT, "30d", 30 * 86400.0),
        (KEPT, " 1h ", 3600.0),
        (KEPT, 7200, 7200.0),
        (KEPT, "3600", 3600.0),
        (ROWS, "1_000_000", 10**6),
        (ROWS, "1,000", 1000),
        (ROWS, 5000.0, 5000),
        (ROLE, "nobody", "nobody"),
        (LINK, "https://core.example.org:8443", "https://core.example.org:8443"),
        (LINK, "  ", ""),
    ],
)
def test_values_as_json_and_people_write_them(rule: Rule, given: object, value: object) -> None:
    found = read(rule, given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("rule", "given", "says"),
    [
        (KEPT, "59m", "a time from 1h to 3650d, written like 90s, 12h or 30d"),
        (KEPT, "soon", "a time from 1h to 3650d"),
        (KEPT, math.nan, "a time from 1h to 3650d"),
        (KEPT, math.inf, "a time from 1h to 3650d"),
        (KEPT, -1, "a time from 1h to 3650d"),
        (KEPT, True, "a time from 1h to 3650d"),
        (KEPT, None, "a time from 1h to 3650d"),
        (ROWS, 999, "a whole number from 1,000 to 1,000,000,000"),
        (ROWS, 1000.5, "a whole number"),
        (ROWS, "1e6", "a whole number"),
        (ROWS, "9" * 40, "a whole number"),
        (ROWS, math.inf, "a whole number"),
        (ROLE, "Operator", "one of operator, nobody"),
        (ROLE, 1, "one of operator, nobody"),
        (LINK, "http://core", "an https:// address, or empty"),
        (LINK, "https://", "an https:// address, or empty"),
        (LINK, "https://a b", "an https:// address, or empty"),
        (LINK, "https://core\x1b[31m", "an https:// address, or empty"),
        (Rule(type="text"), "x" * 501, "text of at most 500 characters in one line"),
    ],
)
def test_what_it_cannot_be_is_told_with_what_it_may(rule: Rule, given: object, says: str) -> None:
    with pytest.raises(RuleError, match=says):
        read(rule, given)


def test_how_values_are_shown() -> None:
    assert rules.shown(KEPT, 30 * 86400.0) == "30d"
    assert rules.shown(KEPT, 0.0) == "0s"
    assert rules.shown(ROWS, 10**6) == "1,000,000"
    assert rules.shown(ROLE, "nobody") == "nobody"
    assert rules.shown(LINK, None) == ""
    assert rules.range_of(ROLE) == "operator, nobody"
