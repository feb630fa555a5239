"""A schedule as it crosses REST: a job, when it is due, and what is to happen when it can't run as it is due.

Times are RFC 3339 with an offset, durations seconds. docs/schedules.md is the contract.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

from swarm_protocol.spec import FieldError, JobSpec

MAX_JITTER: Final = 86400.0
MAX_WINDOW: Final = 366 * 86400.0
MAX_CAP: Final = 100
_NAME: Final = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$")


class Overlap(StrEnum):
    """What happens when an occurrence is due while a job of the same schedule has not ended."""

    ALLOW = "allow"
    FORBID = "forbid"
    REPLACE = "replace"
    QUEUE = "queue"


class Missed(StrEnum):
    """What becomes of occurrences that no core was there for."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recurring job. Fields not given keep the defaults here."""

    name: str
    cron: str
    """Five fields, or @hourly and its kin."""
    job: JobSpec
    """Its image's tag is looked up anew for each occurrence."""
    zone: str = "UTC"
    """An IANA time zone, in which `cron` is read."""
    overlap: Overlap = Overlap.FORBID
    missed: Missed = Missed.LATEST
    missed_cap: int = 10
    """At most so many missed ones run with `all`, the newest."""
    missed_window: float = 86400.0
    """Missed ones older than this never run."""
    jitter: float = 0.0
    """Each occurrence starts late by up to this, always the same one by the same."""
    start: str | None = None
    end: str | None = None


class Edit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Changes to a schedule; what isn't given stays. `null` takes `start` and `end` away."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    cron: str | msgspec.UnsetType = msgspec.UNSET
    job: JobSpec | msgspec.UnsetType = msgspec.UNSET
    zone: str | msgspec.UnsetType = msgspec.UNSET
    overlap: Overlap | msgspec.UnsetType = msgspec.UNSET
    missed: Missed | msgspec.UnsetType = msgspec.UNSET
    missed_cap: int | msgspec.UnsetType = msgspec.UNSET
    missed_window: float | msgspec.UnsetType = msgspec.UNSET
    jitter: float | msgspec.UnsetType = msgspec.UNSET
    start: str | msgspec.UnsetType | None = msgspec.UNSET
    end: str | msgspec.UnsetType | None = msgspec.UNSET


def edited(schedule: Schedule, edit: Edit) -> Schedule:
    """The schedule with the changes."""
    given = {name: getattr(edit, name) for name in edit.__struct_fields__}
    return msgspec.structs.replace(
        schedule, **{name: value for name, value in given.items() if value is not msgspec.UNSET}
    )


def check_schedule(schedule: Schedule) -> list[FieldError]:
    """Everything wrong with a schedule whose types are right, but for its job, its expression and its zone."""
    errors: list[FieldError] = []

    def need(ok: bool, field: str, message: str) -> None:
        if not ok:
            errors.append(FieldError(field, message))

    need(
        bool(_NAME.match(schedule.name)) and not schedule.name.isdigit(),
        "name",
        f"{schedule.name!r} is no name: up to 100 letters, digits and . _ -, and not a number",
    )
    need(0 <= schedule.jitter <= MAX_JITTER, "jitter", "from 0 seconds to one day")
    need(1 <= schedule.missed_cap <= MAX_CAP, "missed_cap", f"from 1 to {MAX_CAP}")
    need(0 < schedule.missed_window <= MAX_WINDOW, "missed_window", "more than 0 seconds and at most 366 days")
    need(schedule.job.at is None, "job.at", "the schedule says when a job starts; take `at` away")
    moments = {}
    for name in ("start", "end"):
        given = getattr(schedule, name)
        moments[name] = moment(given)
        need(
            given is None or moments[name] is not None,
            name,
            f"{given!r} is no RFC 3339 time with an offset, such as 2026-12-24T18:00:00Z",
        )
    start, end = moments["start"], moments["end"]
    need(start is None or end is None or start < end, "end", "it lies before `start`")
    return errors


def moment(text: str | None) -> datetime | None:
    """The instant of an RFC 3339 time with an offset, in UTC; None for any other text."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None
