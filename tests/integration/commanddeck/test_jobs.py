"""The list of jobs in the deck, on a real core: it moves with the events, is narrowed and sorted, and steers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from tests.fixtures.decks import deck_on, until
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.core.spine import FakeWorker
from textual.pilot import Pilot
from textual.widgets import Input, Static

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.link import LineState
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.screens.jobs import JobsScreen
from swarm_commanddeck.screens.told import Told
from swarm_commanddeck.widgets.filter import FilterBar
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer import Client
from swarm_consumer.models import Job
from swarm_core.harvester import Report
from swarm_protocol import messages as m
from swarm_protocol.ids import DEFAULT_PROJECT
from swarm_protocol.spec import JobSpec


@dataclass
class Hand:
    """The deck's list of jobs under a hand, at a core."""

    core: LiveCore
    pilot: Pilot[None]

    @property
    def app(self) -> DeckApp:
        return cast(DeckApp, self.pilot.app)

    @property
    def screen(self) -> JobsScreen:
        found = self.app.front
        assert isinstance(found, JobsScreen)
        return found

    @property
    def table(self) -> LiveTable[Job]:
        return self.screen.query_one(LiveTable)

    @property
    def rows(self) -> list[Job]:
        return self.table.window.held

    @property
    def states(self) -> dict[int, str]:
        return {job.id: str(job.state) for job in self.rows}

    @property
    def ids(self) -> list[int]:
        return [job.id for job in self.rows]

    def text(self, selector: str) -> str:
        return str(self.screen.query_one(selector, Static).render())

    @property
    def told(self) -> str:
        return " | ".join(str(note.message) for note in self.app._notifications)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def write_filter(self, line: str) -> None:
        await self.press("slash")
        self.screen.query_one(Input).value = line
        await self.press("enter")

    async def asked(self) -> list[str]:
        """What the question says that will happen."""
        await until(lambda: isinstance(self.app.screen, Confirm), "it asks")
        return [str(line.render()) for line in self.app.screen.query(".dialog-lines Static").results(Static)]


@asynccontextmanager
async def hand_at(core: LiveCore, person: str = "ana", size: tuple[int, int] = (140, 30)) -> AsyncIterator[Hand]:
    signed_in = (await core.client(person)).credentials
    async with deck_on(lambda project: Client(signed_in, project=project), at="jobs", size=size) as pilot:
        hand = Hand(core, pilot)
        await until(lambda: hand.app.line.state is LineState.LIVE, "the line is live")
        yield hand


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, run_modules=True) as made:
        await made.image()
        for name, role in (("ana", "consumer"), ("ben", "consumer"), ("olga", "observer")):
            await made.person(name, role)
        yield made


@pytest.fixture
async def client(core: LiveCore) -> AsyncIterator[Client]:
    async with await core.client("ana") as made:
        yield made


async def submit(client: Client, **spec: object) -> int:
    return (await client.submit(JobSpec(image="app", **spec))).id  # type: ignore[arg-type]


async def report(core: LiveCore, worker: FakeWorker, message: m.Started | m.Finished) -> None:
    assert await core.parts.harvester.report(Report(worker.id, message))


async def test_jobs_appear_and_move_as_it_happens(core: LiveCore, client: Client) -> None:
    old = await submit(client, name="old")
    async with hand_at(core) as hand:
        await until(lambda: hand.ids == [old], "the job that was there is listed")
        worker = await core.played_worker("rack-7")
        assert (await worker.assigned()).ref.job == old
        job = await submit(client, name="train")
        assert (await worker.assigned()).ref.job == job
        await until(lambda: hand.ids == [job, old], "the new one stands above")
        loads = hand.screen.loads
        ref = m.Ref(job, 1)
        await report(core, worker, m.Started(ref=ref))
        await until(lambda: hand.states[job] == "running", "it runs")
        assert hand.rows[0].worker == "rack-7"
        core.parts.progress.hear(worker.id, m.Progress(ref=ref, fraction=0.5, text="epoch 2"))
        await until(lambda: hand.rows[0].progress, "it says how far it is")
        await report(core, worker, m.Finished(ref=ref, result="exit_nonzero", exit_code=3))
        await until(lambda: hand.states[job] == "failed", "it has failed")
        row = hand.rows[0]
        assert (row.exit_code, row.failure) == (3, "exit_nonzero")
        assert row.started_at is not None
        assert hand.screen.loads <= loads + 1  # the rows were changed in place
        hand.table.go_to(job)
        await hand.press("enter")
        await until(lambda: type(hand.app.front).__name__ == "JobScreen", "it is opened")
        await hand.press("escape")
        await until(lambda: isinstance(hand.app.front, JobsScreen), "and closed")
        await client.remove(job)
        await until(lambda: hand.ids == [old], "it is gone")


