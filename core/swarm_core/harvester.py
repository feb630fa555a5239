"""Harvester: takes what workers report of attempts, holds it against the database, and commits the outcome.

Reports are written in the order they came, in batches: a start never comes after its own end. Each write is
fenced by attempt number and worker; a stale report changes nothing and is answered so that the worker lets go.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.batcher import Batcher
from swarm_core.clock import Clock
from swarm_core.ends import End, SettledEnds
from swarm_core.events import Changed
from swarm_core.module import Log
from swarm_core.policy import Verdict, judge
from swarm_core.queues import QueueDepth
from swarm_core.reports import storable
from swarm_core.store import attempts
from swarm_core.store.attempts import Current, Settled, Step
from swarm_core.store.database import CONFLICT, LOST, REFUSED, Connection, Database, transaction
from swarm_protocol.messages import Artifact, Finished, Harvesting, Ref, Started
from swarm_protocol.states import FailureKind, JobState

_RETRY_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Report:
    """Something a worker said of an attempt."""

    worker: UUID
    message: Started | Harvesting | Finished


class Harvester:
    """The one writer of starts and outcomes in this core."""

    name = "harvester"

    def __init__(self, database: Database, clock: Clock, log: Log, *, core: UUID, changed: Changed) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._actor = f"core:{core}"
        self._changed = changed
        self._reports: Batcher[Report, bool] = Batcher("harvester", self._write, most=500, bound=100_000)

    def queue_depths(self) -> list[QueueDepth]:
        """Reports that wait to be written."""
        return [self._reports.queue("reports")]

    async def caught_up(self, most: int) -> None:
        """Wait until at most that many reports wait to be written."""
        await self._reports.below(most)

    def report(self, report: Report) -> asyncio.Future[bool]:
        """Queue a report; the future tells whether it counted. Raises SwarmError(unavailable) when full."""
        if isinstance(report.message, Finished):
            report = replace(report, message=storable(report.message))
        return self._reports.put(report)

    async def run(self) -> None:
        """Write what gathers, until cancelled."""
        await self._reports.run()

    async def _write(self, reports: Sequence[Report]) -> list[bool]:
        """Write a batch; one report that can't be written must not keep back the others."""
        try:
            return await self._write_together(reports)
        except REFUSED as error:
            if len(reports) == 1:
                return await self._write_unkeepable(reports[0], error)
        middle = len(reports) // 2
        return await self._write(reports[:middle]) + await self._write(reports[middle:])

    async def _write_unkeepable(self, report: Report, error: Exception) -> list[bool]:
        """Its job must not run for ever: an end that can't be kept as it is ends it all the same."""
        ref = report.message.ref
        self._log.error(
            "a worker's report can't be kept",
            job=ref.job,
            attempt=ref.attempt,
            worker=report.worker,
            error=str(error),
        )
        if not isinstance(report.message, Finished):
            return [False]
        end = Finished(ref=ref, result=str(FailureKind.INVALID), message="its worker's report can't be kept")
        return await self._write_together([Report(report.worker, end)])

    async def _write_together(self, reports: Sequence[Report]) -> list[bool]:
        """One transaction, again and again while the database is away: a report is never given up."""
        while True:
            try:
                async with transaction(self._database.hot) as connection:
                    counted, moved = await self._write_once(connection, reports)
            except CONFLICT:
                continue
            except LOST as error:
                self._log.warning("outcomes wait for the database", waiting=len(reports), error=str(error))
                await self._clock.sleep(_RETRY_SECONDS)
                continue
            self._log.debug("reports were written", reports=len(reports), moved=len(moved))
            self._changed(moved)
            return counted

    async def _write_once(
        self, connection: Connection, reports: Sequence[Report]
    ) -> tuple[list[bool], list[tuple[int, str, int]]]:
        sorted_out = sort_out(reports)
        if sorted_out.starts:
            await attempts.start(connection, sorted_out.starts, self._actor)
        if sorted_out.harvests:
            await attempts.harvest(connection, sorted_out.harvests, self._actor)
        counted, moved = await self.settle(connection, sorted_out.ends, sorted_out.ran)
        moved += [(job, str(JobState.RUNNING), 0) for job, _, _ in sorted_out.starts]
        moved += [(job, str(JobState.HARVESTING), 0) for job, _, _ in sorted_out.harvests]
        return [_counts(report, counted) for report in reports], moved

    async def settle(
        self,
        connection: Connection,
        ends: Sequence[End],
        ran: Collection[Step] = (),
    ) -> SettledEnds:
        """Judge and write ends of attempts in the caller's transaction; `None` for a worker is the core's own finding.

        `ran` are those among them whose start is still to be written. Returns the (job, attempt) that counted, and
        (job, new state, shape) of each job that moved.
        """
        if not ends:
            return set(), []
        locked = await attempts.lock(connection, sorted({end.ref.job for _, end in ends}))
        valid: dict[tuple[int, int], Settled] = {}
        for worker, end in ends:
            current = locked.get(end.ref.job)
            if current is None or _is_stale(current, worker, end.ref):
                self._log.warning("a stale report was refused", job=end.ref.job, attempt=end.ref.attempt, worker=worker)
            else:
                step = (end.ref.job, end.ref.attempt, worker)
                valid[(end.ref.job, end.ref.attempt)] = self._verdict(current, worker, end, step in ran)
        if not valid:
            return set(), []
        settled = await self._keep_artifacts(connection, list(valid.values()))
        moved = await attempts.settle(connection, settled)
        return set(valid), [(job, state, shape) for job, shape, state in moved]

    def _verdict(self, current: Current, worker: UUID | None, end: Finished, started: bool) -> Settled:
        ran = started and current.state == JobState.DISPATCHED
        facts = replace(current.facts, started=True) if ran else current.facts
        actor = f"worker:{worker}" if worker else self._actor
        timings = msgspec.json.encode(end.timings).decode() if end.timings else None
        return Settled(current, judge(facts, end.result), end, timings, actor, worker is not None, ran)

    async def _keep_artifacts(self, connection: Connection, settled: list[Settled]) -> list[Settled]:
        """Insert output files with their outcome; an outcome whose blobs aren't all here is no success."""
        files = [(s.current.job, s.current.attempt, file) for s in settled for file in s.report.artifacts]
        if not files or await attempts.add_artifacts(connection, files) == len(files):
            return settled
        return [await self._check_artifacts(connection, s) for s in settled]

    async def _check_artifacts(self, connection: Connection, settled: Settled) -> Settled:
        files: list[Artifact] = settled.report.artifacts
        present = await attempts.count_artifacts(connection, settled.current.job, settled.current.attempt)
        if present == len(files) or settled.verdict.state is not JobState.SUCCEEDED:
            return settled
        missing = f"{len(files) - present} of {len(files)} output files did not arrive whole"
        report = msgspec.structs.replace(settled.report, message=missing)
        verdict = Verdict(JobState.FAILED, FailureKind.OUTPUT_MISSING)
        return replace(settled, verdict=verdict, report=report)


