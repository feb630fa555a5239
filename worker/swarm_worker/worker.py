"""The worker's shell: feeds the machine what happens and carries out what it decides."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, assert_never

import msgspec

from swarm_protocol import messages
from swarm_protocol.messages import (
    Assign,
    Capacity,
    Finished,
    FromCore,
    Hello,
    Load,
    LogAck,
    Reconciled,
    Ref,
    SysInfo,
    TokenGrant,
    Welcome,
)
from swarm_protocol.states import FailureKind
from swarm_worker import events as e
from swarm_worker import failures, sysinfo
from swarm_worker.complaint import Complaint
from swarm_worker.heartbeat import Heart
from swarm_worker.journal import Record
from swarm_worker.machine import Machine
from swarm_worker.offering import Offering
from swarm_worker.outbox import Outbox
from swarm_worker.runner import Parts, Runner
from swarm_worker.runtimes.docker import Containers
from swarm_worker.runtimes.engine import EngineError
from swarm_worker.runtimes.execs import Execs
from swarm_worker.runtimes.profile import JOB, SANDBOX, Owner
from swarm_worker.runtimes.sandbox import Sandboxes
from swarm_worker.shelf import Shelf
from swarm_worker.spool import Spool
from swarm_worker.terminals import Terminals

log = logging.getLogger("swarm.worker")
_HANG_UP = 3.0
"""Seconds for terminals to end at a hand-over."""
_LINGER = 300.0
"""Seconds that a log may still be on its way after the outcome was acknowledged."""


@dataclass(frozen=True)
class Facts:
    """What the worker tells of itself in its hello."""

    capacity: Capacity
    sysinfo: SysInfo
    labels: dict[str, str]
    cluster: str


class Worker:
    """Everything between the link and the runners. Lives on one event loop; nothing here blocks for long."""

    def __init__(
        self,
        facts: Facts,
        machine: Machine,
        shelf: Shelf,
        outbox: Outbox,
        containers: Containers,
        sandboxes: Sandboxes,
        owner: Owner,
        heart_host: str,
        boottime: Callable[[], float],
        changed: Callable[[str], None],
    ) -> None:
        self.facts = facts
        self.machine = machine
        self.session = ""
        self.left = asyncio.Event()
        self.sweep_due = False
        """Something of ours may be left in the engine."""
        self._shelf = shelf
        self._outbox = outbox
        self._containers = containers
        self._sandboxes = sandboxes
        self._owner = owner
        self._host = heart_host
        self._boottime = boottime
        self._changed = changed
        self._parts: Parts | None = None
        self._heart = Heart(lambda: (self.machine.state.value, self.load()))
        self._runners: dict[Ref, Runner] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._runs: dict[Ref, asyncio.Task[None]] = {}
        self._lingering: dict[Ref, asyncio.TimerHandle] = {}
        self._events: deque[e.Event] = deque()
        self._feeding = False
        self._not_connected = Complaint()
        self._renewed = asyncio.Event()
        self._window_size = 0
        self._terminals = Terminals(Execs(containers.engine), outbox.say, self._running_container)

    def use(self, parts: Parts) -> None:
        """Hand in what runners share (it needs this object, so it comes after)."""
        self._parts = parts

    def _offering(self) -> Offering:
        assert self._parts is not None
        return self._parts.offering

    # --- events in, effects out ------------------------------------------------------------------------------

    def feed(self, event: e.Event) -> None:
        """Tell the machine; carry out its effects in order, also of events that these cause."""
        self._events.append(event)
        if self._feeding:
            return
        self._feeding = True
        try:
            while self._events:
                for effect in self.machine.on(self._events.popleft()):
                    self._carry_out(effect)
        finally:
            self._feeding = False
        self._changed(self.machine.state.value)

    def _carry_out(self, effect: e.Effect) -> None:
        match effect:
            case e.Send(message=message):
                self._outbox.say(message)
            case e.Keep(assign=assign):
                self._shelf.keep(assign)
            case e.Run(assign=assign, resume=resume):
                self._run(assign, resume)
            case e.Stop(ref=ref, why=why):
                self._stop(ref, why)
            case e.Settle(ref=ref, why=why):
                self._spawn(self._settle(ref, result_of(why), ""))
            case e.Linger(ref=ref):
                self._linger(ref)
            case e.Forget(ref=ref):
                self._forget(ref)
            case e.Sweep():
                self._spawn(self.sweep())
            case e.Leave():
                self.left.set()
            case _:
                assert_never(effect)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _run(self, assign: Assign, resume: bool) -> None:
        assert self._parts is not None
        ref = assign.ref
        try:
            runner = Runner(self._shelf.record(ref), self._shelf.spool(ref), self._parts)
        except OSError as error:
            full = failures.of_disk(error, FailureKind.CREATE_FAILED, "the attempt's files")
            self._spawn(self._settle(ref, full.kind.value, str(full)))
            return
        except msgspec.DecodeError as error:
            text = f"the worker can't read the job's spec: {error}; upgrade the worker"
            self._spawn(self._settle(ref, FailureKind.CREATE_FAILED.value, text))
            return
        except Exception as error:  # a fault of ours must end the attempt, not leave it open for ever
            log.exception("attempt %s.%s can't be begun", ref.job, ref.attempt, extra={"ref": ref})
            text = f"the worker itself failed: {error!r}"
            self._spawn(self._settle(ref, FailureKind.CREATE_FAILED.value, text))
            return
        self._runners[ref] = runner
        task = self._runs[ref] = self._spawn(runner.run(resume=resume))
        task.add_done_callback(lambda done: self._ran(ref, done))

    def _ran(self, ref: Ref, task: "asyncio.Task[None]") -> None:
        self._runners.pop(ref, None)
        self._runs.pop(ref, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("attempt %s.%s: the runner failed", ref.job, ref.attempt, exc_info=error, extra={"ref": ref})
            text = f"the worker itself failed: {error!r}"
            self._spawn(self._settle(ref, FailureKind.CREATE_FAILED.value, text))

    def _stop(self, ref: Ref, why: e.Why) -> None:
        runner = self._runners.get(ref)
        if runner is not None:
            runner.stop(why)
        elif why is e.Why.DISCARDED:
            self.feed(e.RunnerGone(ref))

    async def _settle(self, ref: Ref, result: str, message: str) -> None:
        finished = Finished(ref=ref, result=result, message=failures.one_line(message))
        await self._shelf.settle(finished)
        self.feed(e.RunnerDone(finished))

    def _linger(self, ref: Ref) -> None:
        if self._outbox.window.delivered(ref):
            self.feed(e.LogDelivered(ref))
            return
        self._spawn(self._shelf.note_acked(ref))
        give_up = asyncio.get_running_loop().call_later(_LINGER, self.feed, e.LogDelivered(ref))
        self._lingering[ref] = give_up

    def _forget(self, ref: Ref) -> None:
        self._outbox.window.forget(ref)
        if (timer := self._lingering.pop(ref, None)) is not None:
            timer.cancel()
        self._shelf.forget(ref)
        self._spawn(self._remove_files(ref))

    async def _remove_files(self, ref: Ref) -> None:
        if (run := self._runs.get(ref)) is not None:
            # The last step of a runner removes its container, which has these files mounted.
            await asyncio.wait({run})
        await self._shelf.remove_files(ref)

    # --- the link's listener ----------------------------------------------------------------------------------

    def connecting(self) -> None:
        """A connection is being opened."""
        self.feed(e.Connecting(self._boottime()))

    def hello(self) -> Hello:
        """What this worker is."""
        return Hello(
            major=messages.PROTOCOL_MAJOR,
            minor=messages.PROTOCOL_MINOR,
            capacity=self.facts.capacity,
            sysinfo=self.facts.sysinfo,
            labels=self.facts.labels,
            cluster=self.facts.cluster,
        )

    def welcomed(self, welcome: Welcome) -> None:
        """A session begins: say what is held, and beat."""
        self.session = str(welcome.session)
        self._not_connected.gone()
        self._window_size = welcome.log_window
        self._offering().welcomed()
        self._heart.start(welcome, self._host)
        self.feed(welcome)
        self._outbox.say(self._shelf.sized(self.machine.reconcile()))
        log.info("connected session=%s core=%s held=%d", welcome.session, welcome.core, len(self.machine.held))

    def received(self, message: FromCore) -> None:
        """A message of the core."""
        match message:
            case LogAck(ref=ref, stream=stream, offset=offset):
                self._log_acked(ref, stream, offset)
            case TokenGrant():
                pass
            case messages.Mounts():
                self._offering().told(message)
                self._spawn(self._offering().look())
            case Reconciled():
                self.feed(message)
                self._outbox.window.open(self._window_size)
                self._outbox.nudge()
                self._renewed.set()
            case messages.Lease():
                self.feed(message)
                self._renewed.set()
            case (
                messages.TerminalOpen()
                | messages.TerminalInput()
                | messages.TerminalSize()
                | messages.TerminalSeen()
                | messages.TerminalClose()
            ):
                self._terminals.received(message)
            case _:
                self.feed(message)

    def _running_container(self, ref: Ref) -> str | None:
        held, runner = self.machine.held.get(ref), self._runners.get(ref)
        runs = held is not None and held.phase is e.Phase.RUNNING
        return runner.container if runs and runner is not None else None

    def _log_acked(self, ref: Ref, stream: int, offset: int) -> None:
        window = self._outbox.window
        window.acknowledged(ref, stream, offset)
        self._outbox.nudge()
        if ref in self._lingering and window.delivered(ref):
            self.feed(e.LogDelivered(ref))

    def ping(self, seq: int) -> Load:
        """A ping is about to leave."""
        self.feed(e.PingSent(seq, self._boottime()))
        return self.load()

    def disconnected(self, why: str) -> None:
        """The session is over. Idempotent."""
        self._heart.stop()
        self._terminals.close_all()
        self.feed(e.Disconnected())
        if self._not_connected.is_news(why):
            log.warning("not connected: %s", why)

    # --- for runners and the heartbeat ----------------------------------------------------------------------

    def load(self) -> Load:
        """How busy the worker is."""
        return Load(
            running=self.machine.active,
            free_slots=self.machine.free_slots,
            load1=round(sysinfo.load1(), 3),
            memory_free=sysinfo.memory_free(),
        )

    def grew(self, ref: Ref, spool: Spool) -> None:
        """A spool has more."""
        self._outbox.grew(ref, spool.sizes)

    async def may_start(self, ref: Ref) -> None:
        """Return once the attempt is known to be ours: no container is started on a lease that has run out."""
        while not self.machine.may_start(ref, self._boottime()):
            self._renewed.clear()
            await self._renewed.wait()

    # --- start, sweep, end ------------------------------------------------------------------------------------

    async def restore(self) -> None:
        """Take up what a predecessor left: its outcomes, its containers, its assignments. Raises EngineError."""
        seen = {Ref(c.job, c.attempt): c for c in await self._containers.list(self._owner) if c.role == JOB}
        for ref, container in seen.items():
            self._offering().gpus.restore(ref, container.gpus)
        for record in self._shelf.restore():
            found = seen.get(record.ref)
            begun = found is not None and found.state != "created"
            if found is not None and begun:
                record.container = found.id
            elif found is not None:
                await self._containers.remove(found.id)
            self._restore_one(record, begun or (found is None and record.started is not None))

    def _restore_one(self, record: Record, begun: bool) -> None:
        self.grew(record.ref, self._shelf.put(record))
        self.feed(e.Restored(record.assign(), begun, record.outcome, record.acked))

    async def sweep(self) -> None:
        """Remove containers with our labels that belong to nothing held, and secrets that none needs."""
        self.sweep_due = False
        await self._sweep_secrets()
        gpus = self._offering().gpus
        idle = [ref for ref in gpus.holders() if ref not in self._runners]
        try:
            for seen in await self._containers.list(self._owner):
                if not self._wanted(seen.role, seen.name, Ref(seen.job, seen.attempt)):
                    log.info("removing container %s: nothing held needs it", seen.id[:12])
                    await self._containers.remove(seen.id)
            for ref in idle:
                gpus.give_back(ref)
        except EngineError as error:
            self.sweep_due = True
            log.warning("the sweep stopped: %s", error)

    async def _sweep_secrets(self) -> None:
        assert self._parts is not None
        secrets = self._parts.secrets
        for ref in await asyncio.to_thread(secrets.kept):  # looked at first: what comes later is held
            held = self.machine.held.get(ref)
            if ref not in self._runners and (held is None or held.phase is e.Phase.FINISHED):
                await asyncio.to_thread(secrets.remove, ref)

    def _wanted(self, role: str, name: str, ref: Ref) -> bool:
        if role == SANDBOX:
            return self._sandboxes.knows(name)
        held = self.machine.held.get(ref)
        return ref in self._runners or (held is not None and held.phase is not e.Phase.FINISHED)

    async def engine_answers(self) -> None:
        """Called from time to time while the engine answers: sees to what an absence has left."""
        assert self._parts is not None
        if not self.machine.engine_ready:
            log.info("the engine answers again")
            self.machine.engine_ready = True
            self._parts.images.forget_checks()
            self.sweep_due = True
        if self.sweep_due:
            await self.sweep()

    def left_behind(self) -> None:
        """A sweep is due."""
        self.sweep_due = True

    async def runners_ended(self) -> None:
        """Wait until no attempt has a runner."""
        while self._runs:
            await asyncio.wait(list(self._runs.values()))

    def abandon(self) -> None:
        """Revoked: nothing here is ours any more."""
        for ref in list(self.machine.held):
            self.feed(messages.Discard(ref=ref))

    async def remove_images(self) -> None:
        """Remove what this worker loaded into its engine. Raises EngineError."""
        assert self._parts is not None
        await self._parts.images.remove_all()

    async def hand_over(self) -> None:
        """Stop everything here but the containers; records stay for a successor."""
        self._heart.stop()
        self._terminals.close_all()
        for timer in self._lingering.values():
            timer.cancel()
        tasks = list(self._tasks)
        for task in self._runs.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANG_UP):
                await self._terminals.closed()
        for task in self._tasks:
            task.cancel()


def result_of(why: e.Why) -> str:
    """The result of an attempt that was never begun."""
    return FailureKind.CANCELLED.value if why is e.Why.CANCELLED else failures.RELEASED