async def test_a_filter_is_written_with_help_and_holds_as_jobs_change(core: LiveCore, client: Client) -> None:
    async with await core.client("ben") as ben:
        theirs = await submit(ben, name="other")
    mine = [await submit(client, name=f"n{number}", tags=["a"]) for number in range(2)]
    async with hand_at(core) as hand:
        await until(lambda: hand.ids == [*mine[::-1], theirs], "all are listed")
        await hand.press("slash", "o", "w", "tab")
        bar = hand.screen.query_one(FilterBar)
        assert bar.query_one(Input).value == "owner:"
        assert "me" in hand.text("#filter-help")
        await hand.press("b", "tab", "enter")
        await until(lambda: hand.ids == [theirs], "one person's are listed")
        assert bar.text == "owner:ben"
        await hand.press("slash", "s", "t", "a", "t", ":", "x", "enter")
        assert "did you mean state:?" in hand.text("#filter-help")
        assert bar.editing
        await hand.press("escape")
        assert (bar.editing, bar.text) == (False, "owner:ben")
        await hand.write_filter("state:queued owner:me")
        await until(lambda: hand.ids == mine[::-1], "mine that wait are listed")
        await client.cancel(mine[0])
        await until(lambda: hand.ids == [mine[1]], "what no longer fits has left")
        await hand.press("m")
        await until(lambda: hand.ids == [mine[1], theirs], "everybody's that wait are listed")
        await hand.write_filter("state:failed")
        await until(lambda: hand.ids == [] and hand.table.window.whole, "none")
        assert "none" in hand.text("#count")


async def test_it_is_sorted_by_keys_and_by_a_click_on_the_heading(core: LiveCore, client: Client) -> None:
    jobs = [await submit(client, priority=number % 2) for number in range(4)]
    await client.cancel(jobs[0])
    async with hand_at(core) as hand:
        await until(lambda: hand.ids == jobs[::-1], "newest first")
        await hand.press("P")
        await until(lambda: hand.ids == [jobs[1], jobs[3], jobs[2]], "as the queue has them")
        await client.update(jobs[2], priority=5)
        await until(lambda: hand.ids == [jobs[2], jobs[1], jobs[3]], "the queue has changed")
        await hand.press("P")
        await until(lambda: hand.ids == [jobs[3], jobs[1], jobs[2]], "the last of the queue first")
        await hand.press("E")
        await until(lambda: hand.ids == [jobs[0]], "what has ended")
        await hand.pilot.click(LiveTable, offset=(4, 0))
        await until(lambda: hand.ids == jobs[::-1], "by age again")
        assert hand.screen.query_one(FilterBar).text == ""