@dataclass(frozen=True, slots=True)
class SortedOut:
    """A batch of reports by what they call for."""

    starts: list[Step]
    harvests: list[Step]
    ends: list[End]
    ran: set[Step]
    """Starts whose end is in the batch too, with nothing between: they are written together."""


def sort_out(reports: Sequence[Report]) -> SortedOut:
    """What a batch calls for: steps that stand alone, and ends."""
    starts = {_step(r) for r in reports if isinstance(r.message, Started)}
    harvests = {_step(r) for r in reports if isinstance(r.message, Harvesting)}
    ends: list[End] = [(r.worker, r.message) for r in reports if isinstance(r.message, Finished)]
    ran = starts.intersection((end.ref.job, end.ref.attempt, worker) for worker, end in ends) - harvests
    return SortedOut(sorted(starts - ran), sorted(harvests), ends, ran)


def _step(report: Report) -> Step:
    return report.message.ref.job, report.message.ref.attempt, report.worker


def _is_stale(current: Current, worker: UUID | None, ref: Ref) -> bool:
    other_worker = worker is not None and current.worker != worker
    return current.ended or current.attempt != ref.attempt or other_worker


def _counts(report: Report, counted: set[tuple[int, int]]) -> bool:
    """Whether a report changed something, as far as it is known: starts are only guarded by their WHERE."""
    ref = report.message.ref
    return not isinstance(report.message, Finished) or (ref.job, ref.attempt) in counted
