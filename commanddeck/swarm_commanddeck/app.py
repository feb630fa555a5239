"""The application: who is signed in, the live link, and which screen is in front. What is shown is the screens' own."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from swarm_commanddeck import keymap, preferences
from swarm_commanddeck.feed import RECENT, Batch
from swarm_commanddeck.link import Line, LineState, Link
from swarm_commanddeck.palette import PROVIDERS
from swarm_commanddeck.places import PLACES
from swarm_commanddeck.preferences import Preferences
from swarm_commanddeck.rights import Rights
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import DeckScreen, explained
from swarm_commanddeck.screens.help import Help
from swarm_commanddeck.theme import DARK, LIGHT, THEMES
from swarm_commanddeck.widgets.bar import Places
from swarm_consumer.cli.text import clean
from swarm_consumer.client import Client
from swarm_consumer.clock import Clock, SystemClock
from swarm_consumer.models import Event, WhoAmI
from swarm_protocol.errors import SwarmError

_TOLD_SECONDS: Final = 8.0


class DeckApp(App[None]):
    """The operator's terminal."""

    TITLE = "swarm"
    CSS_PATH = Path(__file__).with_name("deck.tcss")  # whole, so that a subclass elsewhere finds it
    COMMANDS = PROVIDERS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(place.key, f"go('{place.name}')", place.title, show=False, tooltip=f"{place.title}: {place.what}")
            for place in PLACES
        ),
        Binding("question_mark", "keys", "Keys", key_display="?", tooltip="The keys that do something here"),
        Binding("colon", "command_palette", "Commands", key_display=":", tooltip="Find a command, screen or job"),
        Binding("escape,backspace,h", "back", "Back", show=False, tooltip="Back to where one came from"),
        Binding("ctrl+t", "other_theme", "Theme", show=False, tooltip="Dark or light"),
        Binding("ctrl+o", "choose_project", "Project", show=False, tooltip="Look at another project"),
        Binding("q", "quit", "Quit", tooltip="Leave the deck; nothing in the swarm changes by that"),
    ]

    def __init__(
        self,
        open_client: Callable[[str | None], Client],
        who: WhoAmI,
        *,
        project: str | None = None,
        observing: bool = False,
        start: str = "overview",
        clock: Clock | None = None,
        keep: Preferences | None = None,
    ) -> None:
        """`open_client` makes a client for a project (None: the sign-in's own); `who` is what it is signed in as."""
        super().__init__()
        self.animation_level = "none"  # nothing that moves by itself: it costs bytes on a slow line
        self._open_client = open_client
        self._observing = observing
        self._start_at = start
        self._project = project
        self.clock = clock or SystemClock()
        self.client = open_client(project)
        self.rights = Rights.of(who, observing=observing)
        self.line = Line(LineState.CONNECTING)
        self.recent: deque[Event] = deque(maxlen=RECENT)
        """The newest events of the stream, oldest first."""
        self.titles = {place.name: place.title for place in PLACES}
        self._keep = keep or preferences.saved()

    # Life.

    async def on_mount(self) -> None:
        """Themes, screens, and the link."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = LIGHT if self._keep.theme == "light" else DARK
        for place in PLACES:
            self.add_mode(place.name, place.open)
        await self.switch_mode(self._start_at)
        self._listen()

    async def on_unmount(self) -> None:
        """Let the connections go, and first what goes on over them."""
        self.workers.cancel_all()
        await self.client.close()

    @work(group="link", exclusive=True)
    async def _listen(self) -> None:
        link = Link(self.client, self.clock, project=None, batch=self._take, line=self._say)
        await link.run()

    def _take(self, batch: Batch) -> None:
        if batch.gap:
            self.recent.clear()  # what lies between is not known
        self.recent.extend(batch.recent)
        front = self.front
        if front is not None:
            front.on_feed(batch)

    def _say(self, line: Line) -> None:
        back = line.state is LineState.LIVE and self.line.state is not LineState.LIVE
        self.line = line
        front = self.front
        if front is not None:
            front.update_bar()
            if back:
                front.load_soon()

    # What screens use.

    @property
    def front(self) -> DeckScreen | None:
        """The deck's screen that is in front, also while a question lies over it."""
        with suppress(Exception):
            for screen in reversed(self.screen_stack):
                if isinstance(screen, DeckScreen):
                    return screen
        return None

    @property
    def who_text(self) -> str:
        """Who looks, at which project."""
        role = "observing" if self._observing else self.rights.role
        return f"{self.rights.user} ({role}) in {self.rights.project}"

    @property
    def now(self) -> datetime:
        """The time, as the deck's clock has it."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def crumbs(self) -> tuple[str, ...]:
        """From the top screen to the one in front."""
        return tuple(screen.crumb for screen in self.screen_stack if isinstance(screen, DeckScreen))

    def tell(self, text: str, *, bad: bool = False) -> None:
        """A line that goes away by itself. `text` may be anybody's."""
        self.notify(clean(text), severity="error" if bad else "information", timeout=_TOLD_SECONDS, markup=False)

    def open(self, screen: DeckScreen) -> None:
        """Put a detail over what is in front."""
        self.push_screen(screen)

    # Actions.

    def action_go(self, name: str) -> None:
        """To a top screen; to its top where it is in front already."""
        if self.current_mode == name:
            while len(self.screen_stack) > 1:
                self.pop_screen()
        else:
            self.switch_mode(name)

    async def action_back(self) -> None:
        """To the screen below."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def action_keys(self) -> None:
        """Show the keys."""
        self.push_screen(Help(self.sections()))

    def sections(self) -> list[keymap.Section]:
        """The keys of what is in focus, of the screen, and of the deck."""
        found = []
        for node, bindings in self.screen._modal_binding_chain:
            title = {True: "Everywhere"}.get(node is self) or getattr(node, "keys_title", "") or _title(node)
            why = self._why_not if isinstance(node, DeckScreen) else lambda _: ""
            lines = [binding for _, binding in bindings]
            found.append(keymap.section(title, lines, why))
        return [section for section in found if section.lines]

    def _why_not(self, action: str) -> str:
        front = self.front
        right = front.needs.get(action) if front is not None else None
        return self.rights.why_not(right) if right is not None else ""

    def action_other_theme(self) -> None:
        """Dark, light, and so on; kept for the next time."""
        self.theme = LIGHT if self.theme == DARK else DARK
        self._keep = preferences.Preferences(theme="light" if self.theme == LIGHT else "dark")
        preferences.save(self._keep)

    @work
    async def action_choose_project(self) -> None:
        """Look at another project."""
        try:
            names = [project.name for project in await self.client.projects.all()]
        except SwarmError as error:
            return self.tell(explained(error), bad=True)
        fields = [Field("project", "Project", value=self.rights.project, choices=names)]
        answers = await self.push_screen_wait(Ask("Look at another project", fields, verb="Look"))
        if answers is not None and answers["project"] != self.rights.project:
            await self.look_at(answers["project"])

    async def look_at(self, project: str) -> None:
        """Have all screens show another project."""
        client = self._open_client(project)
        try:
            who = await client.whoami()
        except SwarmError as error:
            await client.close()
            return self.tell(explained(error), bad=True)
        old, self.client = self.client, client
        self.rights = Rights.of(who, observing=self._observing)
        self.recent.clear()
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self._listen()
        if self.front is not None:
            self.front.on_screen_resume()
        self.refresh_bindings()
        await old.close()

    @on(Places.Chosen)
    def _chosen(self, event: Places.Chosen) -> None:
        self.action_go(event.place.name)

    def get_system_commands(self, screen: Screen[object]):  # type: ignore[no-untyped-def]
        """None of Textual's own: ours are in `palette`."""
        return ()


def _title(node: object) -> str:
    words = type(node).__name__.removesuffix("Screen")
    return "".join(f" {letter.lower()}" if letter.isupper() and at else letter for at, letter in enumerate(words))
