"""An event as a person reads it, and what the command takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.events import _kinds, _moment, line
from swarm_consumer.models import Event

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def shown(kind: str, subject: str, what: str, actor: str, detail: dict[str, Any]) -> str:
    """The line without its time."""
    text = line(Event(cursor="", at=NOW, kind=kind, subject=subject, what=what, actor=actor, detail=detail))
    return text.split("  ", 1)[1]


def test_lines() -> None:
    moved = {"name": "train", "from": "queued", "to": "dispatched", "attempt": 1, "worker": "w", "worker_id": "x"}
    failed = {"from": "running", "to": "failed", "exit_code": 3, "reason": "exited with 3"}
    labels = {"name": "rack-7", "labels": {"gpu": "a100"}}
    for event, text in (
        (("job", "7", "state", "core:x", moved), "job 7 (train)  queued → dispatched  attempt=1 worker=w"),
        (("job", "7", "created", "user:ana", {"to": "queued"}), "job 7  created  by ana"),
        (
            ("job", "8", "created", "schedule:nightly", {"schedule": 3}),
            "job 8  created  schedule=3  by schedule nightly",
        ),
        (("job", "7", "state", "worker:x", failed), 'job 7  running → failed  exit_code=3 reason="exited with 3"'),
        (("image", "a:1", "removed", "user:ana", {"digest": "d"}), "image a:1  removed  digest=d  by ana"),
        (("worker", "x", "labelled", "user:ana", labels), 'worker x (rack-7)  labelled  labels={"gpu":"a100"}  by ana'),
    ):
        assert shown(*event) == text


def test_a_line_is_safe_for_a_terminal() -> None:
    hostile = {"name": "\x1b]0;title\x07", "reason": "a\nb"}
    assert not {"\x1b", "\x07", "\n"} & set(shown("job", "7", "created", "user:ana", hostile))


def test_since() -> None:
    assert _moment("1h", NOW) == NOW - timedelta(hours=1)
    assert _moment("2026-01-01T03:00:00+01:00", NOW) == datetime(2026, 1, 1, 2, tzinfo=UTC)
    for text in ("yesterday", "", "-1h"):
        with pytest.raises(UsageError, match="--since"):
            _moment(text, NOW)


def test_kinds() -> None:
    assert _kinds("job, worker") == ["job", "worker"]
    assert _kinds(None) == []
    with pytest.raises(UsageError, match="'cow' is none of job, worker, schedule, image"):
        _kinds("job,cow")
