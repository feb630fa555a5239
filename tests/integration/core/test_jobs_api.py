"""Lists of jobs and their priority, through the served core and the SDK."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.spine import Ana, Spine, spine

from swarm_consumer import Client
from swarm_consumer.job_filter import SORTS, JobFilter
from swarm_core.store import jobs
from swarm_core.store.database import transaction
from swarm_core.store.job_lists import ORDERS
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import JobState


class Desk:
    """A core with an image, and people of two projects."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self.clients: dict[str, Client] = {}

    async def open(self) -> None:
        lab = UUID(int=2)
        await self.core.database.api.execute("insert into project values ($1, 'lab')", lab)
        for project in (DEFAULT_PROJECT, lab):
            await self.core.image("app", project)
        for name, role in (("ana", "consumer"), ("ben", "consumer"), ("olga", "observer"), ("ada", "admin")):
            await self.core.person(name, role)
            self.clients[name] = await self.core.client(name)

    async def submit(self, who: str = "ana", **spec: object) -> int:
        return (await self.clients[who].submit(JobSpec(image="app", **spec))).id  # type: ignore[arg-type]

    async def ids(self, which: JobFilter, who: str = "ana", limit: int | None = 100) -> list[int]:
        return [job.id async for job in self.clients[who].jobs(which, limit=limit)]


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        made = Desk(core)
        await made.open()
        yield made
        for client in made.clients.values():
            await client.close()


async def test_what_the_client_asks_for_is_what_the_core_lists(desk: Desk) -> None:
    train = await desk.submit(name="train", tags=["a", "b"], priority=5)
    other = await desk.submit("ben", name="Nightly train", tags=["b"])
    last = await desk.submit("ben", command=["x"])
    for which, meant in (
        (JobFilter(), [last, other, train]),
        (JobFilter(users=["ben"]), [last, other]),
        (JobFilter(not_users=["ben"]), [train]),
        (JobFilter(tags=["a", "b"]), [train]),
        (JobFilter(not_tags=["a"]), [last, other]),
        (JobFilter(texts=["TRAIN", "app"]), [other, train]),
        (JobFilter(name="train"), [train]),
        (JobFilter(states=["running", "held"]), []),
        (JobFilter(first=other, last=other), [other]),
        (JobFilter(first=other), [last, other]),
        (JobFilter(last=other), [other, train]),
        (JobFilter(sort="created"), [train, other, last]),
        (JobFilter(sort="-priority"), [train, other, last]),
        (JobFilter(sort="-ended"), []),
        (JobFilter(failures=["oom_killed"]), []),
        (JobFilter(reason="quarantined"), []),
        (JobFilter(schedule="nightly"), []),
        (JobFilter(image="app", worker=None), [last, other, train]),
        (JobFilter(worker="w"), []),
    ):
        assert await desk.ids(which) == meant, which
    made = (await desk.clients["ana"].job(other)).created_at
    assert made is not None
    assert await desk.ids(JobFilter(before=made)) == [train]
    assert await desk.ids(JobFilter(after=made)) == [last, other]


async def test_a_list_goes_on_where_its_page_ended_in_every_order(desk: Desk) -> None:
    made = [await desk.submit(priority=number % 3) for number in range(7)]
    for job in made[:4]:
        await desk.clients["ana"].cancel(job)
    assert list(SORTS) == list(ORDERS)
    for sort in SORTS:
        which, found, cursor = JobFilter(sort=sort), list[int](), None
        while True:
            page = await desk.clients["ana"].job_page(which, limit=2, cursor=cursor)
            found += [job.id for job in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert found == await desk.ids(which)
        assert len(found) == {"created": 7, "started": 0, "ended": 4, "priority": 3}[sort.removeprefix("-")]


async def test_all_of_ones_projects_and_no_others(desk: Desk) -> None:
    mine = await desk.submit()
    lab = Client((await desk.core.client("ada")).credentials, project="lab")
    theirs = (await lab.submit(JobSpec(image="app"))).id
    await lab.close()
    every = JobFilter(project="*")
    assert await desk.ids(every) == [mine]
    assert await desk.ids(every, "ada") == [theirs, mine]
    assert await desk.ids(JobFilter(project="lab"), "ada") == [theirs]
    with pytest.raises(SwarmError, match="there is no project lab") as error:
        await desk.ids(JobFilter(project="lab"))
    assert error.value.code == "not_found"
    await desk.clients["ada"].projects.grant("lab", "ana", "observer")
    assert await desk.ids(every) == [theirs, mine]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("failure=bad", "failure"),
        ("sort=name", "sort"),
        ("id=abc", "id"),
        ("id=-", "id"),
        ("id=99999999999999999999", "id"),
        ("after=yesterday", "after"),
        ("cursor=xyz", "cursor"),
        ("&".join(["tag=a"] * 21), "tag"),
        ("text=%00", "text"),
    ],
)
async def test_a_wrong_word_of_the_query_is_named(desk: Desk, query: str, field: str) -> None:
    token = await desk.core.token_of(await desk.core.person("eve", "observer"))
    answer = await desk.core.call("GET", f"/api/v1/jobs?{query}", token)
    assert (answer.status_code, problem(answer).field) == (400, field)


