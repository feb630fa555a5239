"""Audit: who did what, as administrators read it. Whoever does something adds to it in the same transaction."""

from datetime import datetime

from swarm_core.store import audit as rows
from swarm_core.store.audit import BEGINNING, END, Filter, Page, Place
from swarm_core.store.database import ACQUIRE_SECONDS, Database
from swarm_protocol.errors import SwarmError


class Audit:
    """Reads the audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: Filter, place: Place | None, most: int) -> Page:
        """Entries before a place, newest first; fewer, and yet not the end, where a long stretch had few."""
        async with (
            self._database.api.acquire(timeout=ACQUIRE_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await rows.page(connection, wanted, place, most)

    async def filter_of(
        self,
        *,
        actor: str | None = None,
        actions: tuple[str, ...] = (),
        subject: str | None = None,
        project: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Filter:
        """A filter as people write it: `ana` is `user:ana`, a project has its name. Raises SwarmError(not_found)."""
        found = await rows.project_id(self._database.api, project) if project else None
        if project and found is None:
            raise SwarmError("not_found", f"there is no project {project[:80]}", hint="`swarm project list`")
        return Filter(
            actor=actor if actor is None or ":" in actor else f"user:{actor}",
            actions=actions or None,
            subject=subject,
            project=found,
            since=since or BEGINNING,
            until=until or END,
        )
