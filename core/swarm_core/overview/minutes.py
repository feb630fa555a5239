"""The last hour, minute by minute, out of what is kept of each project. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.store.overview import MinuteRow
from swarm_protocol.states import TERMINAL, JobState

SHOWN: Final = 60
"""Minutes of an answer."""
ENDS: Final = tuple(str(state) for state in JobState if state in TERMINAL)


class Minute(msgspec.Struct, kw_only=True, frozen=True):
    """The jobs that ended in one minute, and how long they had waited and run, in seconds."""

    at: datetime
    """Its beginning."""
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    wait_mean: float | None = None
    """None: none of them has waited for a worker."""
    wait_p50: float | None = None
    """Over several projects: the median of their medians, each as often as it has jobs."""
    run_mean: float | None = None
    run_p50: float | None = None


def last_minutes(now: datetime, rows: Iterable[MinuteRow], projects: Collection[UUID]) -> list[Minute]:
    """The last `SHOWN` minutes of some projects, the one that goes on last."""
    last = now.replace(second=0, microsecond=0)
    by_minute: dict[datetime, list[MinuteRow]] = {}
    for row in rows:
        if row.project in projects:
            by_minute.setdefault(row.minute, []).append(row)
    at = [last - timedelta(minutes=back) for back in range(SHOWN - 1, -1, -1)]
    return [_minute(each, by_minute.get(each, ())) for each in at]


def _minute(at: datetime, rows: Sequence[MinuteRow]) -> Minute:
    if not rows:
        return Minute(at=at)
    return Minute(
        at=at,
        succeeded=sum(row.succeeded for row in rows),
        failed=sum(row.failed for row in rows),
        timed_out=sum(row.timed_out for row in rows),
        cancelled=sum(row.cancelled for row in rows),
        wait_mean=_mean([(row.wait_seconds, row.waits) for row in rows]),
        wait_p50=_median([(row.wait_p50, row.waits) for row in rows]),
        run_mean=_mean([(row.run_seconds, row.runs) for row in rows]),
        run_p50=_median([(row.run_p50, row.runs) for row in rows]),
    )


def _mean(sums: Sequence[tuple[float, int]]) -> float | None:
    count = sum(many for _, many in sums)
    return sum(seconds for seconds, _ in sums) / count if count else None


def _median(medians: Sequence[tuple[float | None, int]]) -> float | None:
    known = sorted((median, many) for median, many in medians if median is not None)
    half, passed = sum(many for _, many in known) / 2, 0
    for median, many in known:
        passed += many
        if passed >= half:
            return median
    return None


def ended(
    day: Mapping[UUID, Mapping[str, int]], fresh: Iterable[MinuteRow], projects: Collection[UUID]
) -> dict[str, int]:
    """Jobs of some projects that ended in the last day, by their end: what is tallied, and what isn't yet."""
    found = dict.fromkeys(ENDS, 0)
    for project, counts in day.items():
        if project in projects:
            for state, count in counts.items():
                found[state] += count
    for row in fresh:
        if row.project in projects:
            for state in ENDS:
                found[state] += getattr(row, state)
    return found


def live(counts: Mapping[UUID, Mapping[str, int]], projects: Collection[UUID], states: Iterable[str]) -> dict[str, int]:
    """Jobs of some projects that have not ended, by state; each state is named."""
    found = dict.fromkeys(states, 0)
    for project in projects:
        for state, count in counts.get(project, {}).items():
            found[state] += count
    return found
