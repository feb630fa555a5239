"""What jobs used, through the served core; the same before and after they are removed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem

from swarm_core.store import reclaim
from swarm_core.store import usage as rows
from swarm_protocol.ids import DEFAULT_PROJECT

GIB = 1 << 30
START = datetime.now(UTC).replace(minute=10, second=0, microsecond=0) - timedelta(hours=3)


class Town:
    """A core with two projects and people."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self.pool = core.database.api
        self.tokens: dict[str, str] = {}
        self.ids: dict[str, Any] = {}

    async def person(self, name: str, role: str) -> None:
        self.ids[name] = await self.core.person(name, role)
        self.tokens[name] = await self.core.token_of(self.ids[name])

    async def read(self, who: str, **query: Any) -> Any:
        words = "&".join(f"{name}={value}" for name, value in query.items())
        return await self.core.call("GET", f"/api/v1/usage?{words}", self.tokens[who])

    async def lines(self, who: str = "ada", **query: Any) -> dict[str | None, dict[str, Any]]:
        found = (await self.read(who, **query)).json()
        return {line.pop("name"): line for line in found["items"]}

    async def job(
        self,
        *attempts: tuple[str, float, float, str | None],
        project: str = "default",
        who: str = "ben",
        name: str | None = "n",
        state: str = "succeeded",
        late: float = 0.0,
    ) -> int:
        """An ended job: (state, from, to, failure) of each attempt, in seconds from its making; `late`: it slept."""
        spec = '{"image": "a", "at": "2026-01-01T00:00:00Z"}' if late else '{"image": "a"}'
        job: int = await self.pool.fetchval(
            "insert into job (project_id, person_id, state, shape_id, priority, retries, infra_retries, at_most_once,"
            " created_at, ended_at, image_digest, name, spec)"
            " select id, $1, $2::text::job_state, 1, 0, 0, 0, false, $3::timestamptz,"
            " $3::timestamptz + interval '100 s', '', $4, $5 from project where name = $6 returning id",
            self.ids[who],
            state,
            START,
            name,
            spec,
            project,
        )
        for number, (how, begin, end, failure) in enumerate(attempts, 1):
            await self.pool.execute(
                "insert into attempt (job_id, attempt, worker_id, session_id, state, claimed_at, ended_at, failure)"
                " values ($1, $2, $3, $3, $4, $5, $6, $7)",
                job,
                number,
                DEFAULT_PROJECT,
                how,
                START + timedelta(seconds=begin),
                START + timedelta(seconds=end),
                failure,
            )
        await self.pool.execute(
            "insert into history (job_id, at, new_state, attempt, actor) values ($1, $2, 'queued', 0, '')",
            job,
            START + timedelta(seconds=late),
        )
        return job


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with live_core(database_url, tmp_path) as core:
        made = Town(core)
        for name, role in (("ada", "admin"), ("ben", "observer")):
            await made.person(name, role)
        await core.database.api.execute("insert into project values ('00000000-0000-7000-8000-000000000002', 'lab')")
        await core.database.api.execute(
            "insert into shape (key, cpu_millis, memory, disk, constraints) values ('x', 500, $1, 1, '{}')", GIB
        )
        yield made


async def test_each_attempt_counts_for_as_long_as_a_worker_held_it(town: Town) -> None:
    await town.job(("succeeded", 4, 14, None))
    await town.job(("lost", 8, 28, "worker_lost"), ("exit", 30, 40, "exit_nonzero"), state="failed")
    await town.job(state="cancelled")
    await town.job(("succeeded", 62, 64, None), late=60)
    [line] = (await town.lines()).values()
    assert line == {
        "succeeded": 2,
        "failed": 1,
        "timed_out": 0,
        "cancelled": 1,
        "attempts": 4,
        "cpu_seconds": 21.0,
        "memory_seconds": 42.0 * GIB,
        "lost_cpu_seconds": 10.0,
        "lost_memory_seconds": 20.0 * GIB,
        "wait_mean": pytest.approx(14 / 3),
        "wait_p50": 4.0,
    }


