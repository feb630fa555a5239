"""A list of jobs, page by page: a walk through windows of an index, each read for what of it fits the filters.

What a page costs is bounded: it looks at so many jobs and no more. Where few of them fit it is short, or empty, and its
place leads on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from swarm_core.store import job_lists as rows
from swarm_core.store.database import Pool
from swarm_core.store.job_lists import RECENT, Filters, Order, Place, Window
from swarm_core.store.job_views import JobView, views

BUDGET: Final = 10_000
"""Jobs that one page looks at."""
_FIRST_WINDOW: Final = 500
_SKEW: Final = timedelta(hours=1)
"""How far the order of ids may differ from that of creation times: the longest submit is far shorter."""


@dataclass(frozen=True, slots=True)
class JobPage:
    """A part of a list, and the place after which the next begins (None: there is none)."""

    items: list[JobView]
    end: Place | None


async def read(
    pool: Pool,
    projects: Sequence[UUID],
    filters: Filters,
    limit: int,
    order: Order = RECENT,
    after: Place | None = None,
) -> JobPage:
    """Jobs that fit, in an order; at most `limit`, and fewer where they are rare."""
    source = rows.source(order, filters, len(projects))
    found: list[int] = []
    looked, size = 0, limit + 1 if source.exact else max(limit + 1, _FIRST_WINDOW)
    end: Place | None = after or await _begin(pool, projects, filters, order)
    while len(found) < limit and looked < BUDGET and end is not None:
        size, room = min(size, BUDGET - looked), limit - len(found)
        seen = await rows.window(pool, projects, order, source, end, size)
        fit = seen.ids if source.exact else await rows.fits(pool, projects, seen.ids, room + 1, filters)
        if len(fit) > room:
            end = seen.place(fit[room - 1])
        elif len(seen.ids) < size or _is_past(seen, filters, order):
            end = None
        else:
            end = seen.end
        found += fit[:room]
        looked, size = looked + len(seen.ids), size * 4
    return JobPage(await views(pool, projects, found), end)


def _is_past(seen: Window, filters: Filters, order: Order) -> bool:
    """Whether nothing after these can fit."""
    if order.key == "priority" or (order.key and not order.falling):
        return False
    if order.key:  # whatever was created later has begun and ended later
        return filters.after is not None and rows.moment_of(seen.end.key) < filters.after
    if order.falling:
        too_old = filters.after is not None and seen.last_created < filters.after - _SKEW
        return too_old or (filters.first is not None and seen.end.id <= filters.first)
    too_new = filters.before is not None and seen.last_created >= filters.before + _SKEW
    return too_new or (filters.last is not None and seen.end.id >= filters.last)


# Where a list begins -------------------------------------------------------------------------------------


async def _begin(pool: Pool, projects: Sequence[UUID], filters: Filters, order: Order) -> Place:
    """The place before all that can fit."""
    if order.key:
        return order.start
    if order.falling:
        ends = [order.start.id, *([] if filters.last is None else [filters.last + 1])]
        if filters.before is not None:
            ends.append(await _first_since(pool, projects, filters.before + _SKEW))
        return Place(0, min(ends))
    starts = [0, *([] if filters.first is None else [filters.first - 1])]
    if filters.after is not None:
        starts.append(await _first_since(pool, projects, filters.after - _SKEW) - 1)
    return Place(0, max(starts))


async def _first_since(pool: Pool, projects: Sequence[UUID], moment: datetime) -> int:
    """An id that all jobs created before a time are below, found by halving."""
    low, high = 0, await rows.last(pool, projects) + 1
    while low < high:
        middle = (low + high) // 2
        seen = await rows.first_from(pool, projects, middle)
        if seen is None or seen[1] >= moment:
            high = middle
        else:
            low = seen[0] + 1
    return low
