"""Which log bytes are sent: within the window, in turn, again after a gap or a reconnect."""

from hypothesis import given
from hypothesis import strategies as st

from swarm_protocol.messages import Ref
from swarm_worker.window import LogWindow, Piece, Source

A, B = Ref(1, 1), Ref(2, 1)


def opened(window: int = 100) -> LogWindow:
    log = LogWindow()
    log.open(window)
    return log


def test_no_more_than_the_window_is_on_its_way() -> None:
    log = opened(100)
    log.grew(A, {1: 250})
    assert log.take(60) == Piece(Source(A, 1), 0, 60)
    assert log.take(60) == Piece(Source(A, 1), 60, 40)
    assert log.take(60) is None
    log.acknowledged(A, 1, 60)
    assert log.take(60) == Piece(Source(A, 1), 100, 60)


def test_streams_take_turns() -> None:
    log = opened()
    log.grew(A, {1: 30})
    log.grew(B, {2: 30})
    taken = [log.take(10) for _ in range(4)]
    assert [piece.source.ref for piece in taken if piece] == [A, B, A, B]


def test_after_a_reconnect_it_goes_on_at_what_was_acknowledged() -> None:
    log = opened()
    log.grew(A, {1: 50})
    log.take(50)
    log.acknowledged(A, 1, 20)
    log.close()
    assert log.take(50) is None
    log.open(100)
    assert log.take(50) == Piece(Source(A, 1), 20, 30)


def test_an_acknowledgement_that_does_not_grow_tells_of_a_gap() -> None:
    log = opened()
    log.grew(A, {1: 50})
    log.take(20)
    log.acknowledged(A, 1, 10)
    log.take(20)
    log.acknowledged(A, 1, 10)
    assert (log.in_flight, log.take(50)) == (0, Piece(Source(A, 1), 10, 40))


def test_a_core_that_has_more_than_was_sent_is_believed() -> None:
    log = opened()
    log.grew(A, {1: 50})
    log.acknowledged(A, 1, 45)
    assert log.take(50) == Piece(Source(A, 1), 45, 5)


def test_forgotten_bytes_leave_room() -> None:
    log = opened(10)
    log.grew(A, {1: 10})
    log.take(10)
    log.grew(B, {1: 10})
    assert log.take(10) is None
    log.forget(A)
    assert log.take(10) == Piece(Source(B, 1), 0, 10)


def test_delivered_when_both_streams_are() -> None:
    log = opened()
    log.grew(A, {1: 5, 2: 5})
    log.take(5)
    log.take(5)
    log.acknowledged(A, 1, 5)
    assert not log.delivered(A)
    log.acknowledged(A, 2, 5)
    assert log.delivered(A)


@given(st.lists(st.tuples(st.sampled_from("gtar"), st.integers(0, 60)), max_size=60))
def test_the_count_of_what_is_on_its_way_is_never_wrong(steps: list[tuple[str, int]]) -> None:
    log, size = opened(50), 0
    for kind, number in steps:
        if kind == "g":
            size += number
            log.grew(A, {1: size})
        elif kind == "t":
            log.take(number or 1)
        elif kind == "a":
            log.acknowledged(A, 1, number)
        else:
            log.open(50)
        assert 0 <= log.in_flight <= 50
    for _ in range(size + 1):
        if (piece := log.take(50)) is None:
            break
        log.acknowledged(A, 1, piece.offset + piece.length)
    assert log.delivered(A) or size == 0 or log.in_flight > 0
