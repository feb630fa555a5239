"""What is done with schedules, from their list and from the screen of one."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from swarm_commanddeck.schedule_rows import in_words
from swarm_commanddeck.screens.base import Act, DeckScreen, explained
from swarm_commanddeck.screens.schedule_form import ScheduleForm
from swarm_consumer.models import ScheduleState
from swarm_protocol.errors import SwarmError
from swarm_protocol.schedule import Overlap

_OVERLAP = {
    Overlap.FORBID: "it is refused while one of its jobs has not ended",
    Overlap.ALLOW: "it runs beside those of its jobs that have not ended",
    Overlap.QUEUE: "it waits until its job that has not ended has",
    Overlap.REPLACE: "its job that has not ended is cancelled, and it runs after that",
}


class ScheduleActs(DeckScreen):
    """A screen on which schedules can be made, changed, paused, run and deleted."""

    place = "schedules"
    needs: ClassVar[dict[str, str]] = {
        "add": "schedule.add",
        "edit": "schedule.edit",
        "pause": "schedule.pause",
        "resume": "schedule.pause",
        "run_now": "schedule.run",
        "remove": "schedule.remove",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "New", tooltip="Make a schedule"),
        Binding("e", "edit", "Edit", tooltip="Change the schedule"),
        Binding("p", "pause", "Pause", tooltip="Start no occurrence until it is resumed"),
        Binding(
            "r",
            "resume",
            "Resume",
            show=False,
            tooltip="Go on with the next occurrence; what came due meanwhile doesn't run",
        ),
        Binding("n", "run_now", "Run now", tooltip="Run it at once, paused or not, as its overlap allows"),
        Binding("x,delete", "remove", "Delete", tooltip="Delete schedules with their history; their jobs stay"),
    ]

    @property
    def chosen(self) -> list[ScheduleState]:
        """What an action is about."""
        return []

    def gone(self, schedules: Sequence[ScheduleState]) -> None:
        """They were deleted."""

    def touched(self, schedules: Sequence[ScheduleState]) -> None:
        """Something was done to these."""

    def action_add(self) -> None:
        """A new one."""
        self.fill_in(None)

    def action_edit(self) -> None:
        """Change the one that is chosen."""
        if self.chosen:
            self.fill_in(self.chosen[0])

    @work(group="form", exclusive=True)
    async def fill_in(self, schedule: ScheduleState | None) -> None:
        """Show the form, of a schedule as it is now."""
        if schedule is not None:
            try:
                schedule = await self.deck.client.schedules.get(schedule.id)
            except SwarmError as error:
                return self.deck.tell(explained(error), bad=True)
        kept = await self.app.push_screen_wait(ScheduleForm(schedule))
        if kept is not None:
            self.deck.tell(f"{kept.definition.name} is kept: {in_words(kept.definition.cron)}")
            self.touched([kept])
            self.load_soon(at_once=True)

    def action_pause(self) -> None:
        """Pause those that are not."""
        chosen = [each for each in self.chosen if each.paused_at is None]
        self._each("schedule.pause", "Pause", "paused", chosen, self.deck.client.schedules.pause)

    def action_resume(self) -> None:
        """Resume those that are paused."""
        chosen = [each for each in self.chosen if each.paused_at is not None]
        self._each("schedule.pause", "Resume", "resumed", chosen, self.deck.client.schedules.resume)

    def _each(
        self,
        action: str,
        verb: str,
        done: str,
        chosen: list[ScheduleState],
        change: Callable[[str | int], Awaitable[ScheduleState]],
    ) -> None:
        if not chosen:
            return self.deck.tell(f"nothing here is to be {done}")

        async def do() -> str:
            for each in chosen:
                await change(each.id)
                self.touched([each])
            return f"{done} {_named(chosen)}"

        # One is taken back with the other key; several are asked for.
        self.act(
            Act(
                action=action,
                title=f"{verb} {_count(chosen)}?",
                lines=[each.definition.name for each in chosen],
                verb=verb,
                do=do,
                ask=len(chosen) > 1,
            )
        )
        return None

    def action_run_now(self) -> None:
        """Run it at once."""
        chosen = self.chosen
        if not chosen:
            return

        async def do() -> str:
            jobs = []
            for each in chosen:
                jobs.append((await self.deck.client.schedules.run(each.id)).job)
                self.touched([each])
            return f"{_named(chosen)} runs: job {', '.join(str(job) for job in jobs)}"

        lines = [f"{each.definition.name}: {_OVERLAP[each.definition.overlap]}" for each in chosen]
        self.act(Act(action="schedule.run", title=f"Run {_count(chosen)} now?", lines=lines, verb="Run", do=do))

    def action_remove(self) -> None:
        """Delete them."""
        chosen = self.chosen
        if not chosen:
            return

        async def do() -> str:
            for each in chosen:
                await self.deck.client.schedules.remove(each.id)
                self.gone([each])
            return f"deleted {_named(chosen)}"

        lines = [f"{each.definition.name}: {in_words(each.definition.cron)}" for each in chosen]
        lines.append("with the history; jobs that were made stay, no further one is made")
        self.act(Act(action="schedule.remove", title=f"Delete {_count(chosen)}?", lines=lines, verb="Delete", do=do))


def _named(chosen: Sequence[ScheduleState]) -> str:
    return chosen[0].definition.name if len(chosen) == 1 else f"{len(chosen)} schedules"


def _count(chosen: Sequence[ScheduleState]) -> str:
    return f"schedule {chosen[0].definition.name}" if len(chosen) == 1 else f"{len(chosen)} schedules"
