"""The command palette: screens, what can be done on the one in front, and jobs, workers and schedules by name."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from swarm_commanddeck.places import JOB, PLACES, SCHEDULE, WORKER, detail

if TYPE_CHECKING:
    from swarm_commanddeck.app import DeckApp

Command = tuple[str, str, Callable[[], object]]
"""What it is called, a word on it, and what is done."""


class DeckProvider(Provider):
    """Finds among the commands that `commands` gives."""

    @property
    def deck(self) -> "DeckApp":
        """The app."""
        return cast("DeckApp", self.app)

    def commands(self) -> Iterator[Command]:
        """All there are now."""
        yield from ()

    async def discover(self) -> Hits:
        """What is shown before anything is typed."""
        for title, what, do in self.commands():
            yield DiscoveryHit(title, do, help=what)

    async def search(self, query: str) -> Hits:
        """What fits what is typed."""
        matcher = self.matcher(query)
        for title, what, do in self.commands():
            score = matcher.match(f"{title} {what}")
            if score > 0:
                yield Hit(score, matcher.highlight(title), do, help=what)


class ScreenActions(DeckProvider):
    """What the screen in front can do, with the keys that do it."""

    def commands(self) -> Iterator[Command]:
        """Its bindings; those that the role can't do say why when they are chosen."""
        screen = self.screen
        for active in screen.active_bindings.values():
            binding = active.binding
            if active.node is screen and (binding.tooltip or binding.description):
                title = binding.tooltip or binding.description
                yield title, f"key {binding.key.split(',')[0]}", partial(self._do, binding.action, active.enabled)

    async def _do(self, action: str, enabled: bool) -> None:
        front = self.deck.front
        if enabled or front is None:
            await self.screen.run_action(action)
            return
        right = front.needs.get(action.partition("(")[0])
        self.deck.tell(self.deck.rights.why_not(right) if right else "that can't be done now", bad=True)


class Screens(DeckProvider):
    """The top screens, and what goes for the whole deck."""

    def commands(self) -> Iterator[Command]:
        """Each with its key."""
        deck = self.deck
        for place in PLACES:
            yield f"Go to {place.title}", place.what, partial(deck.action_go, place.name)
        yield "Look at another project", "key ctrl+o", deck.action_choose_project
        yield "Dark or light theme", "key ctrl+t", deck.action_other_theme
        yield "Keys", "what does something here: key ?", deck.action_keys
        yield "Quit", "key q", deck.exit


class JobById(Provider):
    """`1042` or `job 1042` goes to that job."""

    async def search(self, query: str) -> Hits:
        """One hit, where a number was typed."""
        number = query.strip().removeprefix("job").strip()
        if number.isascii() and number.isdigit() and len(number) < 19:
            yield Hit(
                1.0, f"Go to job {number}", partial(self._open, int(number)), help="its spec, attempts, log, files"
            )

    def _open(self, job: int) -> None:
        cast("DeckApp", self.app).open(detail(JOB, job))


class WorkerByName(Provider):
    """`worker rack-7` goes to that worker."""

    async def search(self, query: str) -> Hits:
        """One hit, where a name was typed after the word."""
        word, _, name = query.strip().partition(" ")
        if word == "worker" and name.strip():
            wanted = name.strip()
            help = "what it is, how it fares, what it runs"
            yield Hit(1.0, f"Go to worker {wanted}", partial(self._open, wanted), help=help)

    def _open(self, name: str) -> None:
        cast("DeckApp", self.app).open(detail(WORKER, name))


class ScheduleByName(Provider):
    """`schedule nightly` goes to that schedule."""

    async def search(self, query: str) -> Hits:
        """One hit, where a name was typed after the word."""
        word, _, name = query.strip().partition(" ")
        if word == "schedule" and name.strip():
            wanted = name.strip()
            help = "when it is due, what became of it, a month of it"
            yield Hit(1.0, f"Go to schedule {wanted}", partial(self._open, wanted), help=help)

    def _open(self, name: str) -> None:
        cast("DeckApp", self.app).open(detail(SCHEDULE, name))


PROVIDERS: Final[set[type[Provider] | Callable[[], type[Provider]]]] = {
    ScreenActions,
    Screens,
    JobById,
    WorkerByName,
    ScheduleByName,
}
