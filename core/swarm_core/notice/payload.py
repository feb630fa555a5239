"""What is sent of a job's end. Pure. docs/notifications.md is its contract: fields are only ever added to a version.

It never holds a job's environment, its secrets, its command or its log.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

VERSION: Final = 1


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has ended."""

    id: int
    name: str | None
    project: str
    state: str
    failure: str | None
    exit_code: int | None
    message: str
    attempt: int
    """Number of its last; 0: it never ran."""
    image: str
    tags: list[str]
    user: str | None
    worker: str | None
    schedule: str | None
    retry_of: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Where to see more, on the core's REST API."""

    job: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a delivery."""

    type: str
    """`job.` and how it ended, or `test`."""
    timestamp: datetime
    version: int = VERSION
    job: Ended | None = None
    """None in a test."""
    links: Links | None = None


def of_end(job: Ended) -> bytes:
    """What is kept in the outbox of a job's end."""
    links = Links(job=f"/api/v1/jobs/{job.id}")
    return msgspec.json.encode(Told(type=f"job.{job.state}", timestamp=job.ended_at, job=job, links=links))


def of_test(now: datetime) -> bytes:
    """What is sent to see whether a webhook works."""
    return msgspec.json.encode(Told(type="test", timestamp=now))


def decode(body: bytes) -> Told:
    """What was kept."""
    return msgspec.json.decode(body, type=Told)


def linked(body: bytes, base: str) -> bytes:
    """What is sent: links go to `base` (an https address); without one they are left out."""
    told = decode(body)
    links = Links(job=base.rstrip("/") + told.links.job) if told.links and base else None
    return msgspec.json.encode(msgspec.structs.replace(told, links=links))


def subject_id(delivery: UUID) -> str:
    """The id of a delivery as a receiver sees it, the same in every try."""
    return f"msg_{delivery.hex}"
