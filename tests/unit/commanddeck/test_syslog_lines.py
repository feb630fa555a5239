"""A line of the system's log in the deck: cut or wrapped, in every width, with nothing that steers a terminal."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len

from swarm_commanddeck.syslog_lines import Shape, as_text, details, draw
from swarm_consumer.models import SyslogLine

AT = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)


def line(message: str = "a worker's lease ran out", **more: Any) -> SyslogLine:
    given: dict[str, Any] = {"id": 7, "at": AT, "level": "warning", "module": "leases", "core": "c"} | more
    return SyslogLine(message=message, **given)


def texts(of: SyslogLine, shape: Shape) -> list[str]:
    return ["".join(text for text, _ in pieces) for pieces in draw(of, shape)]


def test_one_line_has_level_module_words_and_fields() -> None:
    [text] = texts(line(job=3, fields={"name": "rack 7"}, tags=["flood"]), Shape(80))
    assert "! warning" in text
    assert "leases" in text
    assert 'a worker\'s lease ran out  job=3 name="rack 7" [flood]' in text


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("message", ["short", "long " * 60, "深い" * 70, "x" * 500])
def test_wrapped_lines_fit_and_lose_nothing(width: int, message: str) -> None:
    of = line(message, job=3)
    shown = draw(of, Shape(width, wrap=True))
    assert all(cell_len("".join(text for text, _ in pieces)) <= width for pieces in shown)
    assert "".join(text for pieces in shown for text, _ in pieces[-2:]).replace(" ", "") == (
        f"{message}job=3".replace(" ", "")
    )


@pytest.mark.parametrize("level", ["debug", "info", "success", "warning", "error", "fatal", "later"])
def test_each_level_has_a_word(level: str) -> None:
    [text] = texts(line(level=level), Shape(100))
    assert level in text.lower()


def test_nothing_steers_a_terminal() -> None:
    hostile = line("x\ny\x1b[2J", module="a\x9bb", fields={"k": "\x07"}, tags=["\x1b]0;t\x07"])
    found = [*texts(hostile, Shape(80)), *texts(hostile, Shape(60, wrap=True)), as_text(hostile)]
    assert not any(c in text for text in found for c in "\x1b\x07\x9b\n")


def test_details_have_every_field() -> None:
    found = details(line(job=3, worker="w", fields={"n": 1}))
    assert {"job = 3", "worker = w", "n = 1", "level   warning", "number  7"} <= set(found)