async def test_many_are_steered_with_one_question_and_each_failure_is_told(core: LiveCore, client: Client) -> None:
    worker = await core.played_worker("rack-7")
    running = await submit(client, name="train")
    await worker.assigned()
    await report(core, worker, m.Started(ref=m.Ref(running, 1)))
    core.parts.dispatcher.remove(worker.session)
    queued = [await submit(client, name=f"n{number}", constraints={"never": "there"}) for number in range(3)]
    async with hand_at(core) as hand:
        await until(lambda: hand.states.get(running) == "running" and len(hand.ids) == 4, "all are listed")
        await hand.press("ctrl+a", "p")
        await until(lambda: hand.app.screen.query("Input"), "it asks for a priority")
        await hand.press(*"7", "enter")
        await until(lambda: "changed 4 jobs" in hand.told, "it is told")
        assert {(await client.glance(job)).priority for job in queued} == {7}
        await hand.press("ctrl+a", "c")
        assert await hand.asked() == [
            *(
                f"{job} n{number}: never runs (queued); that can't be undone"
                for number, job in reversed(list(enumerate(queued)))
            ),
            f"{running} train: is stopped on rack-7; that can't be undone",
        ]
        await client.cancel(queued[0])  # somebody was faster
        await hand.press("y")
        await until(lambda: isinstance(hand.app.screen, Told), "what went wrong is listed")
        said = [str(line.render()) for line in hand.app.screen.query(Static).results(Static)]
        assert "Cancelled 3 jobs, 1 still being stopped; 1 failed" in said
        assert any(line.startswith(f"{queued[0]}: job {queued[0]} has already ended: cancelled") for line in said)
        await hand.press("escape")
        assert [(await client.glance(job)).state for job in queued] == ["cancelled"] * 3
        assert (await client.glance(running)).cancel_requested
        hand.table.go_to(queued[2])
        await hand.press("r")
        assert await hand.asked() == [f"{queued[2]} n2: runs again as a new job (cancelled)"]
        await hand.press("y")
        await until(lambda: f"retried 1 job as {queued[2] + 1}" in hand.told, "it is told")
        await until(lambda: hand.ids[0] == queued[2] + 1, "the new one is listed")
        hand.table.go_to(queued[1])
        await hand.press("space", "space", "d")
        lines = await hand.asked()
        assert [line.endswith("cancelled; its log and files go with it") for line in lines] == [True, True]
        await hand.press("y")
        await until(lambda: not {queued[1], queued[0]} & set(hand.ids), "they are gone")


async def test_who_only_looks_on_can_do_nothing_and_is_told_why(core: LiveCore, client: Client) -> None:
    job = await submit(client)
    async with hand_at(core, "olga") as hand:
        await until(lambda: hand.ids == [job], "it is listed")
        for key, word in (("c", "cancelling"), ("r", "retrying"), ("p", "changing"), ("d", "deleting")):
            await hand.press(key)
            await until(lambda word=word: f"{word} jobs needs the role consumer" in hand.told, f"why not {word}")  # type: ignore[misc]
        assert (await client.glance(job)).state == "queued"


async def test_to_the_far_end_of_a_long_list_and_back_with_few_rows_in_memory(core: LiveCore, client: Client) -> None:
    many = 20_000
    await core.database.api.execute(
        "insert into job (project_id, state, attempt, shape_id, priority, retries, infra_retries, at_most_once,"
        " created_at, ended_at, image_digest, spec, name)"
        " select $1, 'succeeded', 0, 1, 0, 0, 0, false, swarm_now() - ($2 - n) * interval '1 second', swarm_now(),"
        " 'sha256:0', '{\"image\": \"app\"}', 'job ' || n from generate_series(1, $2::int) n",
        DEFAULT_PROJECT,
        many,
    )
    await core.database.api.execute("analyze job")
    async with hand_at(core, size=(100, 40)) as hand:
        table = hand.table
        await until(lambda: len(table.window) >= 200, "the first are listed")
        await hand.press("G")
        most = 0
        while not table.window.whole:
            known = len(table.window)
            table.action_edge(1)  # as the key does, without waiting for the screen each time
            await until(lambda known=known: len(table.window) > known or table.window.whole, "more is known")  # type: ignore[misc]
            most = max(most, len(table.window.held))
        await hand.press("G")
        await until(lambda: table.current and table.current.id == 1, "the last is the first that was made")
        loads = hand.screen.loads
        await hand.press("f5")  # what is seen is fetched anew, where one is
        await until(lambda: hand.screen.loads > loads, "it is fetched again")
        assert (table.current and table.current.id, table.window.whole) == (1, True)
        new = await submit(client, name="new")
        await until(lambda: "1 newer" in hand.text("#count"), "the new one is counted")
        assert new not in hand.ids
        await hand.press("g")
        await until(lambda: table.current and table.current.id == new, "and back at the newest")
        assert max(most, len(hand.rows)) <= 2000
