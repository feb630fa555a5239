"""Terminals through whole cores: who may have one, what crosses, what is kept of it, and how it ends.

The worker is played; what a real one does is in the worker's own tests.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.core.spine import FakeWorker
from tests.integration.storage.vault import ANA, Vault

from swarm_consumer import Client
from swarm_consumer.terminals import Terminal
from swarm_core.harvester import Report
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import JobSpec


@dataclass
class Stage:
    """A person at one core, a worker at the same or another, and a job that runs on it."""

    near: LiveCore
    far: LiveCore
    worker: FakeWorker
    client: Client
    ref: m.Ref

    async def opens(self, terminal: Terminal) -> m.TerminalOpen:
        """Let the worker open it."""
        opening = asyncio.create_task(terminal.__aenter__())
        wanted: m.TerminalOpen = await self.worker.next(m.TerminalOpen)
        self.says(m.TerminalOpened(terminal=wanted.terminal))
        await opening
        return wanted

    def says(self, word: m.OfTerminal) -> None:
        """The worker's word."""
        self.far.parts.terminals.heard(self.worker.session, word)

    async def seen(self) -> int:
        """The next number of bytes that the worker is told were seen, but for signs of life."""
        while not (count := (await self.worker.next(m.TerminalSeen)).count):
            continue
        return int(count)

    async def audited(self) -> list[dict[str, Any]]:
        """What the audit has of terminals."""
        rows = await self.near.database.api.fetch(
            "select actor, action, subject, detail::text as detail from audit where action like '%terminal' order by id"
        )
        return [{**row, "detail": msgspec.json.decode(row["detail"])} for row in rows]


async def running(core: LiveCore, worker: FakeWorker, client: Client, **spec: Any) -> m.Ref:
    """A job that runs on the worker."""
    await client.submit(JobSpec(image="img", command=["sleep"], **spec))
    ref = (await worker.assigned()).ref
    assert await core.parts.harvester.report(Report(worker.id, m.Started(ref=ref)))
    return ref


@asynccontextmanager
async def stage(
    url: str, folder: Path, *, redis_url: str | None = None, role: str = "operator", needs: str = "operator",
    minor: int = m.PROTOCOL_MINOR, **spec: Any,
) -> AsyncIterator[Stage]:  # fmt: skip
    """With Redis there are two cores, and the worker is at the other one."""
    async with AsyncExitStack() as stack:
        options: dict[str, Any] = {"redis_url": redis_url, "terminal_role": needs, "run_modules": True}
        near = far = await stack.enter_async_context(live_core(url, folder, **options))
        if redis_url is not None:
            far = await stack.enter_async_context(live_core(url, folder, **options))
        vault = Vault(near.database, folder)
        stack.callback(vault.store.close)
        for core in {near, far}:
            stack.callback(core.parts.blobs.close)
        await vault.push(ANA)
        await near.person("ana", role)
        client = await stack.enter_async_context(await near.client("ana"))
        worker = await far.played_worker("w", minor=minor)
        yield Stage(near, far, worker, client, await running(far, worker, client, **spec))


async def known_to(stage: Stage) -> None:
    """Until the person's core knows where the worker is."""
    async with asyncio.timeout(10):
        while not any(view.id == stage.worker.id for view in await stage.near.parts.fleet.workers()):
            await asyncio.sleep(0.02)


async def refused(opening: Terminal) -> SwarmError:
    with pytest.raises(SwarmError) as caught:
        await opening.__aenter__()
    return caught.value


