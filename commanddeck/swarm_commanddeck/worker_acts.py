"""What is done to workers, the same on their table and on a worker's own screen."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from swarm_commanddeck import worker_deeds as deeds
from swarm_commanddeck.places import INVITE, detail
from swarm_commanddeck.screens.ask import Answers, Ask, Field
from swarm_commanddeck.screens.base import Act, DeckScreen, explained
from swarm_consumer.models import Worker
from swarm_consumer.parallel import each
from swarm_protocol.errors import SwarmError

_AT_ONCE = 8
_FETCHED = 50
"""Workers whose jobs a question names; of more it says how many they are."""


class WorkerActs(DeckScreen):
    """A screen on which workers are chosen, and things are done to them."""

    place = "workers"
    needs: ClassVar[dict[str, str]] = {
        "pause": "worker.change",
        "resume": "worker.change",
        "drain": "worker.drain",
        "labels": "worker.change",
        "capacity": "worker.change",
        "rename": "worker.change",
        "revoke": "worker.revoke",
        "forget": "worker.remove",
        "invite": "worker.invite",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", tooltip="Give it nothing new; what runs there goes on"),
        Binding("r", "resume", "Resume", tooltip="Give it jobs again: takes back a pause or a drain"),
        Binding("d", "drain", "Drain", tooltip="Have it finish what it has and leave, by a deadline if you like"),
        Binding("t", "labels", "Labels", show=False, tooltip="Set labels, or take them away"),
        Binding("c", "capacity", "Capacity", show=False, tooltip="How much of it is offered to jobs"),
        Binding("n", "rename", "Rename", show=False, tooltip="Call it otherwise"),
        Binding("x", "revoke", "Revoke", tooltip="Shut it out for good"),
        Binding("delete", "forget", "Forget", show=False, tooltip="Take one that was revoked out of the list"),
        Binding("a", "invite", "Add", tooltip="Let a worker in: a join token, and the command to paste"),
    ]

    @property
    def chosen(self) -> list[Worker]:
        """What an action is about."""
        return []

    def touched(self, workers: Sequence[Worker]) -> None:
        """Something was done to these: what is shown of them is old."""

    # At once, for it can be taken back.

    def action_pause(self) -> None:
        """Give them nothing new."""
        line = "They get nothing new; what runs there goes on."
        self._simple("pause", "worker.change", self.deck.client.pause_worker, "paused", [line])

    def action_resume(self) -> None:
        """Give them jobs again."""
        line = "They take jobs again: a pause or a drain is taken back."
        self._simple("resume", "worker.change", self.deck.client.resume_worker, "resumed", [line])

    def _simple(
        self, verb: str, action: str, do: Callable[[str], Awaitable[object]], done: str, lines: Sequence[str]
    ) -> None:
        workers = self.chosen
        if workers:
            self._act(
                workers, action, verb, done, do, [worker.name for worker in workers] + list(lines), ask=len(workers) > 1
            )

    # After a question.

    @work(group="question", exclusive=True)
    async def action_drain(self) -> None:
        """Ask by when, then drain."""
        if not (workers := await self._looked_at("worker.drain")):
            return
        note = "10m, 2h; empty: whenever they are done"
        fields = [Field("deadline", "Deadline", note=note, check=deeds.read_deadline)]
        title = f"Drain {deeds.names(workers)}: by when?"
        answers = await self._ask(title, fields, [f"{w.name}: {deeds.jobs_text(w)}" for w in workers], "Go on")
        if answers is None:
            return
        limit = deeds.read_deadline(answers["deadline"])

        async def do(worker: str) -> object:
            return await self.deck.client.drain_worker(worker, deadline=limit)

        self._act(workers, "worker.drain", "drain", "draining", do, deeds.drain_lines(workers, limit))

    @work(group="question", exclusive=True)
    async def action_revoke(self) -> None:
        """Shut them out."""
        if workers := await self._looked_at("worker.revoke"):
            lines = deeds.revoke_lines(workers)
            self._act(workers, "worker.revoke", "revoke", "revoked", self.deck.client.revoke, lines)

    def action_forget(self) -> None:
        """Take them out of the list."""
        workers = self.chosen
        if kept := deeds.not_revoked(workers):
            self.deck.tell(f"{deeds.names(kept)}: revoke first (x); only who is shut out can be forgotten", bad=True)
        elif workers:
            do, lines = self.deck.client.remove_worker, deeds.forget_lines(workers)
            self._act(workers, "worker.remove", "forget", "forgot", do, lines)

    @work(group="question", exclusive=True)
    async def action_labels(self) -> None:
        """Set labels, take labels away."""
        if not (workers := self._may("worker.change")):
            return
        lines = [
            f"{w.name}: {' '.join(f'{k}={v}' for k, v in sorted(w.labels.items())) or 'no labels'}" for w in workers
        ]
        field = Field("labels", "Labels", note="gpu=a100 sets one, gpu- takes it away", check=deeds.read_labels)
        answers = await self._ask(f"Labels of {deeds.names(workers)}", [field], lines, "Set")
        if answers is not None:
            change = deeds.read_labels(answers["labels"])
            label = self.deck.client.label_worker
            self._act(workers, "worker.change", "label", "labelled", lambda worker: label(worker, change), ask=False)

    @work(group="question", exclusive=True)
    async def action_capacity(self) -> None:
        """How much is offered of one worker."""
        if (worker := self._one("worker.change")) is None:
            return
        own = worker.own_capacity or {}
        fields = [
            Field(
                "slots", "Slots", deeds.wanted_text(worker, "slots"), f"jobs at once; its own: {own.get('slots', '?')}"
            ),
            Field(
                "cpu_millis",
                "Cpu",
                deeds.wanted_text(worker, "cpu_millis"),
                "such as 4 or 500m; may be more than there is",
            ),
            Field("memory", "Memory", deeds.wanted_text(worker, "memory"), "such as 8G; not more than there is"),
            Field("disk", "Disk", deeds.wanted_text(worker, "disk"), "such as 50G; not more than there is"),
        ]

        def check(answers: Answers) -> object:
            return deeds.read_capacity(answers, worker.wanted_capacity)

        lines = deeds.capacity_lines(worker)
        answers = await self._ask(f"Capacity of {worker.name}", fields, lines, "Set", check)
        change = deeds.read_capacity(answers, worker.wanted_capacity) if answers is not None else {}
        if change:
            size = self.deck.client.size_worker
            self._act([worker], "worker.change", "size", "sized", lambda worker: size(worker, change), ask=False)

    @work(group="question", exclusive=True)
    async def action_rename(self) -> None:
        """Another name for one worker."""
        if (worker := self._one("worker.change")) is None:
            return
        field = Field("name", "Name", worker.name, "letters, digits and . _ -, at most 63")
        answers = await self._ask(f"Rename {worker.name}", [field], [], "Rename")
        if answers is not None and answers["name"] != worker.name:
            name, rename = answers["name"], self.deck.client.rename_worker
            do = f"renamed to {name}:"
            self._act([worker], "worker.change", "rename", do, lambda worker: rename(worker, name), ask=False)

    def action_invite(self) -> None:
        """The screen that lets workers in."""
        self.deck.open(detail(INVITE))

    # The gate.

    def _may(self, action: str) -> list[Worker]:
        """What is chosen, if the role may; else it is told why not."""
        if why := self.deck.rights.why_not(action):
            self.deck.tell(why, bad=True)
            return []
        return self.chosen

    def _one(self, action: str) -> Worker | None:
        workers = self._may(action)
        if len(workers) > 1:
            self.deck.tell("choose one worker for this: escape takes the marks away", bad=True)
        return workers[0] if len(workers) == 1 else None

    async def _looked_at(self, action: str) -> list[Worker]:
        """What is chosen, with the jobs that run there now."""
        workers = self._may(action)
        if len(workers) > _FETCHED:
            return workers
        try:
            return await each(workers, lambda worker: self.deck.client.worker(worker.id), _AT_ONCE)
        except SwarmError as error:
            self.deck.tell(explained(error), bad=True)
            return []

    async def _ask(
        self,
        title: str,
        fields: Sequence[Field],
        lines: Sequence[str],
        verb: str,
        check: Callable[[Answers], object] | None = None,
    ) -> Answers | None:
        return await self.app.push_screen_wait(Ask(title, fields, lines=lines, verb=verb, check=check))

    def _act(
        self,
        workers: Sequence[Worker],
        action: str,
        verb: str,
        done: str,
        do: Callable[[str], Awaitable[object]],
        lines: Sequence[str] = (),
        *,
        ask: bool = True,
    ) -> None:
        async def run() -> str:
            try:
                return await done_to(workers, done, do)
            finally:
                self.touched(workers)

        title = f"{verb.capitalize()} {deeds.names(workers)}?"
        self.act(Act(action=action, title=title, lines=lines, verb=verb.capitalize(), do=run, ask=ask))


async def done_to(workers: Sequence[Worker], done: str, do: Callable[[str], Awaitable[object]]) -> str:
    """Do it to all of them, some at once; a sentence. Raises SwarmError that names those it was not done to."""

    async def one(worker: Worker) -> SwarmError | None:
        try:
            await do(worker.id)
        except SwarmError as error:
            return error
        return None

    failed = [(w, e) for w, e in zip(workers, await each(workers, one, _AT_ONCE), strict=True) if e is not None]
    if not failed:
        return f"{done} {deeds.names(workers)}"
    worker, error = failed[0]
    most = "" if len(workers) == 1 else f"not done to {len(failed)} of {len(workers)}; "
    raise SwarmError(error.code, f"{most}{worker.name}: {error.message}", hint=error.hint)
