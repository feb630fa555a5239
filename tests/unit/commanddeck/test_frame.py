"""The deck's frame as it looks: bar, places, a table, the questions, in both sizes and themes."""

from collections.abc import Callable
from typing import ClassVar

import pytest
from tests.fixtures.decks import SIZES, THEMES, played, settled
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.columns import Column
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.signs import JOBS, Sign
from swarm_commanddeck.widgets.table import LiveTable
from swarm_protocol.errors import SwarmError
from tools.stage.answers import Table
from tools.stage.world import StagedClient, staged


class States(DeckScreen):
    """All states of a job, each in its colour."""

    place = "jobs"
    needs: ClassVar[dict[str, str]] = {"cancel": "job.cancel"}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "cancel", "Cancel")]

    def body(self) -> ComposeResult:
        yield LiveTable(
            [
                Column[Sign]("state", "state", 14, lambda sign: (f"{sign.mark} {sign.word}", sign.tone)),
                Column[Sign]("tone", "tone", 10, lambda sign: (sign.tone, "dim"), grow=1),
            ],
            lambda sign: sign.word,
        )

    async def load(self) -> None:
        self.query_one(LiveTable).show(list(JOBS.values()))

    def action_cancel(self) -> None:
        """Never called: the tests look on."""


class Frame(DeckApp):
    MODES: ClassVar = {"probe": States}


Check = Callable[[App[None], str], None]
LOOKS = pytest.mark.parametrize(
    ("size", "theme"), [(size, theme) for size in SIZES for theme in THEMES], ids=lambda value: str(value)
)


@LOOKS
async def test_the_frame(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="probe", theme=theme, role="observer", kind=Frame), size) as pilot:
        await settled(pilot)
        same_screen(pilot.app, f"frame-{size[0]}x{size[1]}-{theme}")


@LOOKS
async def test_a_question(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="probe", theme=theme, kind=Frame), size) as pilot:
        pilot.app.push_screen(
            Confirm("Cancel 2 jobs?", ["1042 train, running on rack-7", "1043 eval, queued"], "Cancel")
        )
        await settled(pilot)
        same_screen(pilot.app, f"confirm-{size[0]}x{size[1]}-{theme}")


async def test_fields_are_checked_as_one_types() -> None:
    async with played(staged(at="probe", kind=Frame)) as pilot:
        fields = [Field("slots", "Slots", check=int), Field("kind", "Kind", choices=["a", "b"])]
        found: list[object] = []
        pilot.app.push_screen(Ask("How many?", fields), found.append)
        await pilot.pause()
        await pilot.press("x")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Ask)
        await pilot.press("backspace", "7")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert found == [{"slots": "7", "kind": "a"}]


async def test_what_is_not_on_the_stage_is_not_found() -> None:
    async with StagedClient(Table()) as client:
        with pytest.raises(SwarmError, match="not on the stage"):
            await client.job(1)
