"""Carries out one attempt: fetch, create, start, watch, collect, journal. One task each; decisions come from outside.

A runner that is cancelled (hand-over) leaves its container and its record for a successor. One that is told to
stop ends its container and says so.
"""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from math import inf
from typing import Any, TypeVar

import msgspec

from swarm_protocol.messages import Artifact, Finished, Ref
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import FailureKind
from swarm_worker import failures, harvest, prepare, quota
from swarm_worker.capture import Capture
from swarm_worker.events import Event, RunnerDone, RunnerGone, RunnerHarvesting, RunnerSaid, RunnerStarted, Why
from swarm_worker.failures import AttemptFailed, End
from swarm_worker.images import Images, Ready
from swarm_worker.journal import Journal, Record
from swarm_worker.launch import Launch
from swarm_worker.offering import Offering
from swarm_worker.runtimes.docker import Containers, Exit
from swarm_worker.runtimes.engine import EngineError, EngineGone, EngineRefused
from swarm_worker.runtimes.profile import Owner
from swarm_worker.runtimes.sandbox import Sandboxes
from swarm_worker.secrets import Secrets
from swarm_worker.spool import Spool
from swarm_worker.transfer import Transfer
from swarm_worker.warning import Warner

T = TypeVar("T")
_TAIL = 8192
_PREPARE_SECONDS = 900.0
"""How long a core that is away is waited for with a job's secrets, and GPUs for the container that had them, where the
job itself sets no limit."""
_ENDS = {
    Why.RELEASED: failures.RELEASED,
    Why.CANCELLED: FailureKind.CANCELLED.value,
    Why.DISCARDED: failures.RELEASED,  # never reported
}
_SAYS = {
    Why.RELEASED: "the worker is being stopped",
    Why.CANCELLED: "cancelled",
    Why.DISCARDED: "the attempt is this worker's no more",
}


class Stopped(Exception):
    """The runner was told to stop."""


@dataclass(frozen=True)
class Parts:
    """What runners share."""

    owner: Owner
    session: Callable[[], str]
    containers: Containers
    sandboxes: Sandboxes
    images: Images
    transfer: Transfer
    secrets: Secrets
    offering: Offering
    journal: Journal
    boottime: Callable[[], float]
    may_start: Callable[[Ref], Awaitable[None]]
    """Returns once a container of this attempt may be started."""
    grew: Callable[[Ref, Spool], None]
    """The spool of this attempt has more."""
    report: Callable[[Event], None]
    note: Callable[[str], None]
    left_behind: Callable[[], None]
    """Something of ours may be left in the engine: a sweep is due."""
    engine_patience: float


