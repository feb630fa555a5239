"""The part of a long list that is in memory: walked up and down, it always shows the list as it is."""

from hypothesis import given
from hypothesis import strategies as st

from swarm_commanddeck.window import Load, Page, Window

SIZE = 100


def page(cursor: str | None, rows: int) -> Page[int]:
    """A page of the list 0, 1, 2, … of so many rows; a cursor is the first row's number."""
    start = int(cursor or 0)
    end = min(start + SIZE, rows)
    return Page(cursor, range(start, end), str(end) if end < rows else None)


def opened(rows: int, pages: int = 4) -> Window[int]:
    window: Window[int] = Window(lambda row: row, most_pages=pages)
    window.begin(page(None, rows))
    return window


def load(window: Window[int], top: int, bottom: int, rows: int) -> None:
    """What a table does until it has what it wants."""
    while (wanted := window.wanted(top, bottom)) is not None:
        window.add(wanted, page(wanted.cursor, rows))


@given(st.integers(0, 3000), st.lists(st.integers(0, 3000), max_size=20))
def test_whatever_the_walk_the_rows_are_those_of_the_list(rows: int, walk: list[int]) -> None:
    window = opened(rows)
    for goal in walk:
        while len(window) <= goal and not window.whole:
            load(window, len(window) - 20, len(window) - 1, rows)
        top = min(goal, max(0, len(window) - 1))
        load(window, top, top + 20, rows)
        for place in range(top, min(top + 20, len(window))):
            assert window.row(place) == place
        assert len(window.held) <= 4 * SIZE + SIZE


def test_the_far_end_and_back() -> None:
    window = opened(10_000)
    while not window.whole:
        load(window, len(window) - 20, len(window) - 1, 10_000)
    assert len(window) == 10_000
    assert window.row(9_999) == 9_999
    assert window.row(0) is None
    for top in range(9_980, -1, -10):
        load(window, top, top + 20, 10_000)
        assert window.row(top) == top
    assert window.start == 0


def test_a_page_of_a_list_that_was_begun_anew_is_let_go() -> None:
    window = opened(1000)
    window.begin(Page(None, [7, 8], None))
    window.add(Load("100"), page("100", 1000))
    assert window.held == [7, 8]


def test_a_row_is_replaced_and_removed_in_its_place() -> None:
    window: Window[tuple[int, str]] = Window(lambda row: row[0])
    window.put([(1, "a"), (2, "b"), (3, "c")])
    assert window.replace((2, "B"))
    assert not window.replace((9, "x"))
    assert window.remove(1)
    assert not window.remove(1)
    assert window.held == [(2, "B"), (3, "c")]
    assert len(window) == 2
    assert window.place(3) == 1


def test_many_rows_change_and_go_in_one_pass() -> None:
    window: Window[tuple[int, str]] = Window(lambda row: row[0])
    window.begin(Page(None, [(number, "old") for number in range(5)], "more"))
    window.patch({1: (1, "new"), 3: (3, "new"), 9: (9, "new")}, {0, 4})
    assert window.held == [(1, "new"), (2, "old"), (3, "new")]
    assert (len(window), window.whole) == (3, False)


def test_what_is_seen_is_renewed_and_what_comes_after_is_forgotten() -> None:
    window = opened(1000, pages=4)
    while not window.whole:
        load(window, len(window) - 20, len(window) - 1, 1000)
    load(window, 450, 470, 1000)
    cursor = window.cursor_at(450)
    assert cursor == "400"
    window.renew([page(cursor, 480)])
    assert (window.start, window.end, len(window), window.whole) == (400, 480, 480, True)
    window.renew([page("400", 1000), page("500", 1000)])
    assert (window.end, window.next, window.cursor_at(599), window.cursor_at(-1)) == (600, "600", "500", "400")
    load(window, 410, 430, 1000)
    assert [window.row(place) for place in (399, 400, 599)] == [399, 400, 599]
    window.renew([Page("no such page", [1], None)])
    assert window.end >= 600
