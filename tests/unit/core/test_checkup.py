"""What is thought of a core and its servers."""

from typing import Any

import pytest

from swarm_core.checkup import (
    DatabaseFacts,
    UdpFacts,
    database,
    no_database,
    not_running,
    redis,
    seal_key,
    udp,
    udp_sockets,
)

FACTS: dict[str, Any] = {
    "where": "db:5432/swarm",
    "number": 160_002,
    "settings": {"fsync": "on", "full_page_writes": "on"},
    "connections": 20,
    "most": 100,
    "ahead": 0.1,
    "applied": ["0001_a.sql", "0002_b.sql"],
    "known": ["0001_a.sql", "0002_b.sql"],
}
SOCKETS = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  411: 0100007F:20FB 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 27036 2 0000000000000000 17
  412: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 27037 2 0000000000000000 5
"""


def test_a_database_that_is_well() -> None:
    found = database(DatabaseFacts(**FACTS))
    assert [(one.name, one.level) for one in found] == [
        ("database", "ok"), ("durability", "ok"), ("schema", "ok"), ("clock", "ok"),
    ]  # fmt: skip
    assert found[0].text == "Postgres 16.2 at db:5432/swarm, 20 of 100 connections in use"


@pytest.mark.parametrize(
    ("changes", "name", "level", "words"),
    [
        ({"number": 140_011}, "database", "fail", "Postgres 14.11 at db:5432/swarm is too old"),
        ({"connections": 90}, "database", "warn", "a core may need 16 more"),
        ({"settings": {"fsync": "off", "full_page_writes": "on"}}, "durability", "fail", "fsync=off: accepted jobs"),
        ({"settings": {}}, "durability", "fail", "fsync=None, full_page_writes=None"),
        ({"applied": ["0001_a.sql"]}, "schema", "warn", "0002_b.sql not applied yet"),
        ({"applied": ["0001_a.sql", "0002_b.sql", "0009_z.sql"]}, "schema", "fail", "has 0009_z.sql"),
        ({"ahead": 90.0}, "clock", "fail", "90 s behind the database's"),
    ],
)
def test_a_database_that_lacks_something(changes: dict[str, Any], name: str, level: str, words: str) -> None:
    found = {one.name: one for one in database(DatabaseFacts(**FACTS | changes))}[name]
    assert (found.level, words in found.text) == (level, True)
    assert found.remedy


def test_what_is_away() -> None:
    assert no_database("db", "refused").level == "fail"
    assert [redis("8.0", "").level, redis(None, "").level, redis(None, "refused").level] == ["ok", "ok", "warn"]
    assert not_running("127.0.0.1:8443", True).level == "warn"
    assert not_running("127.0.0.1:8443", False).level == "fail"


def test_the_socket_for_heartbeats() -> None:
    assert udp_sockets(SOCKETS, 8443) == (True, 17)
    assert udp_sockets(SOCKETS, 8444) == (False, 0)
    facts: dict[str, Any] = {"port": 8443, "bound": True, "drops": 0, "most": 8 << 20, "wanted": 8 << 20}
    assert udp(UdpFacts(**facts)).text == "port 8443, with a buffer of 8M"
    assert "will do up to some hundred workers" in udp(UdpFacts(**facts | {"most": 212_992})).text
    dropped = udp(UdpFacts(**facts | {"drops": 3}))
    assert (dropped.level, "net.core.rmem_max=8388608" in dropped.remedy) == ("warn", True)
    assert udp(UdpFacts(**facts | {"bound": False})).level == "fail"


@pytest.mark.parametrize(("mode", "level"), [(0o600, "ok"), (0o640, "warn"), (None, "fail")])
def test_the_key_of_the_secrets(mode: int | None, level: str) -> None:
    assert seal_key("/k", mode).level == level
