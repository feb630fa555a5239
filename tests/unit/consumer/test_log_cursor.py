"""What a reconnecting log reader drops, keeps and asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_consumer.logs import LogAttempt, LogBroken, LogCursor, LogData, LogEnd, LogGap


def data(offset: int, text: bytes, attempt: int = 1, stream: int = 1) -> LogData:
    return LogData(attempt=attempt, stream=stream, offset=offset, data=text)


def test_what_was_seen_is_cut_off() -> None:
    cursor = LogCursor()
    assert cursor.accept(data(0, b"abc")) == data(0, b"abc")
    assert cursor.accept(data(0, b"abc")) is None
    assert cursor.accept(data(1, b"bcde")) == data(3, b"de")
    assert cursor.query() == "stdout=5&stderr=0&attempt=1"


def test_a_hole_breaks_the_connection_unless_it_is_told() -> None:
    cursor = LogCursor()
    with pytest.raises(LogBroken):
        cursor.accept(data(5, b"x"))
    assert cursor.accept(LogGap(attempt=1, stream=1, to=5)) is not None
    assert cursor.accept(data(5, b"x")) == data(5, b"x")


def test_a_new_attempt_begins_at_the_start_and_the_old_one_is_over() -> None:
    cursor = LogCursor()
    cursor.accept(data(0, b"abc"))
    assert cursor.accept(LogAttempt(attempt=2)) is not None
    assert cursor.accept(LogAttempt(attempt=2)) is None
    assert cursor.query() == "stdout=0&stderr=0&attempt=2"
    assert cursor.accept(data(3, b"late", attempt=1)) is None
    assert cursor.accept(data(0, b"new", attempt=2)) is not None


def test_an_end_of_a_later_attempt_is_not_the_end_of_what_was_seen() -> None:
    cursor = LogCursor()
    assert not cursor.missed(LogEnd(state="succeeded", attempt=2))
    cursor.accept(data(0, b"abc"))
    assert cursor.missed(LogEnd(state="succeeded", attempt=2))
    assert not cursor.missed(LogEnd(state="succeeded", attempt=2))


@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(0, 59), st.integers(1, 20)), max_size=30))
def test_pieces_sent_again_in_any_way_give_the_same_bytes(whole: bytes, pieces: list[tuple[int, int]]) -> None:
    cursor, got = LogCursor(), b""
    for start, length in [*pieces, (0, len(whole))]:
        piece = whole[start : start + length]
        try:
            fresh = cursor.accept(data(start, piece)) if piece else None
        except LogBroken:
            continue
        got += fresh.data if isinstance(fresh, LogData) else b""
    assert got == whole
