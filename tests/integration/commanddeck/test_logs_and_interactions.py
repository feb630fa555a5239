"""Logs and Interactions on a real core: what is written and said shows live, by filters, and from any moment on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tests.fixtures.decks import deck_on, until
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.core.wire import Wire, connected
from tests.integration.storage.vault import ANA, Vault
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, Static

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.places import WORKER, detail
from swarm_commanddeck.screens.ask import Ask
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.screens.logs import LogsScreen
from swarm_commanddeck.sequence import Row
from swarm_commanddeck.sequence_words import label
from swarm_commanddeck.widgets.reel import Reel
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer import Client
from swarm_consumer.models import SyslogLine
from swarm_core.syslog.levels import Level
from swarm_protocol import messages as m
from swarm_protocol.spec import JobSpec

OLD_LINES = """
insert into syslog (core, seq, at, level, module, message, tags, fields)
select $1, n, now() - make_interval(secs => 2000 - n, hours => case when n < 1000 then 5 else 0 end), 20, 'gateway',
       'probe ' || n, '{}', '{}'
from generate_series(0, 1999) n
"""
"""Two thousand lines, a second apart; between the first thousand and the others lie five hours."""


@dataclass
class World:
    """A core, and the deck on it."""

    core: LiveCore

    @asynccontextmanager
    async def deck(self, person: str, at: str) -> AsyncIterator[Pilot[None]]:
        """The deck as somebody, at a screen."""
        held = []
        for _ in range(3):
            async with await self.core.client(person) as client:
                held.append(client.credentials)
        async with deck_on(lambda project: Client(held.pop(), project=project), at=at) as pilot:
            yield pilot

    def log(self, count: int, module: str = "gateway", word: str = "probe", start: int = 0) -> None:
        """Lines of the core's own log, each of a kind of its own, so that no flood is cut."""
        log = self.core.logger.child(module)
        log.least = int(Level.INFO)
        for number in range(start, start + count):
            log.info(f"{word} {number}", number=number)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        core.logger._write = lambda _: None
        vault = Vault(core.database, tmp_path)
        await vault.push(ANA)
        vault.store.close()
        await core.person("root", "admin")
        await core.person("eve", "observer")
        yield World(core)
        core.parts.blobs.close()


def reel(app: App[None]) -> Reel[object]:
    return app.screen.query_one(Reel)


def lines(app: App[None]) -> list[str]:
    """The messages of the lines that are loaded."""
    return [each.message for each in reel(app).items if isinstance(each, SyslogLine)]


def labels(app: App[None]) -> list[str]:
    return [label(each.messages) for each in reel(app).items if isinstance(each, Row)]


def words(app: App[None], name: str) -> str:
    return str(app.screen.query_one(f"#{name}", Static).render())


def told(app: App[None]) -> str:
    return " | ".join(str(note.message) for note in app._notifications)


async def asked(pilot: Pilot[None], *keys: str) -> None:
    """Press a key, and the others once it asks."""
    await pilot.press(keys[0])
    await until(lambda: isinstance(pilot.app.screen, Ask | Confirm), "it asks")
    await pilot.pause()
    await pilot.press(*keys[1:])


async def runs_one(client: Client, wire: Wire) -> int:
    """A job from its submit to its committed end."""
    job = (await client.submit(JobSpec(image="img", command=["x"]))).id
    ref = (await wire.next(m.Assign)).ref  # type: ignore[union-attr]
    await wire.say(m.Accepted(ref=ref))
    await wire.say(m.Started(ref=ref))
    await wire.say(m.Finished(ref=ref, result="succeeded", exit_code=0))
    await wire.next(m.Ack)
    return job


async def test_a_conversation_goes_on_live_and_of_a_job_from_its_submit(world: World) -> None:
    worker = await world.core.worker("rack-1")
    async with connected(world.core, worker) as wire, world.deck("root", "interactions") as pilot:
        app = pilot.app
        await until(lambda: "welcome" in labels(app), "the handshake is shown")
        assert words(app, "subject").startswith("rack-1: ")
        client = await world.core.client("root")
        job = await runs_one(client, wire)
        await until(lambda: f"ack {job}.1" in labels(app), "the job's messages have come")
        assert [word for word in labels(app) if f" {job}.1" in word and "log" not in word] == [
            f"assign {job}.1",
            f"accepted {job}.1",
            f"started {job}.1",
            f"finished {job}.1",
            f"ack {job}.1",
        ]
        await wire.say(m.Ping(seq=1, load=m.Load(running=0, free_slots=1, load1=0.0, memory_free=1)))
        await until(lambda: "1 ping" in words(app, "state"), "signs of life are counted")
        await asked(pilot, "b", *str(job), "enter")
        await until(lambda: f"submit {job}" in labels(app), "the job is told from its submit")
        assert "→ succeeded" in " ".join(labels(app))
        await client.close()


async def test_from_a_worker_to_what_it_says_and_back(world: World) -> None:
    worker = await world.core.worker("rack-1")
    async with connected(world.core, worker), world.deck("root", "interactions") as pilot:
        app = pilot.app
        assert isinstance(app, DeckApp)
        app.open(detail(WORKER, "rack-1"))
        await until(lambda: app.front and app.front.place == "workers" and app.front.loads, "the worker is shown")
        await pilot.press("I")
        await until(lambda: app.screen.query(Reel) and "welcome" in labels(app), "its conversation is shown")
        await pilot.press("escape")
        await until(lambda: app.front and app.front.place == "workers", "back at the worker")
        world.core.logger.child("gateway").least = int(Level.INFO)
        world.core.logger.child("gateway").info("about it", worker=worker)
        await pilot.press("L")
        await until(lambda: app.screen.query(Reel) and "about it" in lines(app), "what the log has of it is shown")
        await pilot.press("escape")
        await until(lambda: app.front and app.front.place == "workers", "back at the worker")


