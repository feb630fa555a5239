"""Rows of a log and search in it: held to counting all lines one by one."""

from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_commanddeck.logbuffer import BLOCK, ERR, NOTE, OUT, LogBuffer
from swarm_commanddeck.loglayout import ALL, LogLayout, height, piece
from swarm_commanddeck.logsearch import LogSearch

texts = st.one_of(st.text("ab c", max_size=40), st.text("a漢é", max_size=20))
adds = st.lists(st.tuples(st.sampled_from([OUT, ERR, NOTE]), st.lists(texts, max_size=5)), max_size=10)


def add(buffer: LogBuffer, kind: int, lines: list[str]) -> None:
    for line in lines:
        if kind == NOTE:
            buffer.note(line)
        else:
            buffer.feed(kind, f"{line}\n".encode())


def rows_of(buffer: LogBuffer, width: int | None, kinds: frozenset[int]) -> list[tuple[int, int]]:
    """All rows, the slow way."""
    return [
        (number, part)
        for number in range(buffer.first, buffer.end)
        if buffer.line(number)[1] in kinds
        for part in range(height(buffer.line(number)[0], width))
    ]


def located(layout: LogLayout, row: int) -> tuple[int, int] | None:
    found = layout.row(row)
    return None if found is None else (found.number, found.part)


@settings(max_examples=150, deadline=None)
@given(adds, st.none() | st.integers(2, 12), st.sampled_from([ALL, frozenset({OUT}), frozenset({ERR, NOTE})]))
def test_rows_are_those_of_counting(
    adds: list[tuple[int, list[str]]], width: int | None, kinds: frozenset[int]
) -> None:
    buffer = LogBuffer()
    layout = LogLayout(buffer)
    layout.arrange(width, kinds)
    for kind, lines in adds:
        add(buffer, kind, lines)
        layout.update()
    wanted = rows_of(buffer, width, kinds)
    assert layout.rows == len(wanted)
    assert [located(layout, row) for row in range(layout.rows)] == wanted
    assert layout.row(layout.rows) is layout.row(-1) is None
    for row, (number, part) in enumerate(wanted):
        assert layout.row_of(number) == row - part


@given(texts, st.integers(2, 9))
def test_the_pieces_of_a_line_are_the_line(text: str, width: int) -> None:
    pieces = [piece(text, width, part) for part in range(height(text, width))]
    assert "".join(part for _, part in pieces) == text
    assert all(text[begin : begin + len(part)] == part for begin, part in pieces)


def test_many_blocks_some_of_which_are_gone() -> None:
    buffer = LogBuffer(most_bytes=400_000)
    layout, search = LogLayout(buffer), LogSearch(buffer, "7", ALL)
    layout.arrange(8, ALL)
    for number in range(20 * BLOCK):
        buffer.feed(OUT, b"number %d\n" % number)
        if number % 1000 == 0:
            layout.update()
            assert search.work(10)
    layout.update()
    assert search.work(10)
    assert buffer.first > 0
    wanted = rows_of(buffer, 8, ALL)
    assert layout.rows == len(wanted)
    assert [located(layout, row) for row in range(0, layout.rows, 97)] == wanted[::97]
    assert search.lines == [n for n in range(buffer.first, buffer.end) if "7" in buffer.line(n)[0]]


def test_a_search_goes_round_and_knows_where_it_is() -> None:
    buffer = LogBuffer()
    buffer.feed(OUT, b"an error\nfine\n")
    buffer.feed(ERR, b"ERROR here\n")
    buffer.note("error of ours")
    search = LogSearch(buffer, "error", ALL)
    assert search.work(10)
    assert search.lines == [0, 2]
    assert (search.after(0), search.after(2), search.before(2), search.before(0)) == (2, 0, 0, 2)
    assert (search.rank(0), search.rank(1), search.rank(2)) == (1, 0, 2)
    assert search.spans("error, Error") == [(0, 5), (7, 12)]
    exact = LogSearch(buffer, "ERROR", {ERR})
    assert exact.work(10)
    assert exact.lines == [2]
    assert exact.spans("error ERROR") == [(6, 11)]
    buffer.feed(OUT, b"one more er")
    assert search.work(10)
    buffer.feed(OUT, b"ror")
    assert search.work(10)
    assert search.lines == [0, 2, 4]
    nothing = LogSearch(buffer, "absent", ALL)
    assert nothing.work(10)
    assert (nothing.after(0), nothing.before(0), nothing.rank(0)) == (None, None, 0)


def test_a_letter_that_grows_when_it_is_made_small_marks_its_line() -> None:
    search = LogSearch(LogBuffer(), "x", ALL)
    assert search.spans("İx") == [(0, 2)]
    assert search.spans("İ") == []


def test_search_and_rows_of_a_flood_cost_little() -> None:
    buffer = LogBuffer()
    for _ in range(50):
        buffer.feed(OUT, b"2026-01-02 03:04:05 INFO step 12345 of many\n" * 2_000)
    layout, search = LogLayout(buffer), LogSearch(buffer, "step", ALL)
    begun = process_time()
    layout.arrange(30, ALL)
    while not search.work(0.005):
        pass
    first = process_time() - begun
    buffer.feed(OUT, b"and a step more\n")
    begun = process_time()
    layout.update()
    assert search.work()
    more = process_time() - begun
    assert (layout.rows, len(search.lines)) == (200_001, 100_001)
    assert first < 0.5
    assert more < 0.05, "what was counted is kept"


def test_what_has_changed_since_is_still_as_it_was_counted() -> None:
    """The buffer goes on between two drawings: lines go from it, and come to it."""
    buffer = LogBuffer(most_bytes=100_000)
    buffer.feed(OUT, b"line\n" * 900)
    layout = LogLayout(buffer)
    seen, rows = layout.row(3), layout.rows
    buffer.feed(OUT, b"more\n" * 5000)
    assert buffer.first > 3
    assert layout.rows == rows
    assert layout.row(3) == seen
    assert layout.row_of(3) == 3
    assert layout.row_of(buffer.end) == rows
    assert all(layout.row(row) is not None for row in range(rows))
    layout.update()
    found = layout.row(0)
    assert found is not None
    assert (found.number, layout.row_of(3), layout.row_of(buffer.end)) == (buffer.first, 0, layout.rows)
