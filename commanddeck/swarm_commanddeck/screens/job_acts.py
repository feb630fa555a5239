"""What is done with a job: cancelled, retried, run again with changes, moved in the queue, deleted; and its ways on."""

from typing import ClassVar, Final

from textual import events, work
from textual.binding import Binding, BindingType

from swarm_commanddeck import jobacts
from swarm_commanddeck.jobfacts import title
from swarm_commanddeck.places import JOB, SCHEDULE, TALK, WORKER, detail
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import Act, DeckScreen
from swarm_commanddeck.screens.edit_job import EditJob
from swarm_consumer.models import Job
from swarm_protocol.errors import SwarmError

_ABOUT: Final = frozenset({"cancel", "retry", "rerun", "remove", "worker", "priority", "schedule", "interactions"})
"""Actions that need a job that is fit for them."""


class JobActs(DeckScreen):
    """A screen about one job, which may be none."""

    needs: ClassVar[dict[str, str]] = {
        "cancel": "job.cancel",
        "retry": "job.retry",
        "rerun": "job.submit",
        "remove": "job.remove",
        "priority": "job.update",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel", tooltip="Cancel the job"),
        Binding("r", "retry", "Retry", tooltip="Run it again as a new job, or release a held one"),
        Binding("R", "rerun", "Rerun", tooltip="Change its spec and submit that as a new job"),
        Binding("p", "priority", "Priority", tooltip="Give it another priority"),
        Binding("d,delete", "remove", "Delete", tooltip="Delete the job with its log and files"),
        Binding("W", "worker", "Worker", show=False, tooltip="Go to its worker"),
        Binding("S", "schedule", "Schedule", show=False, tooltip="Go to the schedule that made it"),
        Binding("I", "interactions", "Interactions", show=False, tooltip="What core and worker say about it"),
    ]

    def __init__(self, job: int) -> None:
        super().__init__()
        self.number = job
        self.job: Job | None = None
        """As it was seen last."""
        self.gone: SwarmError | None = None
        """That it is not there, or no more."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey is what the role can't do, and what this job is not fit for now."""
        allowed = super().check_action(action, parameters)
        return None if allowed and self._why_not_now(action) else allowed

    def _why_not_now(self, action: str) -> str:
        if action not in _ABOUT:
            return ""
        if self.gone is not None:
            return f"job {self.number} is not there"
        return jobacts.why_not(action, self.job)

    def on_key(self, event: events.Key) -> None:
        """A key of a grey action says why it is grey."""
        found = self.active_bindings.get(event.key)
        if found is not None and not found.enabled and found.node is self:
            why = self._why_not_now(found.binding.action.partition("(")[0])
            if why:
                event.stop()
                self.deck.tell(why, bad=True)
                return
        super().on_key(event)

    def action_cancel(self) -> None:
        """Ask for its end."""

        async def do() -> str:
            answer = await self.deck.client.cancel(self.number)
            return f"job {self.number} is {'being cancelled' if answer.cancelling else 'cancelled'}"

        if self.job is not None:
            lines = jobacts.cancelling(self.job, self.deck.now)
            self.act(Act(action="job.cancel", title="Cancel this job?", lines=lines, verb="Cancel it", do=do))

    def action_retry(self) -> None:
        """A new job like it, which is then seen; a held one is released."""

        async def do() -> str:
            made = await self.deck.client.retry(self.number)
            if made == self.number:
                return f"job {made} is released"
            self.deck.open(detail(JOB, made))
            return f"job {made} runs what job {self.number} ran"

        if self.job is not None:
            held = not self.job.ended
            verb, lines = "Release it" if held else "Run it again", jobacts.retrying(self.job)
            self.act(Act(action="job.retry", title=f"{verb}?", lines=lines, verb=verb, do=do))

    def action_remove(self) -> None:
        """Delete it, and go back."""

        async def do() -> str:
            await self.deck.client.remove(self.number)
            self.gone = SwarmError("not_found", f"job {self.number} is deleted")
            if self.is_current:
                self.app.pop_screen()
            return f"job {self.number} is deleted"

        if self.job is not None:
            lines = jobacts.removing(self.job)
            self.act(Act(action="job.remove", title="Delete this job?", lines=lines, verb="Delete it", do=do))

    def action_rerun(self) -> None:
        """Change its spec, and see the job that this makes."""

        def made(job: int | None) -> None:
            if job is not None:
                self.deck.open(detail(JOB, job))
                self.deck.tell(f"job {job} is submitted")

        if self.job is not None and self.job.spec is not None:
            heading = f"{title(self.job)}, with changes: a new job"
            self.app.push_screen(EditJob(self.job.spec, heading), made)

    @work
    async def action_priority(self) -> None:
        """Another priority: a queued one moves up or down."""
        job = self.job
        if job is None:
            return
        field = Field("priority", "Priority", value=str(job.priority), note="-1000 to 1000", check=jobacts.priority)
        lines = ["A higher one goes first; one that runs keeps it for when it is queued again."]
        asked = Ask(f"Which priority for {title(job)}?", [field], verb="Set it", lines=lines)
        answers = await self.app.push_screen_wait(asked)
        if answers is None:
            return
        wanted = jobacts.priority(answers["priority"])

        async def do() -> str:
            await self.deck.client.update(self.number, priority=wanted)
            return f"job {self.number} has priority {wanted}"

        self.act(Act(action="job.update", title="", do=do, ask=False))

    @work
    async def action_schedule(self) -> None:
        """The schedule that made it."""
        if self.job is None or not self.job.schedule:
            return
        try:
            found = await self.deck.client.schedules.get(self.job.schedule)
        except SwarmError as error:
            self.deck.tell(error.message, bad=True)
        else:
            self.deck.open(detail(SCHEDULE, found.id))

    def action_interactions(self) -> None:
        """What is said about it."""
        self.deck.open(detail(TALK, None, self.number))

    def action_worker(self) -> None:
        """Its worker."""
        if self.job is not None and self.job.worker:
            self.deck.open(detail(WORKER, self.job.worker))