async def test_by_project_user_and_name(town: Town) -> None:
    await town.job(("succeeded", 0, 10, None), name="a")
    await town.job(("succeeded", 0, 20, None), name=None, who="ada", project="lab")
    assert {name: line["cpu_seconds"] for name, line in (await town.lines(by="project")).items()} == {
        "lab": 10,
        "default": 5,
    }
    assert {name: line["cpu_seconds"] for name, line in (await town.lines(by="user")).items()} == {"ada": 10, "ben": 5}
    assert {name: line["cpu_seconds"] for name, line in (await town.lines(by="name")).items()} == {None: 10, "a": 5}
    assert list(await town.lines(by="name", project="default")) == ["a"]
    first = (await town.read("ada", by="name", limit=1)).json()
    assert ([line["name"] for line in first["items"]], first["more"]) == ([None], True)


async def test_what_is_removed_stays_in_the_books(town: Town) -> None:
    jobs = [
        await town.job(("succeeded", 4, 14, None)),
        await town.job(
            ("lost", 8, 28, "worker_lost"), ("released", 30, 40, None), ("exit", 50, 60, "exit_nonzero"), state="failed"
        ),
        await town.job(("succeeded", 62, 64, None), late=60, name=None),
        await town.job(state="timed_out", who="ada"),
    ]
    before = {by: await town.lines(by=by) for by in ("project", "user", "name")}
    ben = await town.core.token_of(await town.core.person("eve", "consumer"))
    assert (await town.core.call("DELETE", f"/api/v1/jobs/{jobs[0]}", ben)).status_code == 204
    assert (await town.core.call("DELETE", f"/api/v1/jobs/{jobs[0]}", ben)).status_code == 404
    assert await reclaim.drop_jobs(town.pool, 0, 100, told=0, actor="core") == 3
    for by, lines in before.items():
        after = await town.lines(by=by)
        for line in (*lines.values(), *after.values()):
            del line["wait_p50"]  # of those that are there
        assert after == lines
    assert await rows.drop_old(town.pool, 86400, 100) == 0
    assert await rows.drop_old(town.pool, 0, 100) == 3
    assert await town.lines() == {}


async def test_the_time_that_is_asked_for(town: Town) -> None:
    await town.job(("succeeded", 0, 10, None))
    end = START + timedelta(seconds=100)
    stamps = {
        n: (end + timedelta(seconds=s)).isoformat().replace("+00:00", "Z")
        for n, s in (("before", -1), ("at", 0), ("after", 1))
    }
    assert len(await town.lines(since=stamps["at"], until=stamps["after"])) == 1
    assert await town.lines(since=stamps["before"], until=stamps["at"]) == {}
    assert await town.lines(since=stamps["after"]) == {}


async def test_one_sees_the_projects_that_one_takes_part_in(town: Town) -> None:
    await town.job(("succeeded", 0, 10, None), project="lab")
    assert await town.lines("ben") == {}
    assert problem(await town.read("ben", project="lab")).code == "not_found"
    await town.pool.execute(
        "insert into member select id, $1, 'observer', now(), '' from project where name = 'lab'", town.ids["ben"]
    )
    assert list(await town.lines("ben")) == ["lab"]


@pytest.mark.parametrize(
    ("query", "field", "status"),
    [
        ({"by": "worker"}, "by", 400),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since", 400),
        ({"since": "2020-01-02T00:00:00Z"}, "since", 400),
        ({"since": "yesterday"}, "since", 400),
        ({"limit": "0"}, "limit", 400),
        ({"project": "nope"}, None, 404),
    ],
)
async def test_bad_input(town: Town, query: dict[str, str], field: str | None, status: int) -> None:
    refused = problem(await town.read("ada", **query))
    assert (refused.status, refused.field) == (status, field)


async def test_a_program_s_token_sees_its_project_alone(town: Town) -> None:
    await town.job(("succeeded", 0, 10, None), project="lab")
    made = await town.core.call(
        "POST", "/api/v1/tokens", town.tokens["ada"], json={"name": "ci", "role": "observer", "ttl": 3600}
    )
    town.tokens["ci"] = made.json()["token"]
    assert await town.lines("ci") == {}
    assert problem(await town.read("ci", project="lab")).code == "not_found"
    assert (await town.read("ci", project="default")).status_code == 200
