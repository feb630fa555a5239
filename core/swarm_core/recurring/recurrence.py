"""When a recurring job is due: a cron expression read in a time zone. Pure.

croniter walks over local times that know no zone; what a zone does to them is ours:

- **A fixed hour** (the hour field does not begin with `*`) means the clock on the wall. A time that the clock leaves
  out is due once, at the instant at which it goes on; a time that the clock shows twice is due the first time only.
- **A wildcard hour** (`*`, `*/2`) means hour after hour as they pass: what is left out is not made up for, and what the
  clock shows twice is due twice.

That is the rule of Debian's cron (cron(8), "daylight saving time"), but that there a `*` in the minute counts too.
docs/schedules.md has it as a table of cases, which is also the test.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from itertools import takewhile
from typing import Final
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

from swarm_core.recurring.zones import zone_named
from swarm_protocol.cron import canonical, read

_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(seconds=1)
_YEARS: Final = 50
"""An expression that is not due for so long never is: 30 February."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """An expression in a zone. Made by `recurrence`."""

    expression: str
    """As `canonical` has it."""
    zone: ZoneInfo

    def after(self, instant: datetime) -> datetime | None:
        """The first due instant later than this one, in UTC; None where there is none within fifty years."""
        return _after(self, instant)

    def _after(self, instant: datetime) -> datetime | None:
        try:
            return self._by_elapsed_time(instant) if self._has_wildcard_hour() else self._by_the_wall(instant)
        except CroniterBadDateError:
            return None

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Due instants after `start`, up to and with `end`."""
        due = self.after(start)
        while due is not None and due <= end:
            yield due
            due = self.after(due)

    def newest(self, start: datetime, end: datetime, count: int) -> list[datetime]:
        """The last `count` due instants after `start`, up to and with `end`, in their order."""
        width = timedelta(minutes=1)
        while True:
            begin = max(start, end - width)
            found = deque(self.between(begin, end), maxlen=count)
            if len(found) == count or begin == start:
                return list(found)
            width *= 2

    def oddities(self, start: datetime, end: datetime) -> Iterator["Oddity"]:
        """Times on the wall that the expression names and that the clock leaves out, or shows twice, after `start` and
        up to `end`: a cron that only looks at the clock loses a run there, or has one too many."""
        if self._has_wildcard_hour():
            return
        at = start
        while (changed := self.change(at, end)) is not None:
            old, new = self.offset(changed - _TICK), self.offset(changed)
            before, after = sorted((_at(changed, old), _at(changed, new)))
            for local in takewhile(after.__gt__, self._walk(before - _TICK)):
                yield Oddity(local, left_out=new > old, runs=self.instant_of(local))
            at = changed

    def _has_wildcard_hour(self) -> bool:
        return self.expression.split(" ")[1].startswith("*")

    def _by_the_wall(self, instant: datetime) -> datetime:
        walk = self._walk(_wall(instant, self.zone))
        return next(due for due in map(self.instant_of, walk) if due > instant)

    def instant_of(self, local: datetime) -> datetime:
        """When the clock shows this first, or goes on after having left it out."""
        first = local.replace(tzinfo=self.zone).astimezone(UTC)
        if _wall(first, self.zone) == local:
            return first
        # In a gap: fold=0 reads the time by the offset before it, which lies after the change; fold=1 before it.
        before = local.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        return self.change(before, first) or first

    def _by_elapsed_time(self, instant: datetime) -> datetime:
        """Walk over local times as long as the offset holds; from each change of it on, anew."""
        at, start = instant, instant
        while True:
            offset = self.offset(at)
            due = (next(self._walk(_wall(start, timezone(offset)))) - offset).replace(tzinfo=UTC)
            changed = self.change(at, due)
            if changed is None:
                return due
            at, start = changed, changed - _TICK  # what is due at the change itself counts

    def _walk(self, local: datetime) -> Iterator[datetime]:
        """Local times after this one that the expression names."""
        walk = croniter(
            self.expression, local, ret_type=datetime, max_years_between_matches=_YEARS, implement_cron_bug=True
        )
        while True:
            found: datetime = walk.get_next()
            yield found

    def change(self, after: datetime, until: datetime) -> datetime | None:
        """The first instant after `after`, up to and with `until`, at which the zone's offset is another."""
        low = after
        while low < until:
            high = min(low + _DAY, until)
            if self.offset(high) != self.offset(low):
                return self._narrow(low, high)
            low = high
        return None

    def _narrow(self, low: datetime, high: datetime) -> datetime:
        old = self.offset(low)
        begin = int(low.timestamp())
        left, right = 0, int((high - low).total_seconds()) + 1
        while right - left > 1:
            middle = (left + right) // 2
            if self.offset(datetime.fromtimestamp(begin + middle, UTC)) == old:
                left = middle
            else:
                right = middle
        return datetime.fromtimestamp(begin + right, UTC)

    def offset(self, instant: datetime) -> timedelta:
        """What the zone's clock is ahead of UTC."""
        return instant.astimezone(self.zone).utcoffset() or timedelta(0)


@dataclass(frozen=True, slots=True)
class Oddity:
    """A time on the wall that a change of the clock makes odd."""

    local: datetime
    left_out: bool
    """Else it comes twice."""
    runs: datetime
    """When it is due here, once."""


@lru_cache(maxsize=4096)
def _after(found: Recurrence, instant: datetime) -> datetime | None:
    """Schedules that are due together are often alike: each step costs 150 to 300 µs."""
    return found._after(instant)


@lru_cache(maxsize=4096)
def recurrence(expression: str, zone: str = "UTC") -> Recurrence:
    """Read an expression. Raises BadExpression, also for one that is never due, and UnknownZone."""
    read(expression)
    return Recurrence(canonical(expression), zone_named(zone))


def _at(instant: datetime, offset: timedelta) -> datetime:
    return instant.astimezone(timezone(offset)).replace(tzinfo=None)


def _wall(instant: datetime, zone: ZoneInfo | timezone) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
