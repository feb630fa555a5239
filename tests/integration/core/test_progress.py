"""Progress through the core: gathered, fenced, kept, shown, and told to who follows."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.core.spine import Ana, spine
from tests.integration.storage.vault import ANA, Vault, Who

from swarm_core.harvester import Report
from swarm_core.settings import Timers
from swarm_core.store import progress as progress_rows
from swarm_core.store.database import Connection
from swarm_protocol import messages as m
from swarm_protocol import trace as traces

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def said(job: int, fraction: float, text: str = "", attempt: int = 1) -> m.Progress:
    return m.Progress(ref=m.Ref(job, attempt), fraction=fraction, text=text)


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, timers=Timers(progress=0.05), run_modules=True) as made:
        yield made


async def running(core: LiveCore, folder: Path) -> tuple[Who, int]:
    """A worker with an open attempt of a new job."""
    vault = Vault(core.database, folder)
    worker, job = await vault.running(ANA)
    vault.store.close()
    await core.database.api.execute("update job set spec = $1 where id = $2", '{"image": "img"}', job)
    return worker, job


async def view(core: LiveCore, job: int) -> dict[str, Any]:
    return dict((await core.call("GET", f"/api/v1/jobs/{job}", await ana(core))).json())


async def ana(core: LiveCore) -> str:
    """Her token."""
    known = await core.database.api.fetchval("select id from person where name = 'ana'")
    return await core.token_of(known or await core.person("ana"))


async def until(core: LiveCore, job: int, fraction: float) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            found = await view(core, job)
            if found["progress"] and found["progress"]["fraction"] == fraction:
                return found
            await asyncio.sleep(0.02)


async def test_it_is_kept_shown_and_told_and_stays_after_the_end(core: LiveCore, tmp_path: Path) -> None:
    worker, job = await running(core, tmp_path)
    assert (await view(core, job))["progress"] is None
    core.parts.progress.hear(worker.id, said(job, 0.42, "reads\x1b[2J data"))
    shown = await until(core, job, 0.42)
    assert shown["progress"]["text"] == "reads data"
    listed = (await core.call("GET", "/api/v1/jobs", await ana(core))).json()["items"]
    assert [item["progress"]["fraction"] for item in listed] == [0.42]
    core.parts.progress.hear(worker.id, said(job, 1.0))
    end = m.Finished(ref=m.Ref(job, 1), result="succeeded", exit_code=0)
    assert await core.parts.harvester.report(Report(worker.id, end))
    assert (await until(core, job, 1.0))["state"] == "succeeded"
    events = await core.database.api.fetch("select kind, subject, what, actor, detail from event order by id")
    told = [(row["kind"], row["subject"], row["what"], row["actor"]) for row in events]
    assert told[0] == ("job", str(job), "progress", f"worker:{worker.id}")
    assert msgspec.json.decode(events[0]["detail"])["text"] == "reads data"
    assert (await core.call("DELETE", f"/api/v1/jobs/{job}", await ana(core))).status_code == 204
    assert await core.database.api.fetchval("select count(*) from progress") == 0


async def test_only_the_newest_attempt_and_its_worker_are_believed(core: LiveCore, tmp_path: Path) -> None:
    worker, job = await running(core, tmp_path)
    other, another_job = await running(core, tmp_path)
    hear = core.parts.progress.hear
    hear(other.id, said(job, 0.9, "not mine"))
    hear(other.id, said(another_job, 0.3))
    await until(core, another_job, 0.3)
    assert (await view(core, job))["progress"] is None
    hear(worker.id, said(job, 0.5))
    await until(core, job, 0.5)
    await core.database.api.execute("update job set attempt = 2 where id = $1", job)
    assert (await view(core, job))["progress"] is None, "a new attempt begins anew"
    hear(worker.id, said(job, 0.6))
    for wrong in (1.5, -1.0, float("nan")):
        hear(other.id, said(another_job, wrong))
    hear(other.id, said(another_job, 0.4))
    await until(core, another_job, 0.4)
    kept = await core.database.api.fetch("select job_id, attempt, fraction from progress order by job_id")
    assert [(row["job_id"], row["attempt"], round(row["fraction"], 2)) for row in kept] == [
        (job, 1, 0.5),
        (another_job, 1, 0.4),
    ]


async def test_a_job_that_speaks_often_costs_a_row_in_each_round(core: LiveCore, tmp_path: Path) -> None:
    worker, job = await running(core, tmp_path)
    for step in range(101):
        core.parts.progress.hear(worker.id, said(job, step / 100))
    await until(core, job, 1.0)
    assert await core.database.api.fetchval("select count(*) from event") == 1


async def test_what_can_not_be_written_now_is_written_later(
    core: LiveCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, job = await running(core, tmp_path)
    away = [TimeoutError("the database does not answer")]
    keep = progress_rows.keep

    async def at_times(connection: Connection, lines: Sequence[progress_rows.Line]) -> list[int]:
        if away:
            raise away.pop()
        return await keep(connection, lines)

    monkeypatch.setattr(progress_rows, "keep", at_times)
    core.parts.progress.hear(worker.id, said(job, 0.1))
    core.parts.progress.hear(worker.id, said(job, 0.2))
    await until(core, job, 0.2)
    assert away == []


async def test_an_attempt_gets_the_trace_of_who_submitted_it(database_url: str) -> None:
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        origin = traces.parse(PARENT)
        assert origin is not None
        [made] = await core.receiver.submit(Ana(), [b'{"image":"img","retries":1}'], origin=origin)
        first = await worker.assigned()
        assert (first.project_name, first.ref.job) == ("default", made.id)
        assert first.traceparent == traces.of_attempt(origin.trace, origin.rest, 1)
        assert first.traceparent.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
        row = await core.job(made.id)
        assert (row["trace"], row["trace_from"]) == (origin.trace, "00f067aa0ba902b7-00")
        own = await core.submit()
        second = traces.parse((await worker.assigned()).traceparent)
        assert second is not None
        assert (second.trace, (await core.job(own))["trace_from"]) == ((await core.job(own))["trace"], None)


async def test_the_header_of_a_submit_names_the_trace(core: LiveCore, tmp_path: Path) -> None:
    vault = Vault(core.database, tmp_path)
    image = await vault.push(ANA)
    vault.store.close()
    token = await ana(core)
    spec = {"image": f"img@{image}"}
    for header, wanted in ((PARENT, PARENT[3:35]), ("nonsense", None)):
        headers = {"traceparent": header}
        made = (await core.call("POST", "/api/v1/jobs", token, json=spec, headers=headers)).json()["id"]
        many = {"spec": spec, "count": 2}
        ids = (await core.call("POST", "/api/v1/jobs/batch", token, json=many, headers=headers)).json()["ids"]
        found = {(await view(core, job))["trace_id"] for job in (made, *ids)}
        assert found == {wanted} if wanted else len(found) == 3
