"""Usage: who used how much cpu and memory in a time, and how long jobs waited."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.clock import Clock
from swarm_core.identity.projects import no_project
from swarm_core.store import projects
from swarm_core.store import usage as rows
from swarm_core.store.database import Database
from swarm_core.store.usage import UsageView
from swarm_protocol.errors import SwarmError

BY: Final = ("project", "user", "name")
USUAL: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=400)
"""What was booked of removed jobs is kept for this long (Retention.usage)."""
MOST: Final = 1000
"""Lines of one answer."""


class Usage(msgspec.Struct, kw_only=True, frozen=True):
    """What was used in a time; `more` where there are more lines than were asked for."""

    by: str
    since: datetime
    until: datetime
    items: list[UsageView]
    more: bool


class Caller(Protocol):
    """Who asks."""

    @property
    def id(self) -> UUID: ...
    @property
    def project(self) -> UUID: ...
    @property
    def project_name(self) -> str: ...
    @property
    def by_token(self) -> bool: ...


class UsageBook:
    """Adds up what jobs used, in the projects that one takes part in."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(
        self,
        who: Caller,
        by: str,
        since: datetime | None,
        until: datetime | None,
        project: str | None,
        most: int,
    ) -> Usage:
        """Usage of the jobs that ended from `since` (a week ago) to `until` (now), in one project or all of one's own.

        Raises SwarmError: bad_request, not_found.
        """
        if by not in BY:
            raise SwarmError("bad_request", f"by: that is none of {', '.join(BY)}", field="by")
        end = until or datetime.fromtimestamp(self._clock.time(), UTC)
        begin = since or end - USUAL
        if begin >= end:
            raise SwarmError("bad_request", "since: it does not lie before until", field="since")
        if end - begin > LONGEST:
            raise SwarmError("bad_request", f"since: at most {LONGEST.days} days before until", field="since")
        seen = await self._projects(who, project)
        found = await rows.usage(self._database.api, by, seen, begin, end, most + 1)
        return Usage(by=by, since=begin, until=end, items=found[:most], more=len(found) > most)

    async def _projects(self, who: Caller, name: str | None) -> Sequence[UUID]:
        """Those that one takes part in; a program's token is for one."""
        if who.by_token:
            if name is not None and name != who.project_name:
                raise no_project(name)
            return [who.project]
        found = await projects.seen_by(self._database.api, who.id, "", 10_000, name)
        if name is not None and not found:
            raise no_project(name)
        return [each.id for each in found]
