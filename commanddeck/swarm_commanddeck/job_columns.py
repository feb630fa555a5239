"""The columns of a list of jobs, and what stands in them. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from swarm_commanddeck.columns import Cell, Column
from swarm_commanddeck.signs import of_job
from swarm_consumer.cli.text import reason
from swarm_consumer.models import Job
from swarm_protocol.states import WAITING

Now = Callable[[], datetime]
SORT_OF: Final = {
    "id": "created",
    "age": "created",
    "ran": "started",
    "ended": "ended",
    "priority": "priority",
}
"""The order that a click on a heading asks for."""
_COLUMN_OF: Final = {"created": "age", "started": "ran", "ended": "ended", "priority": "priority"}
_BARS: Final = 8


def columns(now: Now, *, projects: bool) -> list[Column[Job]]:
    """All columns, those that matter most where there is little room; `projects`: jobs are of several."""
    project = [Column[Job]("project", "project", 9, lambda job: (job.project or "", "dim"))] if projects else []
    return [
        Column[Job]("id", "id", 8, lambda job: (str(job.id), "strong"), right=True),
        Column[Job]("state", "state", 12, state),
        *project,
        Column[Job]("name", "name", 12, lambda job: (job.name or "-", "" if job.name else "dim"), grow=2),
        Column[Job]("image", "image", 10, lambda job: (job.image, ""), grow=2),
        Column[Job]("age", "age", 4, lambda job: (age(job.created_at, now()), ""), right=True),
        Column[Job]("ran", "ran", 6, lambda job: ran(job, now()), right=True),
        Column[Job]("what", "what", 12, what, grow=5),
        Column[Job]("worker", "worker", 10, lambda job: (job.worker or "", ""), grow=1, need=94),
        Column[Job]("owner", "owner", 8, lambda job: (job.user or "", ""), grow=1, need=104),
        Column[Job]("priority", "prio", 5, priority, right=True, need=114),
        Column[Job]("tags", "tags", 10, lambda job: (" ".join(job.tags), "dim"), grow=2, need=128),
        Column[Job]("waited", "waited", 6, lambda job: (length(job.timings.get("queue")), ""), right=True, need=140),
        Column[Job]("ended", "ended", 6, lambda job: (age(job.ended_at, now()), ""), right=True, need=150),
        Column[Job]("schedule", "schedule", 10, lambda job: (job.schedule or "", ""), grow=1, need=164),
        Column[Job]("attempt", "try", 3, lambda job: (str(job.attempt or ""), "dim"), right=True, need=172),
        Column[Job]("created", "created", 19, lambda job: (moment(job.created_at), "dim"), need=196),
    ]


def sorted_by(sort: str) -> tuple[str, bool]:
    """The column whose heading tells of an order, and whether what stands there falls: the newest has the least age."""
    name = _COLUMN_OF[sort.removeprefix("-")]
    return name, sort.startswith("-") == (name == "priority")


def state(job: Job) -> Cell:
    """Sign and word of its state."""
    sign = of_job(job.state, cancelling=job.cancel_requested and not job.ended)
    return f"{sign.mark} {sign.word}", sign.tone


def what(job: Job) -> Cell:
    """What there is to say beyond the state: how far it is, what it waits for, how it ended."""
    if job.ended:
        if job.failure:
            return reason(job.failure, job.message), "bad" if job.state != "cancelled" else "dim"
        return f"exit {job.exit_code}" if job.exit_code else "", "dim"
    if job.state in WAITING:
        return job.reason or "", "warn" if job.state == "held" else "dim"
    if job.progress is not None:
        return f"{bar(job.progress.fraction)} {job.progress.fraction:4.0%} {job.progress.text}".rstrip(), "busy"
    return "", ""


def bar(fraction: float) -> str:
    """How far, in eight cells."""
    full = max(0, min(_BARS, int(fraction * _BARS)))
    return "█" * full + "░" * (_BARS - full)


def priority(job: Job) -> Cell:
    """Only where it is not the usual one."""
    return (str(job.priority) if job.priority else "", "strong")


def ran(job: Job, now: datetime) -> Cell:
    """How long it ran, or runs."""
    if job.started_at is None or job.state in WAITING:
        return "", ""
    if job.ended_at is None:
        return length((now - job.started_at).total_seconds()), "busy"
    return length((job.ended_at - job.started_at).total_seconds()), ""


def age(then: datetime | None, now: datetime) -> str:
    """How long ago, by its largest unit."""
    if then is None:
        return ""
    seconds = max(0, int((now - then).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def length(seconds: float | None) -> str:
    """A duration in six cells, up to 99 days: `0.4s`, `12s`, `3m05s`, `2h04m`, `5d03h`."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def moment(then: datetime | None) -> str:
    """A local time."""
    return "" if then is None else then.astimezone().strftime("%Y-%m-%d %H:%M:%S")
