"""The SDK's and the command's side of the system's log: pages that may be empty, and lines that steer no terminal."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import msgspec
import pytest

from swarm_consumer.cli.syslog_line import shown
from swarm_consumer.models import SyslogLine
from swarm_consumer.syslog import Syslog, SyslogFilter
from swarm_consumer.times import past_time
from swarm_consumer.transport import Call, Transport
from swarm_protocol.quantities import QuantityError

NOW = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)
T = TypeVar("T")


def line(number: int, **more: Any) -> dict[str, Any]:
    given = {"id": number, "at": NOW, "level": "info", "module": "core", "message": f"line {number}"}
    return given | more


class Script:
    """A transport that gives prepared answers, and keeps what was asked for."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, str]] = []

    async def get(self, kind: type[T], call: Call) -> T:
        self.asked.append(dict(call.query))
        return msgspec.convert(self._answers.pop(0), kind)


def syslog(script: Script) -> Syslog:
    return Syslog(cast(Transport, script))


async def test_the_newest_lines_are_gathered_over_pages_that_had_few() -> None:
    script = Script(
        {"items": [line(9)], "next": "a", "head": 9},
        {"items": [], "next": "b", "head": 12},
        {"items": [line(3), line(2)], "next": "c", "head": 12},
    )
    found = await syslog(script).recent(SyslogFilter(level="warning", since=NOW), count=3)
    assert ([each.id for each in found.lines], found.head) == ([2, 3, 9], 9)
    assert [(each.get("cursor"), each["limit"]) for each in script.asked] == [(None, "3"), ("a", "2"), ("b", "2")]
    assert all(each["since"] == NOW.isoformat() for each in script.asked)


async def test_lines_end_with_the_last_page() -> None:
    script = Script({"items": [line(1)], "next": "a"}, {"items": [line(2)], "next": None})
    assert [each.id async for each in syslog(script).lines(limit=None, oldest_first=True)] == [1, 2]
    assert script.asked[0]["order"] == "oldest"


async def test_following_goes_on_from_where_the_core_looked_up_to() -> None:
    script = Script(
        {"items": [], "next": None, "head": 7},
        {"items": [], "next": 20},
        {"items": [line(21), line(22)], "next": 22},
    )
    seen = []
    async for each in syslog(script).follow(SyslogFilter(job=3, since=NOW)):
        seen.append(each.id)
        if len(seen) == 2:
            break
    assert seen == [21, 22]
    assert [each.get("after") for each in script.asked] == [None, "7", "20"]
    assert "since" not in script.asked[1]


def test_a_line_is_one_line_and_steers_no_terminal() -> None:
    fields = {"reason": "a b", "n": 3, "gone": None, "esc": "\x1b]0;title\x07"}
    hostile = SyslogLine(**line(1, message="x\ny\x1b[31m", level="error", job=7, fields=fields, tags=["t\x9b"]))
    text = shown(hostile, colour=False)
    assert text.count("\n") == 1
    assert not any(c in text for c in "\x1b\x07\x9b")
    assert text.endswith('error   core        x y�[31m  job=7 reason="a b" n=3 esc=�]0;title� [t�]\n')


def test_the_level_alone_has_a_colour() -> None:
    text = shown(SyslogLine(**line(1, level="warning")), colour=True)
    assert "\x1b[33mwarning\x1b[0m core" in text
    assert text.count("\x1b") == 2
    assert "\x1b" not in shown(SyslogLine(**line(1)), colour=True)


def test_a_time_in_the_past() -> None:
    assert past_time("1h30m", NOW) == NOW - timedelta(minutes=90)
    assert past_time("2026-11-25T12:00:00Z", NOW) == datetime(2026, 11, 25, 12, tzinfo=UTC)
    for wrong in ("soon", "2026-99-99 10:00", "999999999999d"):
        with pytest.raises(QuantityError, match="is no time"):
            past_time(wrong, NOW)
