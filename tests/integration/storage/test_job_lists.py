"""Lists of jobs by every filter and order, against the same worked out in plain Python."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.integration.storage.vault import Vault, vault

from swarm_core import joblist
from swarm_core.store.job_lists import ORDERS, Filters, Order
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7
from swarm_protocol.states import ON_WORKER, TERMINAL, JobState

COUNT = 150
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
OTHER = UUID(int=7)
STATES = list(JobState)
FAILURE = {"failed": "exit_nonzero", "timed_out": "run_timeout", "cancelled": "cancelled"}


@dataclass(frozen=True)
class Made:
    """A job as the test made it."""

    id: int
    project: UUID
    user: str | None
    state: str
    priority: int
    name: str | None
    image: str
    tags: tuple[str, ...]
    worker: str | None
    schedule: str | None
    reason: str
    created: datetime
    started: datetime | None
    ended: datetime | None

    @property
    def failure(self) -> str | None:
        """As the core would have written it."""
        return FAILURE.get(self.state)


def some_job(number: int, dice: random.Random) -> Made:
    """A job like any other."""
    state = dice.choice(STATES)
    created = BEGIN + timedelta(seconds=10 * number)
    begun = state in ON_WORKER or state in TERMINAL
    return Made(
        id=number,
        project=dice.choice([DEFAULT_PROJECT, DEFAULT_PROJECT, OTHER]),
        user=dice.choice(["ana", "ben", "cleo", None]),
        state=state,
        priority=dice.choice([0, 0, 0, 5, -3]),
        name=dice.choice(["train", "Nightly build", None]),
        image=dice.choice(["busybox", "busybox:1", "lab/Train:2"]),
        tags=tuple(sorted(dice.sample(["a", "b", "c"], dice.randint(0, 2)))),
        worker=dice.choice(["rack-1", "rack-2"]) if begun else None,
        schedule=dice.choice(["nightly", None, None]),
        reason="quarantined" if state == "held" and dice.random() < 0.5 else "",
        created=created,
        started=created + timedelta(seconds=dice.randint(1, 500)) if state == "running" else None,
        ended=created + timedelta(seconds=dice.choice([50, 50, 700])) if state in TERMINAL else None,
    )


async def write(one: Vault, jobs: list[Made]) -> None:
    """Put them into the database."""
    db, ids = one.database.api, {name: uuid7() for name in ("ana", "ben", "cleo", "rack-1", "rack-2")}
    await db.execute("insert into project (id, name) values ($1, 'other')", OTHER)
    for name in ("ana", "ben", "cleo"):
        await db.execute("insert into person values ($1, $2, '', 'consumer', $3)", ids[name], name, DEFAULT_PROJECT)
    for name in ("rack-1", "rack-2"):
        await db.execute("insert into worker (id, name, public_key) values ($1, $2, '')", ids[name], name)
    schedules: dict[Any, int] = {}
    for project in (DEFAULT_PROJECT, OTHER):
        schedules[project] = await db.fetchval(
            "insert into schedule (project_id, name, definition, tzdata, changed_by)"
            " values ($1, 'nightly', '{}', '', '') returning id",
            project,
        )
    await db.executemany(
        "insert into job (id, project_id, person_id, state, attempt, shape_id, priority, retries, infra_retries,"
        " at_most_once, created_at, started_at, ended_at, wake_at, image_digest, spec, name, tags, failure, reason,"
        " schedule_id)"
        " values ($1, $2, $3, $4, $5, 1, $6, 0, 0, false, $7, $8, $9, $10, 'sha256:0',"
        " json_build_object('image', $11::text), $12, $13, $14, $15, $16)",
        [
            (
                job.id, job.project, ids.get(job.user or ""), job.state, int(job.worker is not None), job.priority,
                job.created, job.started, job.ended, job.created if job.state == "sleeping" else None, job.image,
                job.name, list(job.tags), job.failure, job.reason, schedules[job.project] if job.schedule else None,
            )
            for job in jobs
        ],
    )  # fmt: skip
    await db.executemany(
        "insert into attempt (job_id, attempt, worker_id, session_id, claimed_at, started_at, ended_at)"
        " values ($1, 1, $2, $2, $3, $4, $5)",
        [(j.id, ids[j.worker], j.created, j.started, j.ended) for j in jobs if j.worker is not None],
    )


def fits(job: Made, want: Filters) -> bool:
    """What a filter means, in plain Python."""
    text = f"{job.name or ''} {job.image}".lower()
    image = want.image or ""
    return all(
        (
            not want.states or job.state in want.states,
            not want.users or job.user in want.users,
            job.user not in want.not_users,
            want.name in (None, job.name),
            all(word.lower() in text for word in want.texts),
            set(want.tags) <= set(job.tags),
            not set(want.not_tags) & set(job.tags),
            want.image is None or job.image == image or job.image.startswith((f"{image}:", f"{image}@")),
            want.worker in (None, job.worker),
            want.schedule in (None, job.schedule),
            not want.failures or job.failure in want.failures,
            want.reason is None or (job.ended is None and job.reason == want.reason),
            want.before is None or job.created < want.before,
            want.after is None or job.created >= want.after,
            want.first is None or job.id >= want.first,
            want.last is None or job.id <= want.last,
        )
    )


SORTED: dict[str, tuple[Callable[[Made], bool], Callable[[Made], tuple[Any, int]]]] = {
    "created": (lambda job: True, lambda job: (0, job.id)),
    "started": (lambda job: job.started is not None, lambda job: (job.started, job.id)),
    "ended": (lambda job: job.ended is not None, lambda job: (job.ended, job.id)),
    "-priority": (lambda job: job.ended is None, lambda job: (-job.priority, job.id)),
}
"""For one of each pair of orders: which jobs it has, and by what; the other is its reverse."""


def expected(jobs: list[Made], projects: list[UUID], want: Filters, sort: str) -> list[int]:
    """The ids of a list."""
    reverse = sort not in SORTED
    has, by = SORTED[(sort[1:] if sort.startswith("-") else f"-{sort}") if reverse else sort]
    found = [job for job in jobs if job.project in projects and has(job) and fits(job, want)]
    return [job.id for job in sorted(found, key=by, reverse=reverse)]


def some_filter(dice: random.Random) -> Filters:
    """One to three things that a list is narrowed to."""
    moment = BEGIN + timedelta(seconds=10 * dice.randint(0, COUNT))
    parts: list[dict[str, Any]] = [
        {"states": tuple(dice.sample(STATES, dice.randint(1, 3)))},
        {"states": ("running", "dispatched")},
        {"states": ("failed", "timed_out")},
        {"users": ("ana",)},
        {"users": ("ana", "ben")},
        {"not_users": ("ana", "nobody")},
        {"name": "train"},
        {"texts": ("TRAIN",)},
        {"texts": ("night", "busy")},
        {"tags": ("a", "b")},
        {"not_tags": ("b", "c")},
        {"image": "busybox"},
        {"worker": "rack-1"},
        {"schedule": "nightly"},
        {"failures": ("run_timeout",)},
        {"reason": "quarantined"},
        {"after": moment},
        {"before": moment},
        {"first": dice.randint(1, COUNT)},
        {"last": dice.randint(1, COUNT)},
    ]
    found = Filters()
    for part in dice.sample(parts, dice.randint(0, 3)):
        found = replace(found, **part)
    return found


async def listed(one: Vault, projects: list[UUID], want: Filters, order: Order, limit: int) -> list[int]:
    """Ids of all pages."""
    found: list[int] = []
    page = await joblist.read(one.database.api, projects, want, limit, order)
    for _ in range(COUNT):
        assert len(page.items) <= limit
        found += [job.id for job in page.items]
        if page.end is None:
            return found
        page = await joblist.read(one.database.api, projects, want, limit, order, page.end)
    raise AssertionError(f"the list has no end: {found}")


async def test_every_filter_in_every_order_lists_what_it_means(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joblist, "BUDGET", 50)
    monkeypatch.setattr(joblist, "_FIRST_WINDOW", 15)
    dice = random.Random(20261129)
    jobs = [some_job(number, dice) for number in range(1, COUNT + 1)]
    async with vault(database_url, tmp_path) as one:
        await write(one, jobs)
        for number in range(120):
            sort, want = list(ORDERS)[number % len(ORDERS)], some_filter(dice)
            some: list[list[UUID]] = [[DEFAULT_PROJECT], [DEFAULT_PROJECT, OTHER], [OTHER, *NOBODY]]
            projects = dice.choice(some)
            found = await listed(one, projects, want, ORDERS[sort], dice.choice([7, 25]))
            assert found == expected(jobs, projects, want, sort), (sort, want, projects)


NOBODY = [UUID(int=number) for number in range(100, 110)]
"""Projects without jobs: with so many of them the jobs of all are walked."""
