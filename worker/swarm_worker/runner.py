"""Carries out one attempt: fetch, create, start, watch, collect, journal. One task each; decisions come from outside.

A runner that is cancelled (hand-over) leaves its container and its record for a successor. One that is told to
stop ends its container and says so.
"""

import asyncio
import os
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from swarm_protocol.messages import Artifact, Finished, Ref
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import FailureKind
from swarm_worker import failures, files, harvest, quota
from swarm_worker.capture import Capture
from swarm_worker.events import Event, RunnerDone, RunnerGone, RunnerHarvesting, RunnerStarted, Why
from swarm_worker.failures import AttemptFailed, End
from swarm_worker.images import Images, Ready
from swarm_worker.journal import Journal, Record
from swarm_worker.runtimes.docker import Containers, Exit
from swarm_worker.runtimes.engine import EngineError, EngineGone, EngineRefused
from swarm_worker.runtimes.profile import Owner, Plan, ProfileError, body, container_name
from swarm_worker.runtimes.sandbox import Sandboxes
from swarm_worker.spool import Spool
from swarm_worker.transfer import Transfer, TransferError

T = TypeVar("T")
_TAIL = 8192
_FETCHES = 8
_ENDS = {Why.RELEASED: failures.RELEASED, Why.CANCELLED: FailureKind.CANCELLED.value}
_SAYS = {Why.RELEASED: "the worker is being stopped", Why.CANCELLED: "cancelled"}


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
    journal: Journal
    boottime: Callable[[], float]
    may_start: Callable[[Ref], Awaitable[None]]
    """Returns once a container of this attempt may be started."""
    grew: Callable[[Ref, Spool], None]
    """The spool of this attempt has more."""
    report: Callable[[Event], None]
    note: Callable[[str], None]
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
        self._sandbox: str | None = None
        self._image = False
        self._engine_was_away = False
        self._capture = Capture(record.ref, spool, parts.containers, parts.grew, parts.note)

    def stop(self, why: Why) -> None:
        """End the attempt; the strongest reason given counts."""
        if self._why is None or why > self._why:
            self._why = why
            self._told.set()

    async def run(self, *, resume: bool = False) -> None:
        """From the assignment, or from the container it already has, to the journalled outcome."""
        end, artifacts = await self._to_its_end(resume)
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
        why = self._why if self._why in _ENDS else Why.RELEASED
        assert why is not None
        return End(_ENDS[why], _SAYS[why])

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
        files.make_folders(self._folder, self._out_owner(None))
        ready = await self._unless_told(self._fetch())
        await self._unless_told(_nothing(self._parts.may_start(self.ref)))
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

    async def _fetch(self) -> Ready:
        limit = self._spec.timeouts.pull
        try:
            async with asyncio.timeout(limit):
                begun = time.monotonic()
                await self._fetch_inputs()
                inputs = time.monotonic() - begun
                ready = await self._parts.images.ensure(self._record.image, self.ref)
                self._image = True
        except TimeoutError as error:
            raise failures.pull_timeout(limit or 0.0) from error
        self._timings |= {"pull": inputs + ready.pull, "load": ready.load}
        return ready

    async def _fetch_inputs(self) -> None:
        if not self._spec.inputs:
            return
        gate = asyncio.Semaphore(_FETCHES)

        async def one(index: int) -> None:
            item = self._spec.inputs[index]
            async with gate:
                path = files.place_for(self._folder, item)
                await self._parts.transfer.fetch(item.digest, item.size, path, self.ref, item.mode & 0o777 | 0o444)

        try:
            await _all_or_first_error([one(index) for index in range(len(self._spec.inputs))])
        except (TransferError, ValueError) as error:
            raise AttemptFailed(FailureKind.PULL_FAILED, f"an input: {error}") from error
        except OSError as error:
            raise failures.of_disk(error, FailureKind.PULL_FAILED, "placing an input") from error

    async def _create_and_start(self, ready: Ready) -> None:
        begun = time.monotonic()
        sandbox = self._sandbox = await self._parts.sandboxes.borrow()
        try:
            await self._start_in(ready, f"container:{sandbox}" if sandbox else "none")
        except EngineRefused as error:
            if sandbox is None:
                raise failures.of_refused_start(str(error)) from error
            # The sandbox may have gone with a restart of the engine: once more with a namespace of its own.
            self._sandbox = None
            await self._remove_container()
            await self._parts.sandboxes.drop(sandbox)
            await self._retry_alone(ready)
        self._timings["create"] = time.monotonic() - begun

    async def _retry_alone(self, ready: Ready) -> None:
        try:
            await self._start_in(ready, "none")
        except EngineRefused as error:
            raise failures.of_refused_start(str(error)) from error

    async def _start_in(self, ready: Ready, network: str) -> None:
        plan = self._plan(ready, network)
        try:
            wanted = body(plan)
        except ProfileError as error:
            raise AttemptFailed(FailureKind.INVALID, str(error)) from error
        if (owner := self._out_owner(wanted["User"])) is not None:
            os.chown(self._folder / "out", *owner)
        name = container_name(self._parts.owner.cluster, self.ref)
        self._record.container = await self._parts.containers.create(name, wanted)
        await self._capture.attach(self._record.container)
        await self._parts.containers.start(self._record.container)

    def _plan(self, ready: Ready, network: str) -> Plan:
        return Plan(
            owner=self._parts.owner,
            session=self._parts.session(),
            ref=self.ref,
            spec=self._spec,
            image=ready.image.tag,
            config=ready.image.config(),
            inputs=self._folder / "in",
            outputs=self._folder / "out",
            network=network,
            worker_uid=os.getuid(),
        )

    def _out_owner(self, user: str | None) -> tuple[int, int] | None:
        """Numbers of a user who is to own `out`, where the worker may give it away."""
        if user is None or os.getuid() != 0:
            return None
        uid, _, gid = user.partition(":")
        return (int(uid), int(gid) if gid.isdigit() else -1) if uid.isdigit() else None

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
            self._give_back_sandbox()
            await self._capture.finish(self._record.container, engine_was_away=self._engine_was_away)
        finally:
            exit_.cancel()
            await asyncio.wait({exit_})
        return self._judge(ended, early)

    async def _until_exit_or_reason(self, exit_: "asyncio.Task[Exit]", begun: float) -> End | None:
        """Wait for the exit (None) or for a reason to end the container before."""
        told = asyncio.create_task(self._told.wait())
        limit = self._spec.timeouts.run
        pid: int | None = None
        try:
            while True:
                left = 1.0 if limit is None else min(1.0, begun + limit - self._parts.boottime())
                await asyncio.wait({exit_, told}, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
                if exit_.done():
                    return None
                if told.done():
                    return self._stopped_end()
                if limit is not None and self._parts.boottime() >= begun + limit:
                    return failures.run_timeout(limit)
                pid = await self._pid() if pid is None else pid
                if (too_much := await self._overrun(pid)) is not None:
                    return End(FailureKind.OUTPUT_TOO_LARGE.value, f"stopped: {too_much}")
        finally:
            told.cancel()

    async def _pid(self) -> int:
        try:
            return int((await self._parts.containers.inspect(self._record.container))["State"]["Pid"])
        except EngineError:
            return 0

    async def _overrun(self, pid: int | None) -> str | None:
        return await asyncio.to_thread(quota.overrun, self._folder / "out", self._spec.resources.disk, pid)

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
            return replace(ended, engine_lost=lost_at is not None and ended.code != 0)

    # --- after its end -------------------------------------------------------------------------------------

    def _judge(self, ended: Exit, early: End | None) -> End:
        if ended.engine_lost and early is None:
            text = f"the engine went away and the container ended with it (exit code {ended.code})"
            return End(FailureKind.ENGINE_LOST, text, ended.code, ended.oom)
        if early is None:
            return failures.of_exit(ended.code, ended.oom, self._spool.tail(2, _TAIL), self._spec)
        if self._why is not None:
            early = self._stopped_end()
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
        name = self._record.container or container_name(self._parts.owner.cluster, self.ref)
        if not self._record.container and not self._image:
            return
        try:
            await self._parts.containers.remove(name)
        except EngineError as error:
            self._parts.note(f"{_name(self.ref)}: its container can't be removed yet: {error}")

    async def _give_back(self) -> None:
        if self._image:
            self._parts.images.give_back(self._record.image.digest)
        # A sandbox whose container was not seen to end may still be in use: never lend it again.
        sandbox, self._sandbox = self._sandbox, None
        try:
            await self._parts.sandboxes.drop(sandbox)
        except EngineError as error:
            self._parts.note(f"{_name(self.ref)}: its sandbox can't be removed yet: {error}")

    def _give_back_sandbox(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        self._parts.sandboxes.give_back(sandbox)


async def _nothing(awaited: Awaitable[T]) -> T:
    return await awaited


async def _all_or_first_error(works: list[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _name(ref: Ref) -> str:
    return f"attempt {ref.job}.{ref.attempt}"
