"""Reclaim on real rows and files: what is due goes, what anybody needs stays, whoever races with it."""

import asyncio
import os
import random
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.integration.core.spine import SilentLog
from tests.integration.storage.vault import ANA, OURS, Vault, digest_of, pieces, vault

from swarm_core.clock import SystemClock
from swarm_core.live import Live
from swarm_core.reclaim import Reclaimer
from swarm_core.settings import Retention, SyslogRetention
from swarm_core.store import syslog as syslog_rows
from swarm_core.syslog.backlog import Kept
from swarm_core.syslog.levels import Level
from swarm_core.syslog.line import Line
from swarm_core.tuning.overlay import USUAL
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import uuid7

NOW = Retention(jobs=0, logs=0, blob_grace=0, uploads=0)


def reclaimer(one: Vault, retention: Retention = NOW) -> Reclaimer:
    return Reclaimer(
        one.database,
        one.store,
        one.library,
        one.uploads,
        SystemClock(),
        SilentLog(),
        Live(replace(USUAL, retention=retention), SystemClock()),
        core=uuid7(),
    )


async def forget_age(one: Vault) -> None:
    """What was looked at is due again."""
    await one.database.api.execute("update blob set touched_at = swarm_now() - interval '1 day'")
    await one.database.api.execute("update manifest set touched_at = swarm_now() - interval '1 day'")