async def test_a_cursor_of_another_order_is_refused(desk: Desk) -> None:
    for _ in range(3):
        await desk.submit()
    cursor = (await desk.clients["ana"].job_page(JobFilter(), limit=2)).next
    with pytest.raises(SwarmError, match="cursor of the list in this order"):
        await desk.clients["ana"].job_page(JobFilter(sort="created"), limit=2, cursor=cursor)


# Priority ------------------------------------------------------------------------------------------------


async def test_a_higher_priority_moves_a_job_in_the_queue_and_is_told(desk: Desk) -> None:
    first, second = await desk.submit(name="one"), await desk.submit(name="two")
    client, queue = desk.clients["ben"], JobFilter(sort="-priority")
    assert await desk.ids(queue) == [first, second]
    changed = await client.update(second, priority=7)
    assert (changed.id, changed.priority, changed.state) == (second, 7, JobState.QUEUED)
    assert await desk.ids(queue) == [second, first]
    assert await desk.core.database.api.fetchval("select priority from queue where job_id = $1", second) == 7
    await client.update(second, priority=7)
    audited = await desk.core.database.api.fetch("select actor, action, subject from audit where action = 'edit_job'")
    assert [tuple(row) for row in audited] == [("user:ben", "edit_job", str(second))]
    events = [event async for event in client.events(since=changed.created_at, follow=False) if event.what == "changed"]
    assert [(event.subject, event.actor, event.detail) for event in events] == [
        (str(second), "user:ben", {"name": "two", "priority": 7, "was": 0})
    ]


async def test_what_has_no_priority_to_change_is_refused(desk: Desk) -> None:
    job = await desk.submit()
    await desk.clients["ana"].cancel(job)
    for who, ask, priority, code in (
        ("ana", job, 1, "already_ended"),
        ("ana", 4711, 1, "not_found"),
        ("ana", job, 1001, "bad_request"),
        ("olga", job, 1, "forbidden"),
    ):
        with pytest.raises(SwarmError) as error:
            await desk.clients[who].update(ask, priority=priority)
        assert error.value.code == code
    lab = Client((await desk.core.client("ada")).credentials, project="lab")
    with pytest.raises(SwarmError, match="there is no job"):
        await lab.update(job, priority=1)
    await lab.close()


async def test_many_are_done_and_each_failure_is_told(desk: Desk) -> None:
    made = [await desk.submit() for _ in range(40)]
    client = desk.clients["ana"]
    await client.cancel(made[3])
    changed = await client.update_many([*made, 4711], priority=3)
    assert list(changed) == [*made, 4711]
    refused = {job: answer.code for job, answer in changed.items() if isinstance(answer, SwarmError)}
    assert refused == {made[3]: "already_ended", 4711: "not_found"}
    cancelled = await client.cancel_many(made)
    assert [job for job, answer in cancelled.items() if isinstance(answer, SwarmError)] == [made[3]]
    again = await client.retry_many(made[:2])
    assert sorted(again.values(), key=str) == [made[-1] + 1, made[-1] + 2]
    assert set((await client.remove_many(made)).values()) == {None}
    assert await desk.ids(JobFilter(sort="created")) == [made[-1] + 1, made[-1] + 2]


# In the queue --------------------------------------------------------------------------------------------


async def test_the_job_with_the_new_priority_is_claimed_first(database_url: str) -> None:
    async with spine(database_url) as core:
        first, second = await core.submit(), await core.submit()
        await core.steering.edit(Ana(), second, 1)
        worker = await core.connect(await core.add_worker("w"), slots=1)
        assert (await worker.assigned()).ref.job == second
        await core.steering.edit(Ana(), second, -5)
        assert (
            await core.database.api.fetchval("select priority from job where id = $1 and state = 'dispatched'", second)
            == -5
        )
        assert await core.database.api.fetchval("select count(*) from queue where job_id = $1", first) == 1


async def test_a_job_that_is_queued_while_its_priority_changes_has_it_in_the_queue(database_url: str) -> None:
    async with spine(database_url) as core:
        job = await core.submit()
        db = core.database
        await db.api.execute("delete from queue")
        await db.api.execute("update job set state = 'held' where id = $1", job)
        await db.api.execute(
            "insert into history (job_id, at, old_state, new_state, attempt, actor)"
            " values ($1, swarm_now(), 'queued', 'held', 0, 'test')",
            job,
        )
        async with transaction(db.hot) as connection:
            assert await jobs.lock(connection, job, None)
            editing = asyncio.create_task(core.steering.edit(Ana(), job, 9))
            await waits_for_a_lock(core)
            await jobs.release_held(connection, job, "user:ana")
        await editing
        assert await db.api.fetchval("select priority from queue where job_id = $1", job) == 9
        assert await db.api.fetchval("select priority from job where id = $1", job) == 9


async def waits_for_a_lock(core: Spine) -> None:
    """Return once a statement waits for another transaction."""
    async with asyncio.timeout(10):
        while not await core.database.api.fetchval(
            "select exists (select from pg_locks where not granted and locktype in ('transactionid', 'tuple'))"
        ):
            await asyncio.sleep(0.01)