class Runner:
    """One attempt on its way."""

    def __init__(self, record: Record, spool: Spool, parts: Parts) -> None:
        self.ref = record.ref
        self._record = record
        self._parts = parts
        self._spool = spool
        self._folder = parts.journal.folder(record.ref)
        self._spec = msgspec.json.decode(record.spec, type=JobSpec)
        self._timings = dict(record.timings)
        self._why: Why | None = None
        self._told = asyncio.Event()
        self._launch = Launch(
            record.ref,
            self._spec,
            self._folder,
            parts.owner,
            parts.containers,
            parts.sandboxes,
            parts.boottime,
            parts.engine_patience,
            parts.secrets,
            parts.offering,
            project=record.project_name,
            traceparent=record.traceparent,
        )
        self._warner = Warner(record, self._spec.timeouts, parts.containers, parts.journal, parts.note)
        self._image = False
        self._engine_was_away = False
        self._capture = Capture(record.ref, spool, parts.containers, parts.grew, parts.note, self._spec.tty)

    @property
    def container(self) -> str:
        """Its container, from its creation on; empty before."""
        return self._record.container

    def stop(self, why: Why) -> None:
        """End the attempt; the strongest reason given counts."""
        if self._why is None or why > self._why:
            self._why = why
            self._told.set()

    async def run(self, *, resume: bool = False) -> None:
        """From the assignment, or from the container it already has, to the journalled outcome."""
        end, artifacts = await self._to_its_end(resume)
        await self._launch.remove_secrets()
        await self._give_back()
        if self._why is Why.DISCARDED:
            await self._remove_container()
            self._parts.report(RunnerGone(self.ref))
            return
        finished = self._finished(end, artifacts)
        self._record.outcome = finished
        await self._durable()
        self._parts.report(RunnerDone(finished))
        await self._remove_container()

    async def _to_its_end(self, resume: bool) -> tuple[End, list[Artifact]]:
        try:
            if resume:
                self._capture.follow(self._record.container)
            else:
                await self._begin()
            end = await self._watch()
            return await self._harvest(end)
        except Stopped:
            return self._stopped_end(), []
        except AttemptFailed as failure:
            return failure.end(), []
        except EngineError as error:
            return AttemptFailed(FailureKind.ENGINE_LOST, f"the engine: {error}").end(), []
        except OSError as error:
            return failures.of_disk(error, FailureKind.CREATE_FAILED, "the attempt's files").end(), []
        except Exception as error:  # a fault of ours must end the attempt, not leave it open for ever
            self._parts.note(f"{_name(self.ref)}: {traceback.format_exc()}")
            return AttemptFailed(FailureKind.CREATE_FAILED, f"the worker itself failed: {error!r}").end(), []
        finally:
            await self._capture.close()

    def _stopped_end(self) -> End:
        assert self._why is not None
        return End(_ENDS[self._why], _SAYS[self._why])

    async def _unless_told(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work, or drop it and raise Stopped as soon as the runner is told to stop."""
        task = asyncio.ensure_future(work)
        told = asyncio.ensure_future(self._told.wait())
        try:
            await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Stopped
        finally:
            told.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    # --- up to the start -----------------------------------------------------------------------------------

    async def _begin(self) -> None:
        self._launch.make_folders()
        parts = self._parts
        fetch = prepare.fetch(self.ref, self._spec, self._record.image, self._folder, parts.transfer, parts.images)
        ready, seconds = await self._unless_told(fetch)
        self._image = True
        self._timings |= seconds
        await self._unless_told(_nothing(self._parts.may_start(self.ref)))
        limit = self._spec.timeouts.pull or _PREPARE_SECONDS
        await self._unless_told(self._launch.bring_secrets(limit))
        await self._unless_told(self._launch.take_gpus(limit))
        await self._unless_told(self._launch.take_mounts(self._record.project))
        # Not dropped half-way: a container whose creation is under way must be known before it can be removed.
        await self._uncut(self._create_and_start(ready))
        self._record.started = self._parts.boottime()
        self._record.timings = dict(self._timings)
        self._parts.journal.write(self._record)
        self._parts.report(RunnerStarted(self.ref, dict(self._timings)))

    async def _uncut(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            raise

    async def _create_and_start(self, ready: Ready) -> None:
        begun = time.monotonic()
        await self._launch.start(ready, self._parts.session(), self._created)
        self._timings["create"] = time.monotonic() - begun

    async def _created(self, container: str) -> None:
        self._record.container = container
        await self._capture.attach(container)

    # --- while it runs -------------------------------------------------------------------------------------

    async def _watch(self) -> End:
        begun = self._record.started or self._parts.boottime()
        exit_ = asyncio.create_task(self._await_exit())
        try:
            early = await self._until_exit_or_reason(exit_, begun)
            if early is not None:
                await self._stop_container(early)
            ended = await exit_
            self._timings["run"] = self._parts.boottime() - begun
            self._launch.ended()
            await self._launch.remove_secrets()
            await self._capture.finish(self._record.container, engine_was_away=self._engine_was_away)
        finally:
            exit_.cancel()
            await asyncio.wait({exit_})
        self._look()
        end = self._judge(ended, early)
        self._complain()
        return end

    async def _until_exit_or_reason(self, exit_: "asyncio.Task[Exit]", begun: float) -> End | None:
        """Wait for the exit (None) or for a reason to end the container before."""
        told = asyncio.create_task(self._told.wait())
        limit = self._spec.timeouts.run
        pid: int | None = None
        try:
            while True:
                up = begun + (inf if limit is None else limit)
                left = min(1.0, min(up, self._warner.due(begun)) - self._parts.boottime())
                await asyncio.wait({exit_, told}, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
                if exit_.done():
                    return None
                if told.done():
                    return self._stopped_end()
                if limit is not None and self._parts.boottime() >= begun + limit:
                    return failures.run_timeout(limit)
                if self._parts.boottime() >= self._warner.due(begun):
                    await self._warner.warn()
                self._look()
                pid = await self._pid() if pid is None else pid
                if (too_much := await self._overrun(pid)) is not None:
                    return End(FailureKind.OUTPUT_TOO_LARGE.value, f"stopped: {too_much}")
        finally:
            told.cancel()

    def _look(self) -> None:
        """See how far the job says that it is."""
        said = self._launch.progress.look()
        if said is not None:
            self._parts.report(RunnerSaid(self.ref, said))

    def _complain(self) -> None:
        """Tell in the job's log, once it is whole, of progress that was not understood."""
        line, tail = self._launch.progress.complaint.encode(), self._spool.tail(2, _TAIL)
        if line and line not in tail:  # a worker that came back may have written it before
            self._spool.append(2, (b"" if tail[-1:] in (b"", b"\n") else b"\n") + line + b"\n")
            self._parts.grew(self.ref, self._spool)

    async def _pid(self) -> int:
        try:
            return int((await self._parts.containers.inspect(self._record.container))["State"]["Pid"])
        except EngineError:
            return 0

    async def _overrun(self, pid: int | None) -> str | None:
        out, also = self._folder / "out", self._launch.progress.path
        return await asyncio.to_thread(quota.overrun, out, self._spec.resources.disk, pid, also)

    async def _stop_container(self, early: End) -> None:
        discarded = self._why is Why.DISCARDED
        grace = 0.0 if discarded else self._spec.timeouts.stop_grace
        self._parts.note(f"{_name(self.ref)}: stopping its container: {early.message or early.result}")
        try:
            await self._parts.containers.stop(self._record.container, grace)
        except EngineGone as error:
            self._parts.note(f"{_name(self.ref)}: {error}")  # the wait for its exit knows what to do

    async def _await_exit(self) -> Exit:
        """The container's exit, across an engine that goes away and comes back. Raises AttemptFailed."""
        lost_at: float | None = None
        while True:
            try:
                ended = await self._parts.containers.wait(self._record.container)
            except EngineRefused as error:
                text = f"the container is gone, removed by someone else: {error}"
                raise AttemptFailed(FailureKind.ENGINE_LOST, text) from error
            except EngineGone as error:
                self._engine_was_away = True
                lost_at = lost_at if lost_at is not None else self._parts.boottime()
                if self._parts.boottime() - lost_at > self._parts.engine_patience:
                    raise AttemptFailed(FailureKind.ENGINE_LOST, f"the engine stayed away: {error}") from error
                await asyncio.sleep(0.5)
                continue
            lost = ended.removing or (lost_at is not None and ended.code != 0)
            return replace(ended, engine_lost=lost)

    # --- after its end -------------------------------------------------------------------------------------

    def _judge(self, ended: Exit, early: End | None) -> End:
        """What the attempt came to. A failure that is not the job's own doing has no exit code of the job's."""
        if ended.engine_lost and early is None:
            text = f"the container ended with the engine, or was removed by someone else (exit code {ended.code})"
            return End(FailureKind.ENGINE_LOST, text, None, ended.oom)
        if early is None:
            return failures.of_exit(ended.code, ended.oom, self._spool.tail(2, _TAIL), self._spec)
        if self._why is not None:
            early = self._stopped_end()
        if early.result == FailureKind.OUTPUT_TOO_LARGE:
            return replace(early, oom=ended.oom)
        return replace(early, exit_code=ended.code, oom=ended.oom)

    async def _harvest(self, end: End) -> tuple[End, list[Artifact]]:
        """Bring the outputs, also of a job that failed; not of one that is given up."""
        if self._why is not None or end.result == FailureKind.OUTPUT_TOO_LARGE:
            return end, []
        begun = time.monotonic()
        try:
            work = harvest.collect(
                self.ref, self._spec, self._folder / "out", end, self._parts.transfer, self._harvesting
            )
            return await self._unless_told(work)
        except Stopped:
            return replace(self._stopped_end(), exit_code=end.exit_code, oom=end.oom), []
        finally:
            self._timings["collect"] = time.monotonic() - begun

    def _harvesting(self) -> None:
        self._parts.report(RunnerHarvesting(self.ref))

    def _finished(self, end: End, artifacts: list[Artifact]) -> Finished:
        return Finished(
            ref=self.ref,
            result=end.result,
            exit_code=end.exit_code,
            oom=end.oom,
            message=end.message,
            timings={key: round(value, 6) for key, value in self._timings.items()},
            stdout=self._spool.sizes[1],
            stderr=self._spool.sizes[2],
            log_truncated=self._spool.truncated,
            artifacts=artifacts,
        )

    async def _durable(self) -> None:
        """Journal the outcome. A full disk gets some seconds; then it is better to report than to wait."""
        for pause in (0.2, 1.0, 3.0, None):
            try:
                return await asyncio.to_thread(self._parts.journal.write, self._record, durable=True)
            except OSError as error:
                self._parts.note(f"{_name(self.ref)}: its outcome can't be written down: {error}")
            if pause is not None:
                await asyncio.sleep(pause)

    async def _remove_container(self) -> None:
        """What can't be removed now goes with a later sweep."""
        name = self._record.container or self._launch.name
        if not self._record.container and not self._image:
            return
        try:
            await self._parts.containers.remove(name)
            self._launch.give_gpus_back()
        except EngineError as error:
            self._parts.left_behind()
            self._parts.note(f"{_name(self.ref)}: its container can't be removed yet: {error}")

    async def _give_back(self) -> None:
        if self._image:
            self._parts.images.give_back(self._record.image.digest)
        try:
            await self._launch.drop_sandbox()
        except EngineError as error:
            self._parts.left_behind()
            self._parts.note(f"{_name(self.ref)}: its sandbox can't be removed yet: {error}")


async def _nothing(awaited: Awaitable[T]) -> T:
    return await awaited


def _name(ref: Ref) -> str:
    return f"attempt {ref.job}.{ref.attempt}"
