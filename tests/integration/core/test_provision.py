"""What a job needs beside its row: other jobs' outputs and secrets, seen to in the transaction that takes it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.integration.core.spine import Ana, Spine, spine
from tests.integration.storage.vault import OURS, Vault

from swarm_core.blobs import DiskBlobs
from swarm_core.store import blobs as blob_rows
from swarm_core.store.database import transaction
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT, ProjectId, uuid7
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import JobState


class Mill:
    """A spine with jobs that have left files."""

    def __init__(self, core: Spine, vault: Vault) -> None:
        self.core = core
        self.db = core.database.api
        self.vault = vault

    async def ended(self, *names: str, attempt: int = 1) -> int:
        """A job that has left a file of each name, which holds its name."""
        job: int = await self.db.fetchval(
            "insert into job (project_id, state, attempt, shape_id, priority, retries, infra_retries, at_most_once,"
            " created_at, ended_at, image_digest, spec) values ($1, 'failed', $2, 1, 0, 0, 0, false, swarm_now(),"
            " swarm_now(), '', '{}') returning id",
            DEFAULT_PROJECT,
            attempt,
        )
        for name in names:
            digest = await self.vault.add(name.encode(), OURS)
            await self.db.execute(
                "insert into artifact values ($1, $2, $3, $4, $5, 493)", job, attempt, name, digest, len(name)
            )
        return job

    async def submit(self, *sources: dict[str, Any], key: str | None = None, **spec: Any) -> int:
        raw = msgspec.json.encode({"image": "img", "inputs_from": sources, **spec})
        [made] = await self.core.receiver.submit(Ana(), [raw], key=key)
        return made.id

    async def refused(self, *sources: dict[str, Any], **spec: Any) -> SwarmError:
        with pytest.raises(SwarmError) as caught:
            await self.submit(*sources, **spec)
        return caught.value

    async def spec(self, job: int) -> JobSpec:
        return msgspec.json.decode(
            await self.db.fetchval("select spec::text from job where id = $1", job), type=JobSpec
        )

    async def secret(self, name: str, project: UUID = DEFAULT_PROJECT) -> None:
        await self.db.execute(
            "insert into secret (project_id, name, version, nonce, ciphertext, size, created_by, changed_by)"
            " values ($1, $2, 1, '', '', 0, '', '')",
            project,
            name,
        )

    async def reclaim(self) -> list[str]:
        """Take every blob that nothing needs, however young."""
        async with transaction(self.db) as connection:
            await connection.execute("update blob set touched_at = swarm_now() - interval '1 day'")
        async with transaction(self.db) as connection:
            return (await blob_rows.drop_unreferenced(connection, 0, 1000))[1]


@pytest.fixture
async def mill(database_url: str, tmp_path: Path) -> AsyncIterator[Mill]:
    async with spine(database_url) as core:
        vault = Vault(core.database, tmp_path)
        yield Mill(core, vault)
        assert isinstance(vault.store, DiskBlobs)
        vault.store.close()


# Outputs of jobs -----------------------------------------------------------------------------------------


async def test_files_of_an_ended_job_become_inputs(mill: Mill) -> None:
    first = await mill.ended("model.bin", "d/a", "d/b", attempt=2)
    made = await mill.spec(
        await mill.submit({"job": first, "path": "model.bin"}, {"job": first, "path": "d/", "name": "x"})
    )
    assert [(file.name, file.size, oct(file.mode)) for file in made.inputs] == [
        ("model.bin", 9, "0o755"),
        ("x/a", 3, "0o755"),
        ("x/b", 3, "0o755"),
    ]
    assert made.inputs[0].digest == "sha256:" + hashlib.sha256(b"model.bin").hexdigest()
    assert [(source.job, source.attempt) for source in made.inputs_from] == [(first, 2), (first, 2)]


async def test_they_stay_when_the_job_that_left_them_goes(mill: Mill) -> None:
    first = await mill.ended("a")
    job = await mill.submit({"job": first})
    await mill.core.steering.remove(Ana(), first)
    assert await mill.reclaim() == []
    again = await mill.core.steering.cancel(Ana(), job)
    assert again.state == JobState.CANCELLED
    retried = await mill.core.steering.retry(Ana(), job)
    assert (await mill.spec(retried.id)).inputs == (await mill.spec(job)).inputs
    assert await mill.reclaim() == []


async def test_the_same_key_is_the_same_job_though_the_first_is_gone(mill: Mill) -> None:
    first = await mill.ended("a")
    job = await mill.submit({"job": first}, key="k")
    await mill.core.steering.remove(Ana(), first)
    assert await mill.submit({"job": first}, key="k") == job
    assert (await mill.refused({"job": first}, key="other")).code == "not_found"


async def test_many_jobs_of_one_request_each_hold_them(mill: Mill) -> None:
    first = await mill.ended("a")
    raw = msgspec.json.encode({"image": "img", "inputs_from": [{"job": first}]})
    made = await mill.core.receiver.submit(Ana(), [raw], count=3)
    assert await mill.db.fetchval("select count(*) from job_input") == 3
    assert [(await mill.spec(job.id)).inputs[0].name for job in made] == ["a"] * 3


async def test_what_there_is_not_is_said(mill: Mill) -> None:
    first, empty = await mill.ended("a", "b", "c\n", "d", "e", "f"), await mill.ended()
    running = await mill.core.submit()
    theirs = await mill.ended("a")
    await mill.db.execute("insert into project (id, name) values ($1, 'lab')", lab := uuid7())
    await mill.db.execute("update job set project_id = $1 where id = $2", lab, theirs)
    for source, code, field, told in (
        ({"job": 999}, "not_found", "inputs_from[0].job", "there is no job 999"),
        ({"job": theirs}, "not_found", "inputs_from[0].job", f"there is no job {theirs}"),
        ({"job": running}, "not_ended", "inputs_from[0].job", f"job {running} has not ended: it is queued"),
        ({"job": empty}, "invalid_spec", "inputs_from[0].job", f"job {empty} left no files"),
        (
            {"job": first, "path": "x/*"},
            "invalid_spec",
            "inputs_from[0].path",
            r"left no 'x/*'; it left a, b, c\n, d, e and 1",
        ),
    ):
        error = await mill.refused(source)
        assert (error.code, error.field) == (code, field)
        assert told in error.message
        assert error.hint
    assert (await mill.refused({"job": running})).hint == f"wait for it: `swarm wait {running}`"
    twice = await mill.refused({"job": first, "path": "a"}, {"job": first})
    assert (twice.code, "'a' is given twice" in twice.message) == ("invalid_spec", True)
    assert await mill.db.fetchval("select count(*) from job where state = 'queued'") == 1


async def test_more_files_than_a_job_can_name(mill: Mill) -> None:
    first = await mill.ended("a")
    await mill.db.execute(
        "insert into artifact select job_id, attempt, 'n' || n, digest, size, mode"
        " from artifact, generate_series(1, 3000) n where job_id = $1",
        first,
    )
    error = await mill.refused({"job": first})
    assert (error.code, error.message) == ("too_large", "3001 input files are more than a job can name")


async def test_no_reclaim_comes_between(mill: Mill) -> None:
    """Submits race with the removal of the job and with reclaims: each job that is there has its file."""
    for number in range(12):
        first = await mill.ended(f"f{number}")
        made, *_ = await asyncio.gather(
            mill.submit({"job": first}), mill.core.steering.remove(Ana(), first), mill.reclaim(), return_exceptions=True
        )
        await mill.reclaim()
        if isinstance(made, int):
            kept = "select count(*) from blob join job_input using (digest) where job_id = $1"
            assert await mill.db.fetchval(kept, made) == 1
        else:
            assert isinstance(made, SwarmError)
            assert made.code in ("not_found", "blob_missing")


async def test_a_dry_run_looks_for_all_of_it(mill: Mill) -> None:
    first = await mill.ended("a")
    for wrong, code in (({"inputs_from": [{"job": 999}]}, "not_found"), ({"secrets": ["db"]}, "invalid_spec")):
        with pytest.raises(SwarmError) as caught:
            await mill.core.receiver.dry_run(Ana(), msgspec.json.encode({"image": "img", **wrong}))
        assert caught.value.code == code
    await mill.core.receiver.dry_run(Ana(), msgspec.json.encode({"image": "img", "inputs_from": [{"job": first}]}))
    assert await mill.db.fetchval("select count(*) from job_input") == 0


# Secrets -------------------------------------------------------------------------------------------------


async def test_a_secret_that_is_missing_is_refused(mill: Mill) -> None:
    await mill.secret("db")
    error = await mill.refused(secrets=["db", "api-key"])
    assert (error.code, error.field) == ("invalid_spec", "secrets[1]")
    assert error.message == "secrets[1]: there is no secret api-key"
    assert error.hint == "`swarm secret set api-key` keeps one; `swarm secret list` shows what there is"
    await mill.db.execute("insert into project (id, name) values ($1, 'lab')", lab := ProjectId(uuid7()))
    await mill.secret("api-key", lab)
    assert (await mill.refused(secrets=["api-key"])).message == "secrets[0]: there is no secret api-key"
    job = await mill.submit(secrets=["db"], key="k")
    await mill.db.execute("delete from secret")
    assert await mill.submit(secrets=["db"], key="k") == job
    await mill.core.steering.cancel(Ana(), job)
    with pytest.raises(SwarmError, match="there is no secret db"):
        await mill.core.steering.retry(Ana(), job)


async def test_only_a_worker_that_knows_secrets_gets_the_job(mill: Mill) -> None:
    await mill.secret("db")
    old = await mill.core.connect(await mill.core.add_worker("old"))
    job = await mill.submit(secrets=["db"])
    plain = await mill.core.submit()
    assert (await old.assigned()).ref.job == plain
    labels: dict[str, Any] = {"swarm.data": "1"}
    new = await mill.core.connect(await mill.core.add_worker("new"), **labels)
    assert (await new.assigned()).ref.job == job


# Schedules -----------------------------------------------------------------------------------------------


async def keeper(mill: Mill) -> Ana:
    """Somebody who may have schedules."""
    who = Ana()
    await mill.db.execute(
        "insert into person (id, name, password_hash, role, project_id) values ($1, $2, '', 'consumer', $3)",
        who.id,
        who.name,
        who.project,
    )
    return who


async def add(mill: Mill, who: Ana, **job: Any) -> int:
    raw = msgspec.json.encode({"name": "nightly", "cron": "0 12 * * *", "job": {"image": "img", **job}})
    return (await mill.core.schedules.add(who, raw)).id


async def test_a_schedule_keeps_the_files_as_they_were(mill: Mill) -> None:
    first, who = await mill.ended("a"), await keeper(mill)
    nightly = await add(mill, who, inputs_from=[{"job": first}])
    assert await add(mill, who, inputs_from=[{"job": first}]) == nightly, "the same once more is the one that is there"
    await mill.core.steering.remove(Ana(), first)
    assert await mill.reclaim() == []
    made = await mill.spec((await mill.core.schedules.run(who, "nightly")).job)
    assert [file.name for file in made.inputs] == ["a"]


async def test_a_schedule_whose_files_or_secrets_are_missing_is_refused(mill: Mill) -> None:
    for job, field in (
        ({"inputs_from": [{"job": 9}]}, "job.inputs_from[0].job"),
        ({"secrets": ["db"]}, "job.secrets[0]"),
    ):
        with pytest.raises(SwarmError) as caught:
            await add(mill, Ana(), **job)
        assert caught.value.field == field
    assert await mill.db.fetchval("select count(*) from schedule") == 0


async def test_an_occurrence_whose_secret_is_gone_says_so(mill: Mill) -> None:
    await mill.secret("db")
    who = await keeper(mill)
    nightly = await add(mill, who, secrets=["db"])
    await mill.db.execute("delete from secret")
    with pytest.raises(SwarmError, match="there is no secret db"):
        await mill.core.schedules.run(who, "nightly")
    at_noon = "date_trunc('day', swarm_now()) - interval '12 hours'"
    await mill.db.execute(f"update schedule set due_at = {at_noon}, fire_at = {at_noon} where id = $1", nightly)
    mill.core.hibernator.wake()
    async with asyncio.timeout(10):
        while not (rows := await mill.core.schedules.history(who, "nightly", None, 10)):
            await asyncio.sleep(0.02)
    assert (rows[0].result, rows[0].job, rows[0].reason) == ("failed", None, "secrets[0]: there is no secret db")
