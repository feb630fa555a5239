"""The workers' screens on a real core: what they show, and what the core has after each action."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fixtures.decks import Hurried, played, until
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.core.spine import FakeWorker
from tests.integration.core.wire import connected
from tests.integration.storage.vault import ANA, Vault
from textual.pilot import Pilot
from textual.widgets import Static

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.machines import Machine
from swarm_commanddeck.preferences import Preferences
from swarm_commanddeck.screens.ask import Ask
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.screens.invite import InviteScreen
from swarm_commanddeck.screens.worker import WorkerScreen
from swarm_commanddeck.screens.workers import WorkersScreen
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.joining import join_command
from swarm_core.settings import Timers
from swarm_protocol import messages as m
from swarm_protocol.heartbeat import Beat, Sealer
from swarm_protocol.spec import JobSpec
from swarm_worker.join import join

GIB = 1 << 30


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    quiet = Timers(unreachable=600.0)  # those that are played say nothing by themselves
    async with live_core(database_url, tmp_path, timers=quiet, run_modules=True) as core:
        await core.person("root", "admin")
        await core.person("eve", "observer")
        yield core
        core.parts.blobs.close()


@asynccontextmanager
async def deck(core: LiveCore, person: str = "root", size: tuple[int, int] = (140, 40)) -> AsyncIterator[Pilot[None]]:
    client = await core.client(person)
    who = await client.whoami()
    app = DeckApp(lambda _: client, who, start="workers", keep=Preferences(), clock=Hurried())
    async with played(app, size) as pilot:
        await until(lambda: app.line.state == "live", "the line is live")
        yield pilot


def app_of(pilot: Pilot[None]) -> DeckApp:
    assert isinstance(pilot.app, DeckApp)
    return pilot.app


def table(pilot: Pilot[None]) -> LiveTable[Machine]:
    found: LiveTable[Machine] = app_of(pilot).screen.query_one("#table", LiveTable)
    return found


def rows(pilot: Pilot[None]) -> dict[str, Machine]:
    return {machine.name: machine for machine in table(pilot).window.held}


def text(pilot: Pilot[None], where: str = "") -> str:
    """What stands on the screen in front, or in one part of it."""
    if where:
        return str(app_of(pilot).screen.query_one(where, Static).content)
    lines = app_of(pilot).screen._compositor.render_strips(pilot.app.size)
    return "\n".join(line.text for line in lines)


def told(pilot: Pilot[None]) -> str:
    return " | ".join(str(note.message) for note in pilot.app._notifications)


async def is_on(pilot: Pilot[None], kind: type) -> None:
    await until(lambda: isinstance(pilot.app.screen, kind), f"{kind.__name__} is in front")
    await pilot.pause()


async def typed(pilot: Pilot[None], words: str) -> None:
    await pilot.press(*("space" if letter == " " else letter for letter in words))


def beat(core: LiveCore, worker: FakeWorker, load: float, lose: int = 0) -> None:
    sealer = Sealer(worker.session.key_id, bytes(32))
    loaded = m.Load(running=0, free_slots=4, load1=load, memory_free=GIB)
    for _ in range(lose):
        sealer.seal(Beat(time.time(), "waiting", loaded))
    core.parts.heartbeats.take(sealer.seal(Beat(time.time(), "waiting", loaded)))


async def test_the_table_lives_by_events_and_what_is_marked_is_paused_and_resumed(core: LiveCore) -> None:
    workers = [await core.played_worker(f"rack-{number}") for number in (1, 2, 10)]
    beat(core, workers[1], 2.5, lose=30)
    client = await core.client("root")
    async with client, deck(core) as pilot:
        await until(lambda: list(rows(pilot)) == ["rack-1", "rack-2", "rack-10"], "in the order of people")
        await until(lambda: rows(pilot)["rack-2"].load == 2.5, "its numbers are fetched")
        assert "-97%!" in text(pilot)
        assert "○ 3 waiting" in text(pilot)
        await client.pause_worker("rack-10")
        await until(lambda: rows(pilot)["rack-10"].state == "paused", "an event tells it")
        await client.rename_worker("rack-10", "rack-3")
        await until(lambda: "rack-3" in rows(pilot), "another name is fetched")
        await core.played_worker("rack-4")
        await until(lambda: "rack-4" in rows(pilot), "one that joins is there")

        await pilot.press("space", "space", "p")
        await is_on(pilot, Confirm)
        assert "Pause rack-1, rack-2?" in text(pilot)
        await pilot.press("y")
        await until(lambda: "paused rack-1, rack-2" in told(pilot), "it is told")
        assert {w.name: w.state for w in await client.workers()} == {
            "rack-1": "paused", "rack-2": "paused", "rack-3": "paused", "rack-4": "waiting"
        }  # fmt: skip
        await until(lambda: rows(pilot)["rack-2"].state == "paused", "and shown")
        await pilot.press("home", "r")
        await until(lambda: "resumed rack-1" in told(pilot), "one alone is not asked for")
        assert (await client.worker("rack-1")).state == "waiting"

        await pilot.press("enter")
        await is_on(pilot, WorkerScreen)
        await client.rename_worker("rack-4", "rack-5")
        await until(lambda: app_of(pilot).recent[-1].detail.get("name") == "rack-5", "it happens behind another screen")
        await pilot.press("escape")
        await is_on(pilot, WorkersScreen)
        await until(lambda: "rack-5" in rows(pilot), "what happened meanwhile is caught up with")


async def test_filter_and_order(core: LiveCore) -> None:
    workers = [await core.played_worker(name) for name in ("a", "b", "c")]
    beat(core, workers[1], 0.25)
    beat(core, workers[2], 0.75)
    async with deck(core) as pilot:
        await until(lambda: len(rows(pilot)) == 3, "all are there")
        for _ in range(4):
            if table(pilot).sorted_by == ("load", True):
                break
            await pilot.press("s")
        await until(lambda: list(rows(pilot)) == ["c", "b", "a"], "the most loaded first")
        await pilot.press("S")
        await until(lambda: list(rows(pilot)) == ["a", "b", "c"], "the other way round")
        await pilot.press("slash")
        await typed(pilot, "load>0.5")
        await until(lambda: list(rows(pilot)) == ["c"], "those that fit alone")
        assert "1 of 3 fit 'load>0.5'" in text(pilot)
        await pilot.press("enter")
        assert table(pilot).has_focus
        await pilot.press("slash")
        await typed(pilot, " colour:red")
        await until(lambda: "colour: is no key" in text(pilot), "what is wrong is said")
        await pilot.press("escape")
        await until(lambda: len(rows(pilot)) == 3, "all again")


async def test_a_worker_is_drained_with_its_jobs_named_and_taken_back(core: LiveCore, tmp_path: Path) -> None:
    vault = Vault(core.database, tmp_path)
    await vault.push(ANA)
    client = await core.client("root")
    async with client, connected(core, await core.worker("w")) as wire, deck(core) as pilot:
        job = (await client.submit(JobSpec(image="img", command=["true"]))).id
        await wire.next(m.Assign)
        await until(lambda: "w" in rows(pilot), "it is there")
        await pilot.press("enter")
        await is_on(pilot, WorkerScreen)
        await until(lambda: "Jobs 1" in text(pilot), "its job is counted")
        await pilot.press("d")
        await is_on(pilot, Ask)
        assert f"w: 1 job runs there: {job}" in text(pilot)
        await typed(pilot, "soon")
        await pilot.press("ctrl+s")
        assert isinstance(pilot.app.screen, Ask), "what can't be read is not taken"
        await pilot.press(*["backspace"] * 4)
        await typed(pilot, "10m")
        await pilot.press("ctrl+s")
        await is_on(pilot, Confirm)
        assert "After 10m what still runs is stopped and put back in the queue." in text(pilot)
        await pilot.press("y")
        await until(lambda: "draining w" in told(pilot), "it is told")
        drained = await client.worker("w")
        assert drained.drain is not None
        assert drained.drain.until is not None
        await until(lambda: "↧ draining" in text(pilot, "#facts-text"), "it is shown")
        await pilot.press("r")
        await until(lambda: "resumed w" in told(pilot), "it is taken back")
        assert (await client.worker("w")).drain is None
        await pilot.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await until(lambda: "resumed" in text(pilot) and "user:root" in text(pilot), "its history")
        for key, name in (("L", "LogsScreen"), ("I", "InteractionsScreen")):
            await pilot.press(key)
            await until(lambda: type(pilot.app.screen).__name__ == name, f"{name} is in front")  # noqa: B023
            await pilot.press("backspace")
            await is_on(pilot, WorkerScreen)
    vault.store.close()


async def test_a_worker_is_labelled_sized_renamed_revoked_and_forgotten(core: LiveCore) -> None:
    await core.played_worker("w")
    client = await core.client("root")
    async with client, deck(core) as pilot:
        await until(lambda: "w" in rows(pilot), "it is there")
        await pilot.press("t")
        await is_on(pilot, Ask)
        await typed(pilot, "gpu=a100")
        await pilot.press("ctrl+s")
        await until(lambda: "labelled w" in told(pilot), "labelled")
        assert (await client.worker("w")).labels["gpu"] == "a100"
        await pilot.press("c")
        await is_on(pilot, Ask)
        assert "by itself: 4 slots, 64 cpu" in text(pilot)
        await typed(pilot, "7")
        await pilot.press("ctrl+s")
        await until(lambda: "sized w" in told(pilot), "sized")
        assert (await client.worker("w")).wanted_capacity == {"slots": 7}
        await pilot.press("n")
        await is_on(pilot, Ask)
        await typed(pilot, "w2")
        await pilot.press("ctrl+s")
        await until(lambda: "renamed to w2" in told(pilot), "renamed")
        await until(lambda: "w2" in rows(pilot), "and shown so")
        await pilot.press("delete")
        await until(lambda: "revoke first" in told(pilot), "it can't be forgotten yet")
        await pilot.press("x")
        await is_on(pilot, Confirm)
        assert "It can't come back" in text(pilot)
        await pilot.press("y")
        await until(lambda: "revoked w2" in told(pilot), "revoked")
        assert (await client.worker("w2")).revoked_at is not None
        await until(lambda: rows(pilot)["w2"].worker.revoked_at, "and shown so")
        await pilot.press("delete")
        await is_on(pilot, Confirm)
        await pilot.press("y")
        await until(lambda: rows(pilot) == {}, "forgotten")
        assert await client.workers() == []


async def test_the_wizard_makes_a_token_with_which_a_worker_joins_for_real(core: LiveCore) -> None:
    client = await core.client("root")
    async with client, deck(core) as pilot:
        await pilot.press("a")
        await until(lambda: isinstance(pilot.app.screen, Ask), "what for is asked")
        await pilot.press("ctrl+s")
        await is_on(pilot, InviteScreen)
        await until(lambda: text(pilot, "#command"), "the command is shown")
        command = text(pilot, "#command")
        token = command.rpartition(" ")[2]
        assert command == join_command(client.credentials.url, token), "as `swarm worker token` prints it"
        await until(lambda: "waiting: 0 of 1" in text(pilot, "#joined"), "it waits")
        await pilot.press("c")
        assert pilot.app.clipboard == command
        url = command.split()[3]
        await join(url, token, "newcomer")
        await until(lambda: "✓ it has joined" in text(pilot, "#joined"), "it has joined")
        await until(lambda: "newcomer" in text(pilot, "#joined"), "by its name")
        assert [t.uses_left for t in await client.join_tokens()] == [0]
        await pilot.press("n")
        await is_on(pilot, Ask)
        await typed(pilot, "2")
        await pilot.press("ctrl+s")
        await is_on(pilot, InviteScreen)
        await until(lambda: "waiting: 0 of 2" in text(pilot, "#joined"), "another one")
        await until(lambda: len(app_of(pilot).screen.query_one("#tokens", LiveTable).window) == 2, "both are listed")
        await pilot.press("home", "x")
        await is_on(pilot, Confirm)
        await pilot.press("y")
        await until(lambda: "nobody joins with the token" in told(pilot), "it is taken back")
        assert [t.uses_left for t in await client.join_tokens()] == [0]
        await until(lambda: "lets nobody in" in text(pilot, "#joined"), "and told so")
        await pilot.press("escape")
        await is_on(pilot, WorkersScreen)
        await until(lambda: "newcomer" in rows(pilot), "it is in the table")


async def test_an_observer_sees_all_and_does_nothing(core: LiveCore) -> None:
    await core.played_worker("w")
    async with deck(core, "eve") as pilot:
        await until(lambda: "w" in rows(pilot), "it is there")
        for key in ("p", "r", "d", "t", "c", "n", "x", "a", "delete"):
            assert not pilot.app.screen.active_bindings[key].enabled
            await pilot.press(key)
            assert isinstance(pilot.app.screen, WorkersScreen)
        await until(lambda: "needs the role operator" in told(pilot), "it says why")
        found = await app_of(pilot).client.worker("w")
        assert (found.state, found.labels.get("gpu")) == ("waiting", None)
        await pilot.press("enter")
        await is_on(pilot, WorkerScreen)
        await until(lambda: "○ waiting" in text(pilot, "#facts-text"), "also on its own screen")
