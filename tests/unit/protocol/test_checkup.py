"""Verdicts that more than one side gives."""

from dataclasses import replace

import pytest

from swarm_protocol.checkup import DAY, Answer, Finding, Level, certificate, clock, disk, of_core, version

NOW = 1_000_000.0
GOOD = Answer(
    address="core:8443",
    begins_at=NOW - 10 * DAY,
    ends_at=NOW + 80 * DAY,
    ca_ends_at=NOW + 3000 * DAY,
    ahead=0.4,
    version="1.0",
)
GIB = 1 << 30


def levels(found: list[Finding]) -> dict[str, str]:
    return {one.name: one.level.value for one in found}


def test_a_core_that_is_well() -> None:
    found = of_core(GOOD, now=NOW, mine="1.0")
    assert levels(found) == {"core": "ok", "certificate": "ok", "clock": "ok", "version": "ok"}
    assert [one.text for one in found][:2] == [
        "answers at core:8443",
        "from the CA that is pinned here, good for 80 days",
    ]
    assert not any(one.remedy for one in found)


def test_one_that_does_not_answer_says_nothing_else() -> None:
    [found] = of_core(Answer(address="core:8443", error="Connection refused"), now=NOW, mine="1.0")
    assert (found.name, found.level) == ("core", Level.FAIL)
    assert "TCP to its port" in found.remedy


def test_another_core_in_its_place() -> None:
    [found] = of_core(Answer(address="core:8443", untrusted="self-signed certificate"), now=NOW, mine="1.0")
    assert (found.name, found.level) == ("certificate", Level.FAIL)
    assert "somebody stands in between" in found.remedy


def test_parts_that_do_not_run_and_another_version() -> None:
    found = of_core(replace(GOOD, down=["fleet", "leases"], version="2.0"), now=NOW, mine="1.0")
    assert levels(found) == {"core": "warn", "certificate": "ok", "clock": "ok", "version": "warn"}
    assert "fleet, leases" in found[0].text


def test_certificates_near_their_end() -> None:
    late = certificate(replace(GOOD, ends_at=NOW + 2.5 * 3600), NOW)
    assert (late.level, "ends in 2 hours" in late.text) == (Level.WARN, True)
    short = replace(GOOD, begins_at=NOW - 3600, ends_at=NOW + 7200)
    assert certificate(short, NOW).level is Level.OK, "what is short by choice is not late"
    assert "CA that is pinned here ends in 20 days" in certificate(replace(GOOD, ca_ends_at=NOW + 20 * DAY), NOW).text


@pytest.mark.parametrize(
    ("ahead", "level", "words"),
    [
        (0.0, "ok", "within 1 s of the core's"),
        (-4.2, "ok", "within 4 s"),
        (12.0, "warn", "this machine's is 12 s behind the core's"),
        (-59.0, "warn", "59 s ahead of the core's"),
        (3600.0, "fail", "3600 s behind"),
    ],
)
def test_clocks(ahead: float, level: str, words: str) -> None:
    found = clock("clock", ahead, "the core's")
    assert (found.level.value, words in found.text) == (level, True)
    assert ("NTP" in found.remedy) == (level != "ok")


@pytest.mark.parametrize(
    ("free", "total", "level"),
    [
        (100 * GIB, 200 * GIB, "ok"),
        (30 * GIB, 1000 * GIB, "ok"),
        (10 * GIB, 20 * GIB, "ok"),
        (10 * GIB, 1000 * GIB, "warn"),
        (3 * GIB, 4 * GIB, "warn"),
        (GIB // 4, GIB, "fail"),
    ],
)
def test_disks(free: int, total: int, level: str) -> None:
    assert disk("disk", "/data", free, total).level.value == level


def test_an_unknown_version() -> None:
    assert version("", "1.0").text == "1.0 here, unknown at the core"
