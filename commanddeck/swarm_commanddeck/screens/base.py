"""What every screen of the deck is: a bar above, keys below, and between them what it shows.

A screen fetches in `load`, which is called when it comes to the front, when what it `watches` has changed, and where it
has a `pace`, at that pace; never more than once a second, and never twice at once. What it does goes through `act`.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events, work
from textual.app import ComposeResult
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Footer, Static

from swarm_commanddeck.feed import Batch
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.widgets.bar import Bar, Places
from swarm_consumer.cli.text import clean
from swarm_protocol.errors import SwarmError

if TYPE_CHECKING:
    from swarm_commanddeck.app import DeckApp

_BETWEEN: Final = 1.0
"""Seconds between two loads that events asked for."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that is to be done."""

    action: str
    """Of `rights.ACTIONS`."""
    title: str
    """The question, as in "Cancel 3 jobs?"."""
    lines: Sequence[str] = ()
    """What will happen, subject by subject."""
    verb: str = "Do it"
    do: Callable[[], Awaitable[str]]
    """Does it, and returns what is to be told: a sentence. Raises SwarmError."""
    ask: bool = True
    """Whether it is asked for first; what can be taken back at once need not be."""


class DeckScreen(Screen[None]):
    """A screen of the deck."""

    AUTO_FOCUS = "LiveTable, Input, .first"
    place: ClassVar[str] = ""
    """Name of the top screen that it is, or below which it belongs."""
    watches: ClassVar[frozenset[str]] = frozenset()
    """Kinds of events on which it loads anew: `job`, `worker`, `schedule`, `image`."""
    pace: ClassVar[float | None] = None
    """Seconds after which it loads anew while it is in front, for what has no event; at least 5."""
    needs: ClassVar[dict[str, str]] = {}
    """The right (`rights.ACTIONS`) that each of its bindings' actions needs."""

    def __init__(self) -> None:
        super().__init__()
        self._loading = self._again = False
        self._front = False
        self.loads = 0
        """How often it has loaded, with or without success."""

    # What a screen says of itself.

    def body(self) -> ComposeResult:
        """What it shows between bar and keys."""
        yield from ()

    async def load(self) -> None:
        """Fetch what is shown, and show it. Raises SwarmError, which is then shown."""

    @property
    def crumb(self) -> str:
        """Its last crumb."""
        return self.deck.titles.get(self.place, self.place)

    def on_feed(self, batch: Batch) -> None:
        """Events; a screen that can patch what it shows does so here and calls this for the rest."""
        if batch.touches(self.watches):
            self.load_soon()

    # What it has.

    @property
    def deck(self) -> "DeckApp":
        """The app, with its client, rights and clock."""
        from swarm_commanddeck.app import DeckApp

        return cast(DeckApp, self.app)

    def compose(self) -> ComposeResult:
        """The frame."""
        yield Bar()
        yield Places()
        yield Static("", id="trouble", markup=False)
        yield from self.body()
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Where it is, is known from the start."""
        self.query_one(Places).here = self.place
        if self.pace is not None:
            self.set_interval(max(5.0, self.pace), self._tick)

    def on_screen_resume(self) -> None:
        """It has come to the front: what it shows may be old."""
        self._front = True
        self.update_bar()
        self.load_soon(at_once=True)

    def on_screen_suspend(self) -> None:
        """Another is in front: nothing is fetched for this one."""
        self._front = False

    def _tick(self) -> None:
        if self._front:
            self.load_soon()

    def update_bar(self) -> None:
        """Crumbs, sign-in and line, as they are now."""
        with suppress(NoMatches):
            bar = self.query_one(Bar)
            bar.crumbs, bar.who, bar.line = self.deck.crumbs(), self.deck.who_text, self.deck.line

    # Loading.

    def load_soon(self, *, at_once: bool = False) -> None:
        """Have it loaded: now, or when a second has gone by since the last time; calls between are one."""
        if not self._front:
            return
        self._again = True
        if not self._loading:
            self._loading = True
            self.run_worker(self._load(at_once), group="load", exit_on_error=True)

    async def _load(self, at_once: bool) -> None:
        try:
            if not at_once:
                await self.deck.clock.sleep(0.05)  # what comes in the same burst is one
            while self._again and self._front:
                self._again = False
                await self._load_once()
                await self.deck.clock.sleep(_BETWEEN)
        finally:
            self._loading = False

    async def _load_once(self) -> None:
        try:
            with self.while_here():
                await self.load()
        except SwarmError as error:
            self.show_trouble(error)
        else:
            self.show_trouble(None)
        self.loads += 1

    @contextmanager
    def while_here(self) -> Iterator[None]:
        """An answer that comes while the screen is taken down finds its parts gone, which is no fault."""
        try:
            yield
        except NoMatches:
            if self.display:
                raise

    def show_trouble(self, error: SwarmError | None) -> None:
        """What went wrong stands above what is shown, until it is mended."""
        with suppress(NoMatches):
            line = self.query_one("#trouble", Static)
            line.update("" if error is None else f"✗ {explained(error)}")
            line.display = error is not None

    # Doing.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Actions that the role can't do are grey."""
        right = self.needs.get(action)
        return None if right is not None and not self.deck.rights.may(right) else True

    def on_key(self, event: events.Key) -> None:
        """A key of a grey action says why it is grey."""
        found = self.active_bindings.get(event.key)
        if found is None or found.enabled or found.node is not self:
            return
        right = self.needs.get(found.binding.action.partition("(")[0])
        if right is not None and (why := self.deck.rights.why_not(right)):
            event.stop()
            self.deck.tell(why, bad=True)

    @work(group="act", exclusive=False)
    async def act(self, act: Act) -> None:
        """Do something: if it may be done, after a question, and tell what came of it."""
        if why := self.deck.rights.why_not(act.action):
            return self.deck.tell(why, bad=True)
        if act.ask and not await self.app.push_screen_wait(Confirm(act.title, act.lines, act.verb)):
            return None
        try:
            told = ""
            with self.while_here():
                told = await act.do()
        except SwarmError as error:
            return self.deck.tell(explained(error), bad=True)
        if told:
            self.deck.tell(told)
        self.load_soon(at_once=True)
        return None


def explained(error: SwarmError) -> str:
    """What went wrong and what to do, for people."""
    words = [error.message, *(f"{wrong.get('field', '')}: {wrong.get('message', '')}" for wrong in error.errors or ())]
    return clean("; ".join(words) + (f" ({error.hint})" if error.hint else ""))
