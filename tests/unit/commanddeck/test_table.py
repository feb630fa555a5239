"""The table, driven by keys and mouse in a small application of its own."""

from typing import Any

import pytest
from tests.plugins.screens import rendered
from textual.app import App, ComposeResult

from swarm_commanddeck.columns import Column
from swarm_commanddeck.widgets.table import LiveTable
from swarm_commanddeck.window import Page

Row = tuple[int, str]


class TableApp(App[None]):
    """A list of so many rows, 100 a page."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows: list[Row] = [(number, f"job {number}") for number in range(rows)]
        self.heard: list[tuple[str, Any]] = []
        self.pages = 0

    def compose(self) -> ComposeResult:
        columns = [
            Column[Row]("id", "id", 6, lambda row: (str(row[0]), "busy"), right=True),
            Column[Row]("name", "name", 12, lambda row: (row[1], ""), grow=1),
        ]
        yield LiveTable(columns, lambda row: row[0], empty="no jobs")

    def on_mount(self) -> None:
        self.table.begin(self.page(None))
        self.table.focus()

    @property
    def table(self) -> LiveTable[Row]:
        return self.query_one(LiveTable)

    def page(self, cursor: str | None) -> Page[Row]:
        start = int(cursor or 0)
        end = start + 100
        return Page(cursor, self.rows[start:end], str(end) if end < len(self.rows) else None)

    def on_live_table_wanted(self, event: LiveTable.Wanted) -> None:
        self.pages += 1
        event.table.add(event.load, self.page(event.load.cursor))

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        self.heard.append(("opened", event.row))

    def on_live_table_head_clicked(self, event: LiveTable.HeadClicked) -> None:
        self.heard.append(("head", event.column))


def seen(app: TableApp) -> list[str]:
    return [line for line in rendered(app).split("\n\n-- styles")[0].splitlines() if line.strip()]


async def test_it_shows_the_heading_and_what_fits() -> None:
    app = TableApp(500)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        lines = seen(app)
        assert lines[0].split() == ["id", "name"]
        assert lines[1].split() == ["0", "job", "0"]
        assert len(lines) == 10


async def test_keys_move_the_cursor_and_the_cursor_is_always_seen() -> None:
    app = TableApp(500)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("j", "j", "down", "k")
        assert app.table.current == (2, "job 2")
        await pilot.press("pagedown", "pagedown")
        await pilot.pause()
        assert app.table.current == (18, "job 18")
        assert any(line.split()[:1] == ["18"] for line in seen(app))
        await pilot.press("g")
        assert app.table.current == (0, "job 0")


async def test_a_long_list_is_walked_to_its_end_and_back_with_few_rows_held() -> None:
    app = TableApp(3_000)
    async with app.run_test(size=(40, 20)) as pilot:
        while not app.table.window.whole:
            await pilot.press("G")
            await pilot.pause()
        await pilot.press("G")
        await pilot.pause()
        assert app.table.current == (2_999, "job 2999")
        assert len(app.table.window.held) <= 1100
        await pilot.press("g")
        for _ in range(300):
            if app.table.current is not None:
                break
            await pilot.pause()
        assert app.table.current == (0, "job 0")
        assert len(app.table.window.held) <= 1100


async def test_marks_are_kept_by_key_and_an_action_is_about_them() -> None:
    app = TableApp(50)
    async with app.run_test(size=(40, 10)) as pilot:
        assert app.table.chosen == [(0, "job 0")]
        await pilot.press("space", "j", "j", "v")
        assert [row[0] for row in app.table.chosen] == [0, 1, 2, 3]
        app.table.show([(number, "other") for number in range(2, 50)])
        await pilot.pause()
        assert len(app.table.marked) == 4
        await pilot.press("escape")
        assert app.table.chosen == [app.table.current]
        await pilot.press("ctrl+a")
        assert len(app.table.marked) == 48


async def test_new_rows_above_do_not_move_the_cursor_off_its_row_unless_it_is_at_the_top() -> None:
    app = TableApp(50)
    async with app.run_test(size=(40, 10)) as pilot:
        app.table.show([(-1, "new"), *app.rows])
        assert app.table.current == (-1, "new")
        await pilot.press("j", "j")
        app.table.show([(-2, "newer"), (-1, "new"), *app.rows])
        assert app.table.current == (1, "job 1")


async def test_mouse() -> None:
    app = TableApp(50)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.click(LiveTable, offset=(3, 4))
        assert app.table.current == (3, "job 3")
        await pilot.click(LiveTable, offset=(3, 4), times=2)
        await pilot.click(LiveTable, offset=(12, 0))
        await pilot.pause()
        assert ("opened", (3, "job 3")) in app.heard
        assert ("head", "name") in app.heard


async def test_an_empty_list_says_so_and_takes_keys() -> None:
    app = TableApp(0)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("j", "G", "enter", "space")
        assert app.table.current is None
        assert app.heard == []
        assert "no jobs" in seen(app)[1]


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "[bold]x[/bold]", "a\nb", "\u202eabc"])
async def test_a_cell_is_text_whatever_it_holds(hostile: str) -> None:
    app = TableApp(0)
    app.rows = [(1, hostile)]
    async with app.run_test(size=(60, 6)) as pilot:
        await pilot.pause()
        line = seen(app)[1]
        assert "\x1b" not in line
        assert "\u202e" not in line
        assert "[bold]" in line or "bold" not in hostile


async def test_many_rows_change_at_once_and_marks_know_of_it() -> None:
    app = TableApp(300)
    async with app.run_test(size=(40, 12)) as pilot:
        table = app.table
        await pilot.press("space", "space", "j")
        assert [row[1] for row in table.marked] == ["job 0", "job 1"]
        table.patch({1: (1, "other"), 3: (3, "third")}, {0})
        await pilot.pause()
        assert [row[1] for row in table.marked] == ["other"]
        assert table.current == (3, "third")
        assert table.place == 2
        assert "other" in seen(app)[1]


async def test_pages_are_renewed_where_one_looks() -> None:
    app = TableApp(300)
    async with app.run_test(size=(40, 12)) as pilot:
        table = app.table
        await pilot.press("G", "G", "G")
        await pilot.pause()
        top, bottom = table.span
        assert (top > 200, bottom - top) == (True, 11)
        app.rows[299] = (299, "renewed")
        table.renew([app.page(table.window.cursor_at(top))])
        await pilot.pause()
        assert table.current == (299, "renewed")
        assert len(table.window) == 300


async def test_who_scrolls_away_from_the_cursor_is_left_there_when_pages_come() -> None:
    app = TableApp(3000)
    async with app.run_test(size=(40, 12)) as pilot:
        table = app.table
        for row in range(0, 1600, 40):
            table.scroll_to(y=row, animate=False, force=True, immediate=True)
            await pilot.pause()
            assert table.span[0] == row
        assert table.place == 0
        assert app.pages > 12
        await pilot.press("j")
        assert table.span[0] <= table.place == 1
