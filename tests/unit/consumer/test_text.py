"""What is safe to print, and how it is laid out."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from swarm_consumer.cli.text import age, clean, columns


@given(st.text())
def test_nothing_that_a_terminal_acts_on_is_left(text: str) -> None:
    shown = clean(text)
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in shown)
    shown.encode()


def test_escapes_and_direction_marks_are_visible() -> None:
    assert clean("a\x1b]0;title\x07b\nc\u202ed") == "a�]0;title�b c�d"


def test_columns_are_aligned() -> None:
    assert columns(("A", "B"), [("long", 1), ("x", "two")]) == "A     B\nlong  1\nx     two\n"


def test_ages() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert age(now - timedelta(seconds=5), now) == "5s ago"
    assert age(now - timedelta(hours=30), now) == "1d ago"
    assert age(now + timedelta(minutes=2), now) == "in 2m"
    assert age(None) == ""
