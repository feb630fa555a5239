"""A line is one line, in a file, as logfmt and as a row, whatever is in it."""

from datetime import UTC, datetime
from uuid import UUID

from swarm_core.syslog.levels import Level
from swarm_core.syslog.line import MOST, Line, columns, logfmt, storable

WORKER = UUID("0193f6a0-0000-7000-8000-000000000000")


def test_a_line_is_one_line() -> None:
    fields = {"a": 1, "b": "two words", "c": "x\ny\x1b[31m", "d": "", "e": "x\u202ey"}
    made = Line(0.5, Level.SUCCESS, "gateway", 'says "hi"', fields, ("t",)).text()
    assert made == (
        '1970-01-01T00:00:00.500Z success gateway "says \\"hi\\"" a=1 b="two words" c="x\\ny\\u001b[31m" d="" '
        'e="x\\u202ey" tags=t\n'
    )


def test_in_logfmt_everything_has_a_key() -> None:
    at = datetime(2026, 11, 25, 21, 0, 0, 123456, UTC)
    made = logfmt(at, "warning", "leases", "a lease\nran out", {"worker": WORKER, "n": None}, ["x", "y"])
    assert made == (
        f'at=2026-11-25T21:00:00.123Z level=warning module=leases msg="a lease\\nran out" worker={WORKER} n=None '
        "tags=x,y\n"
    )


def test_a_job_and_a_worker_are_found_by_columns_of_their_own() -> None:
    made = columns({"job": 7, "worker": str(WORKER), "attempt": 2, "path": object, "ok": True, "none": None})
    assert (made.job, made.worker) == (7, WORKER)
    assert made.fields == {"attempt": 2, "path": "<class 'object'>", "ok": True, "none": None}


def test_what_is_no_job_and_no_worker_stays_a_field() -> None:
    made = columns({"job": "nightly", "worker": "w1"})
    assert (made.job, made.worker, made.fields) == (None, None, {"job": "nightly", "worker": "w1"})
    assert columns({"job": 1 << 63}).job is None
    assert columns({"worker": None}).fields == {"worker": None}


def test_a_database_takes_any_text() -> None:
    assert storable("a\0b\udcffc") == "a\\0b\\udcffc"
    assert len(storable("x" * 10_000)) == MOST