async def test_an_ended_job_goes_with_all_that_is_its_own(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        needed, pack, out = await one.add(b"input"), await one.add(b"pack"), await one.add(b"out")
        _, job = await one.running(ANA, "", (needed,))
        db = one.database.api
        await db.execute(
            "insert into history (job_id, at, new_state, attempt, actor) values ($1, now(), 'queued', 0, '')", job
        )
        await db.execute("insert into artifact values ($1, 1, 'a', $2, 3, 420)", job, out)
        await db.execute("insert into idempotency values ($1, 'k', $2, '')", ANA.project, job)
        await db.execute(
            "insert into log_segment (job_id, attempt, stream, start_at, length, pack, pack_at, pack_length)"
            " values ($1, 1, 1, 0, 3, $2, 0, 4)", job, pack
        )  # fmt: skip
        kept = reclaimer(one, Retention(jobs=3600, logs=3600, blob_grace=0, uploads=3600))
        await one.end(job)
        assert (await kept.round()).blobs == 0
        for digest in (needed, pack, out):
            assert await one.store.exists(digest)
        gone = await reclaimer(one).round()
        assert (gone.jobs, gone.log_segments) == (1, 0)
        for table in ("job", "attempt", "history", "job_input", "artifact", "idempotency", "log_segment"):
            assert await db.fetchval(f"select count(*) from {table}") == 0, table
        await forget_age(one)
        assert gone.blobs + (await reclaimer(one).round()).blobs == 3
        assert not await one.store.exists(needed)


async def test_an_unfinished_job_keeps_everything(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        needed = await one.add(b"input")
        image = await one.push(layer=b"layer")
        await one.images.delete(ANA, "img", "latest")
        worker, job = await one.running(ANA, image, (needed,))
        await one.library.put(await one.library.owner(worker, f"{job}.1"), digest_of(b"out"), b"out")
        for _ in range(3):
            await forget_age(one)
            gone = await reclaimer(one).round()
            assert (gone.jobs, gone.blobs, gone.manifests) == (0, 0, 0)
        assert await one.library.size(worker, digest_of(b"layer"))
        await one.end(job)
        await forget_age(one)
        gone = await reclaimer(one).round()
        assert (gone.jobs, gone.holds, gone.manifests) == (1, 0, 1)
        await forget_age(one)
        await reclaimer(one).round()
        assert await one.database.api.fetchval("select count(*) from blob") == 0
        assert not [path for path in (tmp_path / "sha256").rglob("*") if path.is_file()]


async def test_a_tagged_image_stays_and_shared_layers_outlive_one_of_two(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        await one.push(name="a", layer=b"shared")
        await one.push(name="b", layer=b"shared")
        stranger = await one.new_project("other")
        await one.push(stranger, name="c", layer=b"shared")
        await one.images.delete(ANA, "a", "latest")
        await one.images.delete(ANA, "b", "latest")
        for _ in range(3):
            await forget_age(one)
            await reclaimer(one).round()
        assert await one.library.size(stranger, digest_of(b"shared")) == 6
        assert (await one.images.resolve(stranger.project, "c")).digest


async def test_what_was_just_touched_is_kept_for_the_grace_time(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        digest = await one.add(b"x")
        grace = Retention(blob_grace=3600)
        assert (await reclaimer(one, grace).round()).blobs == 0
        await forget_age(one)
        assert (await one.library.inventory(OURS, [digest])).missing == []
        assert (await reclaimer(one, grace).round()).blobs == 0
        await forget_age(one)
        assert (await reclaimer(one, grace).round()).blobs == 1


async def test_an_expired_upload_goes_with_its_file(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        upload, _ = await one.uploads.open(OURS, digest_of(b"xyz"), 3)
        await one.uploads.append(ANA, upload, 0, pieces(b"x"))
        assert (await reclaimer(one, Retention()).round()).uploads == 0
        assert (await reclaimer(one).round()).uploads == 1
        assert not list((tmp_path / "uploads").iterdir())
        with pytest.raises(SwarmError):
            await one.uploads.append(ANA, upload, 1, pieces(b"y"))


async def test_expired_tokens_and_old_sessions_go(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        db = one.database.api
        for number, age in enumerate(("1 hour", "-1 hour", "-2 days")):
            await db.execute(
                "insert into join_token (id, secret_hash, uses_left, made_by, expires_at)"
                f" values ($1, '', 1, 'x', now() + interval '{age}')", str(number)
            )  # fmt: skip
        _, job = await one.running(ANA)
        _, other = await one.running(ANA)
        await one.end(other)
        await db.execute("update worker_session set ended_at = now() - interval '2 days'")
        gone = await reclaimer(one, Retention()).round()
        assert (gone.tokens, gone.sessions) == (1, 1)
        left = await db.fetchval("select a.job_id from worker_session s join attempt a on a.session_id = s.id")
        assert left == job


async def test_a_core_killed_between_file_and_row_leaves_nothing_wrong(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with vault(database_url, tmp_path) as one:
        data = os.urandom(1000)

        async def dies(*_: object) -> None:
            raise asyncpg.PostgresConnectionError("killed here")

        monkeypatch.setattr("swarm_core.library.rows.commit", dies)
        with pytest.raises(asyncpg.PostgresConnectionError):
            await one.add(data)
        monkeypatch.undo()
        assert await one.store.exists(digest_of(data))
        with pytest.raises(SwarmError):
            await one.library.size(ANA, digest_of(data))
    async with vault(database_url, tmp_path) as two:
        assert await reclaimer(two).sweep() == 1
        assert not await two.store.exists(digest_of(data))
        assert await two.read(await two.add(data)) == data
        assert await reclaimer(two).sweep() == 0


async def test_a_core_killed_between_row_and_file_leaves_a_file_to_sweep(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        digest = await one.add(b"x")
        await one.database.api.execute("delete from blob")
        await one.add(b"y")
        assert await reclaimer(one).sweep() == 1
        assert not await one.store.exists(digest)
        assert await one.read(digest_of(b"y")) == b"y"


async def test_collection_never_takes_what_an_upload_brings_or_a_job_needs(database_url: str, tmp_path: Path) -> None:
    """Two cores, one collecting without any grace, the other adding and referring to the same few blobs."""
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    contents = [bytes([n]) * 100 for n in range(4)]
    taken = 0
    async with vault(database_url, tmp_path) as one, vault(database_url, tmp_path) as two:
        stop = asyncio.Event()
        removed = 0

        async def collect() -> None:
            nonlocal removed
            while not stop.is_set():
                await one.database.api.execute("update blob set touched_at = swarm_now() - interval '1 second'")
                removed += (await one.library.drop_unreferenced(0, 10))[1]
                removed += await one.library.sweep()

        async def use(job: int) -> None:
            nonlocal taken
            data = dice.choice(contents)
            digest = await two.add(data)
            try:
                await two.database.api.execute("insert into job_input (job_id, digest) values ($1, $2)", job, digest)
            except asyncpg.ForeignKeyViolationError:
                taken += 1  # gone before anybody referred to it: that is said, not silent
                return
            for _ in range(dice.randrange(3)):
                assert await two.read(digest) == data, f"seed {seed}"
            assert await two.library.size(ANA, digest) == 100, f"seed {seed}"
            await two.database.api.execute("delete from job_input where job_id = $1", job)

        collecting = asyncio.create_task(collect())
        try:
            for round_ in range(60):
                await asyncio.gather(*(use(round_ * 10 + n) for n in range(6)))
        finally:
            stop.set()
            await collecting
        assert removed > 20, f"the collector never raced (seed {seed})"
        assert taken < 300


async def test_several_cores_share_the_work(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one, vault(database_url, tmp_path) as two:
        for number in range(30):
            await one.add(str(number).encode())
        await one.database.api.execute(
            "insert into job (project_id, state, shape_id, priority, retries, infra_retries, at_most_once, created_at,"
            " ended_at, image_digest, spec) select $1, 'succeeded', 1, 0, 0, 0, false, swarm_now(),"
            " swarm_now() - interval '1 hour', '', '{}' from generate_series(1, 1000)",
            ANA.project,
        )
        rounds = await asyncio.gather(*(reclaimer(core).round() for core in (one, two, one, two)))
        rounds.append(await reclaimer(one).round())
        assert sum(gone.jobs for gone in rounds) == 1000
        assert sum(gone.blobs for gone in rounds) == 30
        assert not [path for path in (tmp_path / "sha256").rglob("*") if path.is_file()]


async def test_a_log_pack_goes_when_no_segment_is_left(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        pack = await one.add(b"pack")
        _, done = await one.running(ANA)
        _, running = await one.running(ANA)
        for job in (done, running):
            await one.database.api.execute(
                "insert into log_segment (job_id, attempt, stream, start_at, length, pack, pack_at, pack_length)"
                " values ($1, 1, 1, 0, 3, $2, 0, 4)", job, pack
            )  # fmt: skip
        await one.end(done)
        keep_jobs = Retention(jobs=3600, logs=0, blob_grace=0)
        assert (await reclaimer(one, keep_jobs).round()).log_segments == 1
        await forget_age(one)
        assert (await reclaimer(one, keep_jobs).round()).blobs == 0
        await one.end(running)
        assert (await reclaimer(one, keep_jobs).round()).log_segments == 1
        await forget_age(one)
        await reclaimer(one, keep_jobs).round()
        assert not await one.store.exists(pack)


async def lines_of(one: Vault) -> list[str]:
    """What the system's log has, oldest first."""
    return [row["message"] for row in await one.database.api.fetch("select message from syslog order by at, id")]


async def say(one: Vault, *said: tuple[Level, float]) -> None:
    """Lines of a level that are so many days old."""
    now = SystemClock().time()
    kept = [
        Kept(seq, Line(now - days * 86400, level, "core", f"{level.word} {days:g}"), 1)
        for seq, (level, days) in enumerate(said)
    ]
    await syslog_rows.insert(one.database.api, uuid4(), kept)


async def test_lines_of_the_log_are_kept_as_long_as_their_level_says(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        await say(one, *[(level, days) for level in Level for days in (400, 60, 10, 2, 0.5)])
        keep = Retention(syslog=SyslogRetention(info=3 * 86400.0))
        gone = await reclaimer(one, keep).round()
        assert await lines_of(one) == [
            "error 60",
            "fatal 60",
            "warning 10",
            "error 10",
            "fatal 10",
            "info 2",
            "success 2",
            "warning 2",
            "error 2",
            "fatal 2",
            *(f"{level.word} 0.5" for level in Level),
        ]
        assert gone.syslog == 14
        assert (await reclaimer(one, keep).round()).syslog == 0


async def test_past_the_cap_the_oldest_go_and_warnings_last(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        await say(
            one, (Level.ERROR, 0.9), (Level.DEBUG, 0.8), (Level.INFO, 0.7), (Level.WARNING, 0.6), (Level.INFO, 0.5)
        )
        gone = await reclaimer(one, Retention(syslog=SyslogRetention(rows=3))).round()
        assert (gone.syslog, await lines_of(one)) == (2, ["error 0.9", "warning 0.6", "info 0.5"])
        gone = await reclaimer(one, Retention(syslog=SyslogRetention(rows=1))).round()
        assert (gone.syslog, await lines_of(one)) == (2, ["warning 0.6"])
