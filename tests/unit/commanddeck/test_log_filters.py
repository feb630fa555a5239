"""Filters as one types them: of the system's log and of a conversation."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from swarm_commanddeck import message_filter, syslog_filter
from swarm_commanddeck.terms import Term, terms_of
from swarm_consumer.interactions import Message
from swarm_consumer.syslog import SyslogFilter

NOW = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)


def test_words_are_told_apart() -> None:
    assert terms_of('level:warning -kind:log "two words" text:"a b" plain') == [
        Term("level", "warning", False),
        Term("kind", "log", True),
        Term("", "two words", False),
        Term("text", "a b", False),
        Term("", "plain", False),
    ]
    assert terms_of("  ") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"open', "a quote is not closed"),
        ("level:", "level: wants a value right after it"),
        ("levl:info", "did you mean level:?"),
        ("zebra:red", "there are level:, module:"),
        ("level:loud", "level:loud is no level; there are debug"),
        ("job:x", "job:x is no job"),
        ("job:1 job:2", "job: stands twice"),
        ("since:soon", "'soon' is no time; write 2h (ago)"),
        ("since:1h until:2h", "since: is after until:"),
        ("-module:x", "can't be searched for what is not there"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        syslog_filter.parse(text, NOW)


def test_a_filter_of_the_log() -> None:
    found = syslog_filter.parse('level:warn module:gateway job:7 worker:rack-7 since:2h lease "ran out"', NOW)
    assert found == SyslogFilter(
        level="warning", module="gateway", job=7, worker="rack-7", text="lease ran out", since=NOW - timedelta(hours=2)
    )
    assert syslog_filter.parse("", NOW) == SyslogFilter()


def test_times() -> None:
    local = NOW.astimezone()
    minutes = local - timedelta(minutes=30)
    assert syslog_filter.moment(minutes.strftime("%H:%M"), NOW) == minutes.replace(second=0)
    ahead = local + timedelta(minutes=30)
    assert syslog_filter.moment(ahead.strftime("%H:%M"), NOW) == ahead.replace(second=0) - timedelta(days=1)
    assert syslog_filter.moment("90m", NOW) == NOW - timedelta(minutes=90)
    assert syslog_filter.moment("2026-11-28", NOW).astimezone().strftime("%Y-%m-%d %H:%M") == "2026-11-28 00:00"
    assert syslog_filter.moment("2026-11-28T01:02:03Z", NOW) == datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)


def message(kind: str, **more: Any) -> Message:
    given: dict[str, Any] = {"seq": 1, "sender": "core", "receiver": "worker", "job": 7, "attempt": 1} | more
    return Message(at=NOW, kind=kind, **given)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", [True, True, True]),
        ("kind:assign,log", [True, True, False]),
        ("-kind:log", [True, False, True]),
        ("job:7", [True, False, True]),
        ("refused", [False, False, True]),
        ("history", [False, True, False]),
        ("from:worker", [False, True, True]),
        ("to:worker attempt:1", [True, False, False]),
        ("start", [False, False, True]),
        ("-start job:7", [True, False, False]),
    ],
)
def test_a_filter_of_messages(text: str, fits: list[bool]) -> None:
    three = [
        message("assign"),
        message("log", job=8, seq=None, sender="worker", receiver="core"),
        message("started", refused=True, sender="worker", receiver="core"),
    ]
    assert [message_filter.parse(text)(each) for each in three] == fits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kid:assign", "did you mean kind:?"),
        ("job:x", "job:x is no number"),
        ("from:nobody", "there are consumer, core, worker, engine"),
        ("kind:,", "wants one or more kinds"),
    ],
)
def test_what_is_wrong_with_a_filter_of_messages_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        message_filter.parse(text)
