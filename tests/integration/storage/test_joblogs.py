"""Job logs on a real Postgres and real files: sealed once, in order, and read to the end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.integration.core.spine import SilentLog
from tests.integration.storage.vault import ANA, Vault, vault

from swarm_core.clock import SystemClock
from swarm_core.events import JobEvents
from swarm_core.joblogs import JobLogs
from swarm_core.log_intake import Intake
from swarm_core.log_tail import Data, End, Event, Gap, NewAttempt, State
from swarm_core.logreader import LogReader
from swarm_core.store.database import Connection, Pool, transaction
from swarm_protocol.errors import SwarmError


class Logs:
    """The log side of one core."""

    def __init__(self, one: Vault, intake: Intake | None = None) -> None:
        self.vault = one
        self.events = JobEvents()
        self.acks: list[tuple[int, int, int, int]] = []
        self.told = asyncio.Event()
        self.logs = JobLogs(
            one.database,
            one.store,
            self.events,
            SystemClock(),
            SilentLog(),
            on_ack=self._acked,
            intake=intake,
        )
        self.reader = LogReader(one.database, one.store, self.logs, self.events, SystemClock())

    def _acked(self, *ack: int) -> None:
        job, attempt, stream, offset = ack
        self.acks.append((job, attempt, stream, offset))
        self.told.set()

    async def acked(self, *ack: int) -> None:
        """Wait until the worker was told this."""
        async with asyncio.timeout(10):
            while ack not in self.acks:
                self.told.clear()
                await self.told.wait()

    async def read(self, job: int, stream: int = 1, offset: int = 0, attempt: int | None = None) -> tuple[bytes, bool]:
        """All so far, and whether that is all there will be."""
        part = await self.reader.so_far(ANA.project, job, attempt, stream, offset)
        return b"".join([piece async for piece in self.reader.pieces(job, stream, part)]), part.complete

    def follow(self, job: int, attempt: int | None = None, **offsets: int) -> "Follower":
        """A consumer that follows."""
        start = {1: offsets.get("stdout", 0), 2: offsets.get("stderr", 0)}
        return Follower(self.reader.follow(ANA.project, job, attempt, start))


class Follower:
    """Collects what it is told."""

    def __init__(self, events: AsyncIterator[Event]) -> None:
        self._events = events
        self.seen: list[Event] = []
        self.text = {1: b"", 2: b""}

    async def until(self, wanted: bytes, stream: int = 1) -> None:
        """Read until a stream ends with these bytes."""
        while not self.text[stream].endswith(wanted):
            await self.next()

    async def next(self) -> Event:
        """One more event."""
        event = await asyncio.wait_for(anext(self._events), 10)
        self.seen.append(event)
        if isinstance(event, NewAttempt):
            self.text = {1: b"", 2: b""}
        if isinstance(event, Data):
            self.text[event.stream] += event.data
        return event

    async def rest(self) -> list[Event]:
        """All to the end."""
        with contextlib.suppress(StopAsyncIteration):
            while True:
                await self.next()
        return self.seen


@asynccontextmanager
async def logs(url: str, folder: Path, intake: Intake | None = None) -> AsyncIterator[Logs]:
    """Running job logs."""
    async with vault(url, folder) as one:
        made = Logs(one, intake)
        running = asyncio.create_task(made.logs.run())
        try:
            yield made
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def finish(one: Vault, job: int, stdout: int, stderr: int = 0, attempt: int = 1, *, last: bool = True) -> None:
    """The attempt has ended with streams of these lengths, and the job with it."""
    await one.database.api.execute(
        "update attempt set ended_at = swarm_now(), stdout = $3, stderr = $4 where job_id = $1 and attempt = $2",
        job,
        attempt,
        stdout,
        stderr,
    )
    if last:
        await one.database.api.execute(
            "update job set state = 'succeeded', exit_code = 0, ended_at = swarm_now() where id = $1", job
        )


async def test_bytes_are_told_to_be_safe_only_when_sealed(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        one.logs.append(job, 1, 1, 0, b"hello ")
        one.logs.append(job, 1, 2, 0, b"oops")
        one.logs.append(job, 1, 1, 6, b"world")
        await one.acked(job, 1, 1, 11)
        await one.acked(job, 1, 2, 4)
        assert await one.logs.acked(job, 1) == {1: 11, 2: 4}
        assert await one.vault.database.api.fetchval("select count(distinct pack) from log_segment") == 1
    async with logs(database_url, tmp_path) as two:
        assert await two.read(job) == (b"hello world", False)
        assert await two.read(job, 2, 2) == (b"ps", False)
        await finish(two.vault, job, 11, 4)
        assert await two.read(job) == (b"hello world", True)


async def test_a_restarted_core_takes_the_log_up_without_gap_or_double(database_url: str, tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % n for n in range(1000))
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        one.logs.append(job, 1, 1, 0, text[:3000])
        await one.acked(job, 1, 1, 3000)
        one.logs.append(job, 1, 1, 3000, text[3000:4000])
    async with logs(database_url, tmp_path) as two:
        two.logs.append(job, 1, 1, 2000, text[2000:5000])
        two.logs.append(job, 1, 1, 5000, text[5000:])
        await two.acked(job, 1, 1, len(text))
        assert (await two.read(job))[0] == text


async def test_two_cores_that_take_the_same_bytes_keep_them_once(database_url: str, tmp_path: Path) -> None:
    text = bytes(range(256)) * 40
    async with vault(database_url, tmp_path) as a, vault(database_url, tmp_path) as b:
        _, job = await a.running(ANA)
        one, two = Logs(a), Logs(b)
        for core, cuts in ((one, (0, 700, 3000)), (two, (0, 1500, 2000))):
            for start, stop in zip(cuts, [*cuts[1:], len(text)], strict=True):
                core.logs.append(job, 1, 1, start, text[start:stop])
        for _ in range(4):
            await asyncio.gather(one.logs.seal(), two.logs.seal())
        assert (await one.read(job))[0] == text
        assert await a.database.api.fetchval("select sum(length) from log_segment") == len(text)
        assert (job, 1, 1, len(text)) in one.acks + two.acks


async def test_a_gap_is_asked_for_from_what_is_safe(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        one.logs.append(job, 1, 1, 0, b"abc")
        await one.acked(job, 1, 1, 3)
        one.acks.clear()
        one.logs.append(job, 1, 1, 5, b"fg")
        await one.acked(job, 1, 1, 3)
        assert one.acks == [(job, 1, 1, 3)] * 2  # the second doesn't grow, whatever the worker knew: send again
        one.logs.append(job, 1, 1, 3, b"defg")
        await one.acked(job, 1, 1, 7)
        assert (await one.read(job))[0] == b"abcdefg"


async def test_a_worker_that_does_not_know_what_is_safe_is_told(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        one.logs.append(job, 1, 1, 0, b"abc")
        await one.acked(job, 1, 1, 3)
    async with logs(database_url, tmp_path) as two:
        two.logs.append(job, 1, 1, 0, b"abc")
        await two.acked(job, 1, 1, 3)


async def test_more_than_memory_holds_still_arrives(database_url: str, tmp_path: Path) -> None:
    text = bytes(range(251)) * 400
    async with logs(database_url, tmp_path, Intake(most=20_000, most_each=15_000)) as one:
        _, job = await one.vault.running(ANA)
        at = 0
        async with asyncio.timeout(30):
            while at < len(text):
                for start in range(at, min(len(text), at + 40_000), 1000):
                    one.logs.append(job, 1, 1, start, text[start : start + 1000])
                    assert one.logs.intake.size <= 20_000
                one.told.clear()
                await one.told.wait()
                at = max(at, *(ack[3] for ack in one.acks))
        assert (await one.read(job))[0] == text


async def test_a_full_disk_delays_the_log_and_loses_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        real, failures = one.vault.store.stage, 0

        async def stage(*args: Any, **more: Any) -> Any:
            nonlocal failures
            failures += 1
            if failures == 1:
                raise SwarmError("disk_full", "full")
            return await real(*args, **more)

        monkeypatch.setattr(one.vault.store, "stage", stage)
        one.logs.append(job, 1, 1, 0, b"abc")
        await one.acked(job, 1, 1, 3)
        assert failures == 2


async def test_a_commit_whose_answer_is_lost_doubles_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        lost = 0

        @asynccontextmanager
        async def forgetful(pool: Pool) -> AsyncIterator[Connection]:
            nonlocal lost
            async with transaction(pool) as connection:
                yield connection
            lost += 1
            if lost == 1:
                one.logs.append(job, 1, 1, 3, b"def")
                raise ConnectionError("the answer is lost")

        monkeypatch.setattr("swarm_core.joblogs.transaction", forgetful)
        one.logs.append(job, 1, 1, 0, b"abc")
        await one.acked(job, 1, 1, 6)
        assert lost > 1
        assert (await one.read(job))[0] == b"abcdef"
        assert await one.vault.database.api.fetchval("select sum(length) from log_segment") == 6


async def test_the_log_of_a_removed_job_is_dropped(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        _, other = await one.vault.running(ANA)
        one.logs.append(job, 1, 1, 0, b"a")
        await one.acked(job, 1, 1, 1)
        await one.vault.database.api.execute("delete from log_segment")
        await one.vault.database.api.execute("delete from attempt where job_id = $1", job)
        one.logs.append(job, 1, 1, 1, b"b")
        one.logs.append(other, 1, 1, 0, b"c")
        await one.acked(other, 1, 1, 1)
        await one.logs.seal()
        assert one.logs.intake.size == 0
        assert await one.vault.database.api.fetchval("select count(*) from log_segment") == 1


async def test_following_sees_bytes_before_they_are_sealed_and_goes_on_to_the_end(
    database_url: str, tmp_path: Path
) -> None:
    async with vault(database_url, tmp_path) as store:
        _, job = await store.running(ANA)
        one = Logs(store)
        tail = one.follow(job)
        assert await tail.next() == NewAttempt(attempt=1, worker=await worker_name(store, job))
        assert await tail.next() == State(state="running")
        one.logs.append(job, 1, 1, 0, b"first ")
        await one.logs.seal()
        one.logs.append(job, 1, 1, 6, b"second ")
        await tail.until(b"first second ")
        await one.logs.seal()
        one.logs.append(job, 1, 2, 0, b"error")
        await one.logs.seal()
        await tail.until(b"error", 2)
        one.logs.append(job, 1, 1, 13, b"last")
        await finish(store, job, 17, 5)
        one.events.notify([job])
        *_, end = await tail.rest()
        assert tail.text == {1: b"first second last", 2: b"error"}
        assert end == End(state="succeeded", exit_code=0, failure=None, message="", attempt=1, truncated=False)
        assert State(state="succeeded") in tail.seen

        resumed = one.follow(job, 1, stdout=6, stderr=5)
        await one.logs.seal()
        await resumed.rest()
        assert resumed.text == {1: b"second last", 2: b""}


async def test_following_at_another_core_needs_no_wake_up(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one, logs(database_url, tmp_path) as two:
        _, job = await one.vault.running(ANA)
        tail = two.follow(job)
        one.logs.append(job, 1, 1, 0, b"over there")
        await tail.until(b"over there")
        await finish(one.vault, job, 10)
        assert isinstance((await tail.rest())[-1], End)


async def test_following_goes_through_all_attempts(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        tail = one.follow(job)
        one.logs.append(job, 1, 1, 0, b"try one")
        await tail.until(b"try one")
        await finish(one.vault, job, 7, last=False)
        db = one.vault.database.api
        await db.execute(
            "insert into attempt (job_id, attempt, worker_id, session_id, claimed_at)"
            " select job_id, 2, worker_id, session_id, swarm_now() from attempt where job_id = $1",
            job,
        )
        await db.execute("update job set attempt = 2 where id = $1", job)
        one.logs.append(job, 2, 1, 0, b"try two")
        await finish(one.vault, job, 7, attempt=2)
        events = await tail.rest()
        assert [e.attempt for e in events if isinstance(e, NewAttempt)] == [1, 2]
        assert tail.text[1] == b"try two"
        assert events[-1].attempt == 2  # type: ignore[union-attr]
        assert await one.read(job, attempt=1) == (b"try one", True)


async def test_bytes_that_never_come_are_a_gap_and_not_an_endless_wait(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        one.logs.append(job, 1, 1, 0, b"abc")
        await one.acked(job, 1, 1, 3)
        await finish(one.vault, job, 100)
        await one.vault.database.api.execute("update attempt set ended_at = swarm_now() - interval '1 hour'")
        events = await one.follow(job).rest()
        assert [e for e in events if isinstance(e, Gap)] == [Gap(attempt=1, stream=1, to=100)]
        assert isinstance(events[-1], End)
        assert await one.read(job) == (b"abc", True)


async def test_what_reclaim_took_from_the_middle_is_a_gap(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        for at, text in ((0, b"old"), (3, b"new")):
            one.logs.append(job, 1, 1, at, text)
            await one.acked(job, 1, 1, at + 3)
        await one.vault.database.api.execute("delete from log_segment where start_at = 0")
        await finish(one.vault, job, 6)
        tail = one.follow(job)
        assert Gap(attempt=1, stream=1, to=3) in await tail.rest()
        assert tail.text[1] == b"new"


async def test_a_job_that_ended_before_it_ran_has_an_end_and_no_log(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        await one.vault.database.api.execute("delete from attempt")
        await one.vault.database.api.execute(
            "update job set state = 'cancelled', attempt = 0, ended_at = swarm_now(), reason = 'why' where id = $1", job
        )
        state, end = await one.follow(job).rest()
        assert (state, end.state, end.message) == (State(state="cancelled"), "cancelled", "why")  # type: ignore[union-attr]
        assert await one.read(job) == (b"", True)


async def test_what_comes_just_after_the_end_is_read_too(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        _, job = await one.vault.running(ANA)
        one.logs.append(job, 1, 1, 0, b"first ")
        await finish(one.vault, job, 10)
        reading = asyncio.create_task(one.read(job))
        await asyncio.sleep(0.2)
        assert not reading.done()
        one.logs.append(job, 1, 1, 6, b"last")
        assert await asyncio.wait_for(reading, 10) == (b"first last", True)


async def test_nobody_reads_the_log_of_another_project(database_url: str, tmp_path: Path) -> None:
    async with logs(database_url, tmp_path) as one:
        ben = await one.vault.new_project("bens")
        _, job = await one.vault.running(ANA)
        for project in (ben.project, UUID(int=5)):
            with pytest.raises(SwarmError) as error:
                await one.reader.so_far(project, job, None, 1, 0)
            assert error.value.code == "not_found"
            with pytest.raises(SwarmError):
                await anext(one.reader.follow(project, job, None, {}))


async def worker_name(one: Vault, job: int) -> str:
    """Of the job's only attempt."""
    name: str = await one.database.api.fetchval(
        "select w.name from worker w join attempt a on a.worker_id = w.id where a.job_id = $1", job
    )
    return name
