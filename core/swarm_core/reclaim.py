"""Reclaim: removes what has outlived its time, a little at a time, on any core.

The order matters: jobs and logs let go of blobs, manifests let go of layers, and blobs that nothing holds go last.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Final
from uuid import UUID

from swarm_core.blobs import DiskBlobs
from swarm_core.clock import Clock
from swarm_core.library import Library
from swarm_core.live import Live
from swarm_core.module import Log
from swarm_core.store import audit as audit_rows
from swarm_core.store import blobs as blob_rows
from swarm_core.store import deliveries as delivery_rows
from swarm_core.store import images as image_rows
from swarm_core.store import log_levels
from swarm_core.store import logs as log_rows
from swarm_core.store import reclaim as rows
from swarm_core.store import schedules as schedule_rows
from swarm_core.store import stream as stream_rows
from swarm_core.store import syslog as syslog_rows
from swarm_core.store import usage as usage_rows
from swarm_core.store.database import CONFLICT, LOST, Database, transaction
from swarm_core.syslog.levels import Level
from swarm_core.uploads import Uploads
from swarm_protocol.errors import SwarmError

_BATCH: Final = 200
_LINES: Final = 2000
"""Lines of the system's log in a batch: they are short, and nothing else holds on to them."""
_ROUND: Final = 50
"""Batches of a kind in one round, so that a large backlog doesn't keep the others waiting."""
_SWEEP_SECONDS: Final = 3600.0
"""How often the folders are compared with the rows."""


@dataclass(slots=True)
class Reclaimed:
    """How much of each kind went in a round."""

    jobs: int = 0
    log_segments: int = 0
    holds: int = 0
    uploads: int = 0
    manifests: int = 0
    blobs: int = 0
    tokens: int = 0
    occurrences: int = 0
    deliveries: int = 0
    sessions: int = 0
    events: int = 0
    syslog: int = 0
    usage: int = 0
    audit: int = 0
    files: int = 0


class Reclaimer:
    """A module that goes round every so many seconds."""

    name = "reclaim"

    def __init__(
        self,
        database: Database,
        store: DiskBlobs,
        library: Library,
        uploads: Uploads,
        clock: Clock,
        log: Log,
        live: Live,
        *,
        core: UUID,
    ) -> None:
        self._actor = f"core:{core}"
        self._database = database
        self._store = store
        self._library = library
        self._uploads = uploads
        self._clock = clock
        self._log = log
        self._live = live
        self._next_sweep = clock.monotonic()

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            await self._live.pause(lambda now: now.timers.reclaim)
            try:
                gone = await self.round()
                if self._clock.monotonic() >= self._next_sweep:
                    gone.files = await self.sweep()
                    self._next_sweep = self._clock.monotonic() + _SWEEP_SECONDS
            except (*LOST, *CONFLICT, SwarmError) as error:
                self._log.warning("reclaiming waits", error=f"{type(error).__name__}: {error}")
                continue
            self._report(gone)

    def _report(self, gone: Reclaimed) -> None:
        counts = {field.name: getattr(gone, field.name) for field in fields(gone)}
        if any(counts.values()):
            self._log.info("reclaimed", **{name: count for name, count in counts.items() if count})

    async def round(self) -> Reclaimed:
        """Remove what is due now, up to a limit of each kind. Raises LOST, CONFLICT."""
        keep, api = self._live.now.retention, self._database.api
        return Reclaimed(
            jobs=await _drain(lambda: rows.drop_jobs(api, keep.jobs, _BATCH, told=keep.events, actor=self._actor)),
            log_segments=await _drain(lambda: log_rows.drop_old(api, keep.logs, _BATCH)),
            holds=await _drain(lambda: blob_rows.release_ended(api, _BATCH)),
            uploads=await self._drop_uploads(),
            manifests=await self._drop_manifests(),
            blobs=await self._drop_blobs(),
            tokens=await rows.drop_join_tokens(api, _BATCH) + await rows.drop_login_tokens(api, _BATCH),
            occurrences=await _drain(lambda: schedule_rows.drop_old_occurrences(api, keep.jobs, _BATCH)),
            deliveries=await _drain(lambda: delivery_rows.drop_old(api, keep.deliveries, _BATCH)),
            sessions=await _drain(lambda: rows.drop_sessions(api, _BATCH)),
            events=await _drain(lambda: stream_rows.forget(api, keep.events, _BATCH))
            + await _drain(lambda: stream_rows.forget_progress(api, keep.progress, _BATCH)),
            syslog=await self._drop_lines(),
            usage=await _drain(lambda: usage_rows.drop_old(api, keep.usage, _BATCH)),
            audit=await _drain(lambda: audit_rows.drop_old(api, keep.audit, _BATCH)),
        )

    async def sweep(self) -> int:
        """Remove files that have no row; how many blobs went. Raises LOST, SwarmError."""
        await self._uploads.sweep()
        await self._store.drop_stale(self._clock.time() - self._live.now.retention.uploads)
        return await self._library.sweep()

    async def _drop_uploads(self) -> int:
        gone = await blob_rows.drop_uploads(self._database.api, self._live.now.retention.uploads, _BATCH)
        await self._uploads.forget(gone)
        return len(gone)

    async def _drop_manifests(self) -> int:
        async with transaction(self._database.api) as connection:
            return await image_rows.drop_untagged(connection, self._live.now.retention.blob_grace, _BATCH)

    async def _drop_lines(self) -> int:
        """What has outlived its level's time, and what is past the cap."""
        keep, api, gone = self._live.now.retention.syslog, self._database.api, 0
        for level in Level:
            age: float = getattr(keep, level.word)
            gone += await _drain(partial(syslog_rows.drop_old, api, level, age, _LINES), _LINES)
        left = await syslog_rows.past_cap(api, keep.rows)
        for _ in range(_ROUND):
            count = await syslog_rows.drop_oldest(api, min(left, _LINES)) if left > 0 else 0
            if not count:
                break
            gone, left = gone + count, left - count
        await log_levels.drop_ended(api)
        return gone

    async def _drop_blobs(self) -> int:
        removed = 0
        for _ in range(_ROUND):
            looked, gone = await self._library.drop_unreferenced(self._live.now.retention.blob_grace, _BATCH)
            removed += gone
            if looked < _BATCH:
                break
        return removed


async def _drain(batch: Callable[[], Awaitable[int]], size: int = _BATCH) -> int:
    """Call a batch of that size until it finds less than it may take; the sum."""
    total = 0
    for _ in range(_ROUND):
        count = await batch()
        total += count
        if count < size:
            break
    return total