@pytest.fixture(params=["one core", "two cores"])
async def play(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    two = request.param == "two cores"
    async with stage(
        database_url, tmp_path, redis_url=request.getfixturevalue("redis_url") if two else None, stdin=True
    ) as made:
        if two:
            await known_to(made)
        yield made


async def test_a_command_from_its_first_word_to_its_exit_code(play: Stage) -> None:
    terminal = play.client.terminal(play.ref.job, ["sh", "-c", "cat"], tty=True, size=(33, 99))
    wanted = await play.opens(terminal)
    name = wanted.terminal
    assert (wanted.ref, wanted.command, wanted.tty, wanted.stdin) == (play.ref, ["sh", "-c", "cat"], True, True)
    assert (wanted.rows, wanted.columns, terminal.attempt, terminal.worker) == (33, 99, 1, "w")

    await terminal.write(b"hello")
    assert await play.worker.next(m.TerminalInput) == m.TerminalInput(terminal=name, data=b"hello")
    play.says(m.TerminalTaken(terminal=name, count=5))
    await terminal.resize(10, 20)
    assert await play.worker.next(m.TerminalSize) == m.TerminalSize(terminal=name, rows=10, columns=20)
    await terminal.end_input()
    assert (await play.worker.next(m.TerminalInput)).data == b""

    play.says(m.TerminalOutput(terminal=name, stream=1, data=b"HEL"))
    play.says(m.TerminalOutput(terminal=name, stream=2, data=b"LO"))
    reading = aiter(terminal)
    assert [await anext(reading) for _ in range(2)] == [(1, b"HEL"), (2, b"LO")]
    assert [await play.seen() for _ in range(2)] == [3, 2]
    play.says(m.TerminalEnded(terminal=name, exit_code=7))
    assert [piece async for piece in reading] == []
    assert terminal.exit_code == 7
    await terminal.__aexit__(None, None, None)

    async with asyncio.timeout(10):
        while len(found := await play.audited()) < 2:
            await asyncio.sleep(0.02)
    opened, closed = found
    assert (opened["actor"], opened["subject"]) == ("user:ana", f"{play.ref.job}.1")
    assert opened["detail"] == {"terminal": str(name), "command": "sh -c cat"}
    expected = {"terminal": str(name), "exit_code": 7, "message": "", "bytes_in": 5, "bytes_out": 5}
    assert (closed["action"], closed["detail"]) == ("close_terminal", expected)


async def test_a_person_who_leaves_ends_the_command(play: Stage) -> None:
    terminal = play.client.terminal(play.ref.job)
    wanted = await play.opens(terminal)
    assert wanted.command == []
    await terminal.__aexit__(None, None, None)
    assert await play.worker.next(m.TerminalClose) == m.TerminalClose(terminal=wanted.terminal)


async def test_a_worker_that_is_gone_ends_its_terminals(play: Stage) -> None:
    terminal = play.client.terminal(play.ref.job)
    await play.opens(terminal)
    play.far.parts.terminals.lost(play.worker.session)
    with pytest.raises(SwarmError, match="the connection to its worker was lost"):
        [piece async for piece in terminal]


async def test_what_nobody_has_open_is_closed_at_the_worker(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path) as made:
        made.says(m.TerminalOutput(terminal=made.worker.id, stream=1, data=b"x"))
        assert await made.worker.next(m.TerminalClose) == m.TerminalClose(terminal=made.worker.id)


async def test_a_core_that_falls_silent_ends_the_terminals_between(
    database_url: str, tmp_path: Path, redis_url: str
) -> None:
    async with stage(database_url, tmp_path, redis_url=redis_url, stdin=True) as made:
        await known_to(made)
        terminal = made.client.terminal(made.ref.job)
        wanted = await made.opens(terminal)
        for core, far in ((made.near, True), (made.far, False)):
            silence(core, far=far)
            core.parts.terminals._tell_and_drop()
        with pytest.raises(SwarmError, match="the core that has its worker is gone"):
            [piece async for piece in terminal]
        assert await made.worker.next(m.TerminalClose) == m.TerminalClose(terminal=wanted.terminal)


def silence(core: LiveCore, *, far: bool) -> None:
    """As if the other core had not been heard for an hour."""
    terminals = core.parts.terminals
    known: list[Any] = [way for _, way in terminals._lines.values()] if far else []
    known += [guest.far for guest in terminals._guests._guests.values()]
    assert known
    for each in known:
        each.heard -= 3600


async def test_without_redis_a_worker_of_another_core_is_out_of_reach(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path, stdin=True) as made, live_core(database_url, tmp_path) as other:
        async with await other.client("ana") as client:
            error = await refused(client.terminal(made.ref.job))
        assert (error.code, error.status) == ("unavailable", 503)
        assert "Redis" in (error.hint or "")
        other.parts.blobs.close()


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ({"role": "consumer"}, "forbidden", "needs the role operator; ana is consumer"),
        ({"role": "admin", "needs": "nobody"}, "forbidden", "terminals are off"),
        ({"minor": 1, "stdin": True}, "conflict", "worker w is of an earlier version"),
        ({}, "conflict", "reads no input: it was not made with `run -i`"),
    ],
)
async def test_what_is_refused_is_said(
    database_url: str, tmp_path: Path, given: dict[str, Any], code: str, text: str
) -> None:
    async with stage(database_url, tmp_path, **given) as made:
        error = await refused(made.client.terminal(made.ref.job))
        assert (error.code, text in error.message, bool(error.hint)) == (code, True, True)
        assert (await made.client.whoami()).terminals == (code != "forbidden")
        assert await made.audited() == []


