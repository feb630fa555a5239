"""Signals: who is told when jobs have moved. Wakes this core's modules at once, and the other cores through Redis.

All of it is a hint: whoever is woken reads the database, and looks again by itself when no hint comes.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from swarm_core.cache import Cache
from swarm_core.dispatcher import Dispatcher
from swarm_core.events import JobEvents, Moves
from swarm_core.hibernator import Hibernator
from swarm_core.scheduler import Scheduler
from swarm_core.session import Wishes
from swarm_protocol.states import TERMINAL, JobState

_WAITS_FOR_TIME = frozenset({str(JobState.SLEEPING)})


class Queued(msgspec.Struct, frozen=True, array_like=True):
    """Jobs of these shapes were queued by a core."""

    core: UUID
    shapes: list[int]


class Changed(msgspec.Struct, frozen=True, array_like=True):
    """These jobs have moved; `sleeping` tells whether one of them now waits for a time."""

    core: UUID
    jobs: list[int]
    sleeping: bool


class Stop(msgspec.Struct, frozen=True, array_like=True):
    """An attempt is to be stopped by whichever core has its worker."""

    job: int
    attempt: int
    worker: UUID


class Steered(msgspec.Struct, frozen=True, array_like=True):
    """What operators want of a worker, for whichever core has it."""

    worker: UUID
    wishes: Wishes


class Signals:
    """The one place that modules report changes to. `connect` it once all of them are built."""

    def __init__(self, core: UUID, events: JobEvents, cache: Cache) -> None:
        self._core = core
        self._events = events
        self._cache = cache
        self._scheduler: Scheduler | None = None
        self._hibernator: Hibernator | None = None
        self._dispatcher: Dispatcher | None = None
        self.forget: Callable[[UUID], None] = lambda _: None
        """Called for a worker that was shut out, so that what is remembered of it is looked up again."""
        self.wake_feed: Callable[[], None] = lambda: None
        """Called when the event stream may have grown."""
        self.is_limited: Callable[[], bool] = lambda: False
        """Whether any project has limits: what a job of it lets go of is room for another once that is committed."""
        self.relimit: Callable[[], None] = lambda: None
        """Called when the limits of a project were changed by any core."""
        self.ended: Callable[[], None] = lambda: None
        """Called where jobs have ended, after the commit."""
        cache.on("queued", self._on_queued)
        cache.on("changed", self._on_changed)
        cache.on("stop", self._on_stop)
        cache.on("revoked", self._on_revoked)
        cache.on("steered", self._on_steered)
        cache.on("limited", lambda _: self.relimit())
        self.mounts_changed: Callable[[], None] = lambda: None
        """Called when somebody has changed mounts, here or at another core."""
        cache.on("mounts", lambda _: self.mounts_changed())
        cache.connects = self._on_connect

    def connect(self, scheduler: Scheduler, hibernator: Hibernator, dispatcher: Dispatcher) -> None:
        """Name who is to be woken."""
        self._scheduler, self._hibernator, self._dispatcher = scheduler, hibernator, dispatcher

    def changed(self, moves: Moves) -> None:
        """(job, new state, shape) of jobs that moved, after the commit."""
        if not moves:
            return
        shapes = {shape for _, state, shape in moves if state == JobState.QUEUED}
        sleeping = any(state in _WAITS_FOR_TIME for _, state, _ in moves)
        jobs = [job for job, _, _ in moves]
        self._wake(shapes, sleeping, jobs)
        if any(state in TERMINAL for _, state, _ in moves):
            self.ended()
        if shapes:
            self._cache.publish("queued", Queued(self._core, list(shapes)))
        self._cache.publish("changed", Changed(self._core, jobs, sleeping))

    def logged(self, jobs: Sequence[int]) -> None:
        """The sealed log of these jobs grew; this core's readers know already."""
        if jobs:
            self._cache.publish("changed", Changed(self._core, list(jobs), False))

    def said(self, jobs: Sequence[int]) -> None:
        """These jobs said how far they are."""
        self._events.notify(jobs)
        self.wake_feed()
        self.logged(jobs)

    def submitted(self, moves: Moves, timed: bool) -> None:
        """Jobs that are new. With `timed` one of them has a start time or a queue timeout: it may be the next due."""
        self.changed(moves)
        if timed and self._hibernator is not None:
            self._hibernator.wake()

    def noted(self) -> None:
        """Something has changed that nobody but the event stream tells of."""
        self.wake_feed()
        self._cache.publish("changed", Changed(self._core, [], False))

    def scheduled(self) -> None:
        """A schedule is new or was changed: it may be the next due."""
        if self._hibernator is not None:
            self._hibernator.wake()
        self.wake_feed()
        self._cache.publish("changed", Changed(self._core, [], True))

    def freed(self) -> None:
        """A worker has room."""
        if self._scheduler is not None:
            self._scheduler.wake()

    def stop(self, job: int, attempt: int, worker: UUID) -> None:
        """An attempt was asked to stop."""
        if self._dispatcher is None or not self._dispatcher.stop(job, attempt, worker):
            self._cache.publish("stop", Stop(job, attempt, worker))

    def steered(self, worker: UUID, wishes: Wishes) -> None:
        """Operators want something else of a worker."""
        self._steer(worker, wishes)
        self._cache.publish("steered", Steered(worker, wishes))

    def _steer(self, worker: UUID, wishes: Wishes) -> None:
        if self._dispatcher is not None:
            self._dispatcher.steer(worker, wishes)
        self.wake_feed()

    def limited(self) -> None:
        """The limits of a project were changed by this core."""
        self._cache.publish("limited", None)

    def mounted(self) -> None:
        """Somebody has changed mounts: workers are to be told."""
        self.mounts_changed()
        self._cache.publish("mounts", self._core)

    def revoked(self, worker: UUID) -> None:
        """A worker may not connect any more."""
        self._shut_out(worker)
        self._cache.publish("revoked", worker)

    def _shut_out(self, worker: UUID) -> None:
        if self._dispatcher is not None:
            self._dispatcher.drop(worker)
        self.forget(worker)
        self.wake_feed()

    def _wake(self, shapes: set[int], sleeping: bool, jobs: list[int]) -> None:
        if self._scheduler is not None and (shapes or (jobs and self.is_limited())):
            self._scheduler.wake(shapes)
        if self._hibernator is not None:
            if sleeping:
                self._hibernator.wake()
            self._hibernator.moved(jobs)
        self._events.notify(jobs)
        self.wake_feed()

    def _on_connect(self) -> None:
        """What was said while Redis was away is lost."""
        if self._hibernator is not None:
            self._hibernator.wake()

    def _on_queued(self, data: bytes) -> None:
        message = msgspec.msgpack.decode(data, type=Queued)
        if message.core != self._core and self._scheduler is not None:
            self._scheduler.wake(message.shapes)

    def _on_changed(self, data: bytes) -> None:
        message = msgspec.msgpack.decode(data, type=Changed)
        if message.core != self._core:
            self._wake(set(), message.sleeping, message.jobs)

    def _on_stop(self, data: bytes) -> None:
        message = msgspec.msgpack.decode(data, type=Stop)
        if self._dispatcher is not None:
            self._dispatcher.stop(message.job, message.attempt, message.worker)

    def _on_steered(self, data: bytes) -> None:
        message = msgspec.msgpack.decode(data, type=Steered)
        self._steer(message.worker, message.wishes)

    def _on_revoked(self, data: bytes) -> None:
        self._shut_out(msgspec.msgpack.decode(data, type=UUID))
