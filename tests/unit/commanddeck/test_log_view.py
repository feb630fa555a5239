"""A log on the screen: follows its end, stays where one looks, finds, wraps, and a flood keeps no key waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter, process_time

from tests.fixtures.decks import until
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from swarm_commanddeck.logbuffer import ERR, OUT, LogBuffer
from swarm_commanddeck.widgets.log_view import LogView


class Shown(App[None]):
    def __init__(self, buffer: LogBuffer) -> None:
        super().__init__()
        self.buffer = buffer

    def compose(self) -> ComposeResult:
        yield LogView(self.buffer)

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)


@asynccontextmanager
async def shown(buffer: LogBuffer, size: tuple[int, int] = (40, 10)) -> AsyncIterator[tuple[Pilot[None], LogView]]:
    app = Shown(buffer)
    async with app.run_test(size=size) as pilot:
        app.view.focus()
        await drawn(pilot, app.view)
        yield pilot, app.view


async def drawn(pilot: Pilot[None], view: LogView) -> None:
    view.changed()
    await until(lambda: not view._due, "it is drawn")
    await pilot.pause()


def text(view: LogView) -> list[str]:
    return [view.render_line(row).text.rstrip() for row in range(view.size.height)]


def numbered(count: int, start: int = 0) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(start, start + count))


async def test_it_follows_the_end_until_one_goes_away_and_again_at_the_end() -> None:
    buffer = LogBuffer()
    buffer.feed(OUT, numbered(50))
    async with shown(buffer) as (pilot, view):
        assert text(view)[-1] == "   line 49"
        await pilot.press("k", "k")
        assert not view.follow
        seen = text(view)
        assert seen[-1] == "   line 47"
        buffer.feed(OUT, numbered(50, 50))
        await drawn(pilot, view)
        assert text(view) == seen, "what is read stays where it is"
        await pilot.press("g")
        assert text(view)[0] == "   line 0"
        await pilot.press("G")
        assert view.follow
        buffer.feed(ERR, b"oops\n")
        await drawn(pilot, view)
        assert text(view)[-2:] == ["   line 99", "2> oops"]


async def test_what_is_read_stays_in_place_while_lines_before_it_go() -> None:
    buffer = LogBuffer(most_bytes=200_000)
    buffer.feed(OUT, numbered(2500))
    async with shown(buffer) as (pilot, view):
        view.set_follow(False)
        view._put(1400)
        await drawn(pilot, view)
        seen = text(view)
        assert seen[0] == f"   line {1400 + buffer.first}"
        buffer.feed(OUT, numbered(800, 2500))
        assert buffer.first > 0
        await drawn(pilot, view)
        assert text(view) == seen


async def test_search_marks_goes_round_and_finds_what_comes() -> None:
    buffer = LogBuffer()
    buffer.feed(OUT, numbered(30) + b"x" * 60 + b" an Error\n" + numbered(30, 30))
    async with shown(buffer) as (pilot, view):
        view.look_for("error")
        await pilot.press("N")
        assert view.match == 30
        assert view.scroll_x > 0, "what is far to the right is brought into sight"
        row = next(row for row in range(view.size.height) if "an Error" in view.render_line(row).text)
        strip = view.render_line(row)
        plain = view.rich_style.bgcolor
        assert "".join(part.text for part in strip if part.style and part.style.bgcolor != plain) == "Error"
        buffer.feed(ERR, b"error again\n")
        await drawn(pilot, view)
        await pilot.press("n")
        assert view.match == 61
        await pilot.press("n")
        assert view.match == 30
        view.look_for("absent")
        await pilot.press("n")
        assert view.match is None


async def test_wrapping_and_streams() -> None:
    buffer = LogBuffer()
    buffer.feed(OUT, b"a" * 50 + b"\nshort\n")
    buffer.feed(ERR, b"bad\n")
    async with shown(buffer) as (pilot, view):
        assert text(view)[:3] == ["   " + "a" * 37, "   short", "2> bad"]
        view.set_shown(wrap=True)
        await drawn(pilot, view)
        assert text(view)[:4] == ["   " + "a" * 37, "   " + "a" * 13, "   short", "2> bad"]
        await pilot.resize_terminal(60, 10)
        await drawn(pilot, view)
        assert text(view)[:2] == ["   " + "a" * 50, "   short"]
        view.set_shown(streams="stderr")
        await drawn(pilot, view)
        assert text(view)[:2] == ["2> bad", ""]
        view.set_shown(streams="stdout", wrap=False)
        await drawn(pilot, view)
        assert text(view)[:3] == ["   " + "a" * 50, "   short", ""]


async def test_a_flood_is_drawn_ten_times_a_second_and_keys_are_answered() -> None:
    """What a draw costs does not grow with what is held: 10⁵ lines take no more than some thousand."""
    buffer = LogBuffer()
    piece = b"2026-01-02 03:04:05 INFO step 12345 of very many\n" * 2000
    async with shown(buffer, (120, 40)) as (pilot, view):
        begun, cost = perf_counter(), process_time()
        for _ in range(50):
            buffer.feed(OUT, piece)
            view.changed()
            await asyncio.sleep(0)
        await drawn(pilot, view)
        spent, took = process_time() - cost, perf_counter() - begun
        assert len(buffer) == 100_000
        assert text(view)[-1].endswith("of very many")
        assert spent < 2.0, f"{spent:.2f} s of work in {took:.2f} s"
        begun = process_time()
        await pilot.press("g")
        assert text(view)[0].endswith("of very many")
        assert process_time() - begun < 0.5