BAD: list[tuple[Callable[[Client, int], Terminal], str, str]] = [
    (lambda client, job: client.terminal(job + 1, ["sh"]), "not_found", "there is no job"),
    (lambda client, job: client.terminal(job, [""]), "bad_request", "that is no command"),
    (lambda client, job: client.terminal(job, ["a\0b"]), "bad_request", "that is no command"),
    (lambda client, job: client.terminal(job, ["x"] * 5000), "bad_request", "at most 4096 words"),
    (lambda client, job: client.terminal(job, ["sh"], size=(0, 80)), "bad_request", "rows and columns"),
]


async def test_bad_wishes_are_refused(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path) as made:
        for wish, code, text in BAD:
            error = await refused(wish(made.client, made.ref.job))
            assert (error.code, text in error.message) == (code, True), error
        report = Report(made.worker.id, m.Finished(ref=made.ref, result="succeeded", exit_code=0))
        assert await made.far.parts.harvester.report(report)
        error = await refused(made.client.terminal(made.ref.job, ["sh"]))
        assert (error.code, error.message) == (
            "conflict", f"job {made.ref.job} is succeeded, a terminal needs a running one",
        )  # fmt: skip


async def test_a_job_of_another_project_is_not_there(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path) as made:
        await made.near.database.api.execute("insert into project (id, name) values ($1, 'lab')", made.worker.id)
        await made.near.database.api.execute("update job set project_id = $1", made.worker.id)
        error = await refused(made.client.terminal(made.ref.job, ["sh"]))
        assert (error.code, error.status) == ("not_found", 404)


@pytest.mark.parametrize("ends", ["role", "time"])
async def test_a_terminal_outlives_its_access_token_and_not_who_may_have_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr("swarm_core.api.auth.LOOK_AGAIN", 0.02)
    async with stage(database_url, tmp_path, stdin=True) as made:
        tokens, gatekeeper = made.near.parts.tokens, made.near.parts.gatekeeper
        now, looks, looked = tokens._now, [0], asyncio.Event()
        identify = gatekeeper.identify

        async def seen(*words: Any, **more: Any) -> Any:
            found = await identify(*words, **more)
            looks[0] += 1
            looked.set()
            return found

        terminal = made.client.terminal(made.ref.job)
        monkeypatch.setattr(gatekeeper, "identify", seen)
        wanted = await made.opens(terminal)
        tokens._now = lambda: now() + 3600
        looks[0] = 0
        async with asyncio.timeout(10):
            while looks[0] < 3:
                looked.clear()
                await looked.wait()
        await terminal.write(b"still here")
        assert (await made.worker.next(m.TerminalInput)).data == b"still here"

        if ends == "role":
            await made.near.database.api.execute("update person set role = 'consumer'")
        else:
            tokens._now = lambda: now() + 2 * 86_400
        with pytest.raises(SwarmError, match=r"the terminal is gone: .*(needs the role operator|has run out)"):
            [piece async for piece in terminal]
        assert await made.worker.next(m.TerminalClose) == m.TerminalClose(terminal=wanted.terminal)