async def test_an_observer_looks_on_and_others_jobs_are_not_told(world: World) -> None:
    worker = await world.core.worker("rack-1")
    async with connected(world.core, worker) as wire:
        client = await world.core.client("root")
        await client.projects.add("lab")
        await client.projects.grant("lab", "eve", "observer")
        job = await runs_one(client, wire)
        await client.close()
        async with world.deck("eve", "interactions") as pilot:
            app = pilot.app
            await until(lambda: labels(app), "something is shown")
            await until(lambda: f"ack {job}.1" in labels(app), "she sees jobs of her own project")
            await app.look_at("lab")  # type: ignore[attr-defined]
            await asked(pilot, "w", "ctrl+s")
            await until(lambda: any(word.startswith("others") for word in labels(app)), "others are counted")
            assert not any(str(job) in word for word in labels(app))


async def test_the_log_live_filtered_and_paused(world: World) -> None:
    async with world.deck("root", "logs") as pilot:
        app = pilot.app
        assert isinstance(app, DeckApp)
        world.log(3)
        await until(lambda: "probe 2" in lines(app), "what is written is shown")
        await pilot.press("p")
        world.log(3, start=3)
        await until(lambda: world.core.logger.backlog.first(1) == [], "it is written")
        assert "probe 5" not in lines(app)
        await pilot.press("p")
        await until(lambda: "probe 5" in lines(app), "it goes on without a gap")
        assert lines(app).count("probe 3") == 1
        await pilot.press("slash")
        app.screen.query_one(Input).value = "module:leases"
        await until(lambda: lines(app) == [] and "module" in str(app.screen.query_one("#filter").value), "none fits")  # type: ignore[attr-defined]
        world.log(1, module="leases", word="lease")
        await until(lambda: lines(app) == ["lease 0"], "what fits comes")


async def test_one_reads_back_and_jumps_in_time_without_loading_all(world: World) -> None:
    await world.core.database.api.execute(OLD_LINES, world.core.parts.given.core)
    async with world.deck("root", "logs") as pilot:
        app = pilot.app
        await until(lambda: lines(app)[-1:] == ["probe 1999"], "the newest are there")
        assert len(lines(app)) == 250
        await pilot.press("g")
        await until(lambda: len(lines(app)) > 250, "older ones come")
        assert lines(app) == [f"probe {number}" for number in range(2000 - len(lines(app)), 2000)]
        screen = app.screen
        assert isinstance(screen, LogsScreen)
        middle = app.now - timedelta(hours=2)  # type: ignore[attr-defined]
        screen.go_to(middle)
        await until(lambda: "probe 999" in lines(app) and "probe 1000" in lines(app), "what was said then is there")
        assert "in the past" in words(app, "state")
        assert isinstance(reel(app).current, SyslogLine)
        assert reel(app).current.message == "probe 1000"  # type: ignore[attr-defined]
        for _ in range(12):
            await pilot.press("G")
            await asyncio.sleep(0.1)
        await until(lambda: "● live" in words(app, "state"), "at its end it goes live")
        assert lines(app)[-1] == "probe 1999"


async def test_a_burst_of_lines_leaves_keys_quick_and_memory_bounded(world: World) -> None:
    async with world.deck("root", "logs") as pilot:
        app = pilot.app
        await until(lambda: app.front and app.front.loads, "it is there")  # type: ignore[attr-defined]
        screen, slowest, loop = app.screen, 0.0, asyncio.get_running_loop()
        assert isinstance(screen, LogsScreen)
        line = SyslogLine(id=1, at=app.now, level="info", module="m", message="x" * 80)  # type: ignore[attr-defined]
        for number in range(12):
            for _ in range(1000):
                screen._take(line)
            began = loop.time()
            await pilot.press("k" if number % 2 else "j")
            slowest = max(slowest, loop.time() - began)
        await until(lambda: not screen._waiting, "all is drawn")
        assert len(reel(app).items) <= reel(app).most
        assert slowest < 1.0


async def test_levels_are_set_and_taken_back_by_who_may(world: World) -> None:
    async with world.deck("root", "logs") as pilot:
        app = pilot.app
        await pilot.press("m")
        await until(lambda: app.screen.query(LiveTable) and len(app.screen.query_one(LiveTable).window), "the levels")
        app.screen.query_one(LiveTable).go_to("gateway")
        await asked(pilot, "e", "ctrl+s")
        await until(lambda: "gateway keeps error and above until" in told(app), "it is set")
        client = await world.core.client("root")
        found = {each.module: each for each in await client.syslog.levels()}
        assert found["gateway"].changed_by == "user:root"
        assert found["gateway"].until is not None
        await asked(pilot, "r", "y")
        await until(lambda: "as if nobody had set it" in told(app), "it is taken back")
        assert {each.module: each for each in await client.syslog.levels()}["gateway"].changed_by is None
        await client.close()


async def test_who_may_not_read_the_log_is_told_why(world: World) -> None:
    async with world.deck("eve", "logs") as pilot:
        app = pilot.app
        await until(lambda: "needs the role operator" in reel(app)._empty, "it says why")
        await pilot.press("m")
        await until(lambda: "needs the role operator" in told(app), "and so does a key")
        assert isinstance(app.screen, LogsScreen)
