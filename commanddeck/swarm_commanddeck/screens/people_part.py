"""What the four parts of People have in common: the line of parts, a table, and questions that are asked for them."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from swarm_commanddeck.places import detail
from swarm_commanddeck.screens.ask import Answers, Ask, Field
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.widgets.parts import Part, Parts
from swarm_commanddeck.widgets.table import LiveTable
from swarm_protocol.errors import SwarmError

PARTS: Final = (
    Part("users", "Users", "u"),
    Part("projects", "Projects", "p"),
    Part("tokens", "Tokens", "t"),
    Part("sign-ins", "Sign-ins", "i"),
)
_BOTTOM: Final = "users"
_HOMES: Final = {
    "projects": "projects:ProjectsScreen",
    "tokens": "tokens:TokensScreen",
    "sign-ins": "sign_ins:SignInsScreen",
}


class PeoplePart(DeckScreen):
    """One part of People: a list."""

    place = "people"
    part: ClassVar[str] = ""
    sees: ClassVar[str] = ""
    """The right without which nothing is fetched; empty: none is needed."""
    pace = 10.0  # no event tells of people, so it is looked at while it is in front
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(part.key, f"part('{part.name}')", part.title, show=False) for part in PARTS),
        Binding("left_square_bracket", "next_part(-1)", "Part before", show=False),
        Binding("right_square_bracket", "next_part(1)", "Part after", show=False),
    ]

    def body(self) -> ComposeResult:
        """The parts, and the one that is here."""
        yield Parts(PARTS)
        yield from self.content()

    def content(self) -> ComposeResult:
        """What is below the parts."""
        yield from ()

    @property
    def crumb(self) -> str:
        """The part; the users are what People begins with."""
        return super().crumb if self.part == _BOTTOM else self.part

    @property
    def table(self) -> LiveTable[Any]:
        """Its list."""
        return self.query_one(LiveTable)

    def on_mount(self) -> None:
        """Mark the part."""
        super().on_mount()
        self.query_one(Parts).here = self.part

    async def load(self) -> None:
        """Fetch the list, where the role may see it; else say why not."""
        if self.sees and (why := self.deck.rights.why_not(self.sees)):
            self.table.set_empty(why)
            self.table.show([])
        else:
            await self.fetch()

    async def fetch(self) -> None:
        """Fetch the list and show it. Raises SwarmError."""

    def count(self, rows: Sequence[object]) -> None:
        """How many there are, behind the part's title."""
        self.query_one(Parts).counts = {self.part: str(len(rows))}

    # Parts.

    def action_part(self, name: str) -> None:
        """To another part: the users are at the bottom, and of the others one lies over them."""
        if name == self.part:
            return
        if name == _BOTTOM:
            self.app.pop_screen()
        elif self.part == _BOTTOM:
            self.deck.open(detail(_HOMES[name]))
        else:
            self.app.switch_screen(detail(_HOMES[name]))

    def action_next_part(self, by: int) -> None:
        """To the one before or after."""
        names = [part.name for part in PARTS]
        self.action_part(names[(names.index(self.part) + by) % len(names)])

    @on(Parts.Chosen)
    def _part_chosen(self, event: Parts.Chosen) -> None:
        self.action_part(event.name)


async def asked(
    screen: DeckScreen, title: str, fields: Sequence[Field], *, verb: str, lines: Sequence[str] = ()
) -> Answers | None:
    """What was answered; None where it was left. To be called from a worker of the screen."""
    return await screen.app.push_screen_wait(Ask(title, fields, verb=verb, lines=lines))


async def in_turn(names: Iterable[str], do: Callable[[str], Awaitable[object]]) -> str:
    """Do it for one after the other; their names. Raises SwarmError that says which one failed, and what was done."""
    done: list[str] = []
    for name in names:
        try:
            await do(name)
        except SwarmError as error:
            before = f"; done before that: {', '.join(done)}" if done else ""
            raise SwarmError(error.code, f"{name}: {error.message}{before}", hint=error.hint) from None
        done.append(name)
    return ", ".join(done)
