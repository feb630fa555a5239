"""Starts the children in order, starts those again that die or hang, and stops all in reverse order.

Which children there are is data: a role, what it needs, and a function that makes its server when the endpoints
of what it needs are known. Blocking calls of the port run in threads.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from swarm_core.clock import Clock
from swarm_core.home.backoff import Backoff
from swarm_core.home.folder import trim_log
from swarm_core.home.patience import Patience, Silence
from swarm_core.home.process import identify
from swarm_core.home.report import ChildReport
from swarm_core.home.server import Endpoint, Server
from swarm_protocol.errors import SwarmError

Endpoints = Mapping[str, Endpoint]
_LOOK: Final = 0.2
"""Seconds between two looks at a child."""
_WAITS: Final = 1.0
_TRIM: Final = 60.0
_NOTE: Final = 5.0
_ASKED: Final = ("ready", "not responding")
"""States in which a child owes an answer; while it starts or stops others wait for it."""
FAILURES: Final = (SwarmError, OSError, subprocess.SubprocessError)
"""What a start or a stop may raise."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """One role of the home."""

    role: str
    make: Callable[[Endpoints], Server]
    """Called in a thread before each start, with the endpoints of all that have started."""
    needs: tuple[str, ...] = ()
    """Roles whose address it was told: when one of them changes, this child is started anew."""
    after: Callable[[Endpoint], None] | None = None
    """Called once in a thread after its first start, before the next child is started."""
    note: Callable[[], str] | None = None
    """What a person should know about it now; asked in a thread, now and then."""
    waits: Callable[[], str] | None = None
    """What it waits for while it starts, if anything; asked in a thread, now and then."""
    patience: Patience | None = None
    """How it is asked whether it answers; None where nothing can be asked, so that only its end is noticed."""
    over: Callable[[], str] | None = None
    """Why one that has ended is not to be started again, if so; asked in a thread once it has ended."""


@dataclass
class _Kept:
    """A child and what became of it."""

    child: Child
    report: ChildReport
    server: Server | None = None
    backoff: Backoff = field(default_factory=Backoff)
    since: float = 0.0
    stale: bool = False
    hung: bool = False


class Supervisor:
    """`start`, then `keep` until cancelled, then `stop`."""

    def __init__(self, children: Sequence[Child], clock: Clock, changed: Callable[[], None]) -> None:
        self._kept = [_Kept(child, ChildReport(role=child.role)) for child in children]
        self._clock = clock
        self._changed = changed
        self._endpoints: dict[str, Endpoint] = {}

    @property
    def children(self) -> list[ChildReport]:
        """How they are, in the order they are started."""
        return [kept.report for kept in self._kept]

    async def start(self) -> None:
        """Start all in order. Raises what the first one raises that does not start (one of FAILURES)."""
        for kept in self._kept:
            self._show(kept, state="starting")
            try:
                endpoint = await self._start(kept)
                if kept.child.after is not None:
                    await asyncio.to_thread(kept.child.after, endpoint)
                await self._note(kept)
            except FAILURES as error:
                if await self._is_over(kept):
                    continue
                self._show(kept, state="failed", detail=str(error))
                raise

    async def keep(self) -> None:
        """Watch all and start again what dies; runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kept in self._kept:
                group.create_task(self._keep(kept))
                if kept.child.patience is not None:
                    group.create_task(self._ask(kept, kept.child.patience))
            group.create_task(self._trim())
            group.create_task(self._notes())

    async def stop(self) -> list[str]:
        """Stop all in reverse order; what went wrong on the way."""
        problems: list[str] = []
        for kept in reversed(self._kept):
            if kept.server is None:
                continue
            self._show(kept, state="stopping")
            try:
                await asyncio.to_thread(kept.server.stop)
            except FAILURES as error:
                problems.append(str(error))
                self._show(kept, state="failed", detail=str(error))
            else:
                self._show(kept, state="stopped", pid=None, detail="")
        return problems

    async def _start(self, kept: _Kept) -> Endpoint:
        """Make and start it in a thread; when cancelled, stop it until that thread has come to an end."""

        def work() -> Endpoint:
            kept.server = kept.child.make(self._endpoints)
            return kept.server.start()

        starting = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            while not (await asyncio.wait({starting}, timeout=_WAITS))[0]:
                if kept.child.waits is not None and (text := await asyncio.to_thread(kept.child.waits)):
                    self._show(kept, detail=text)
        except asyncio.CancelledError:
            await self._abandon(kept, starting)
            raise
        endpoint = starting.result()
        self._arrived(kept, endpoint)
        return endpoint

    async def _abandon(self, kept: _Kept, starting: "asyncio.Future[Endpoint]") -> None:
        while not starting.done():
            if kept.server is not None:
                with contextlib.suppress(*FAILURES):
                    await asyncio.to_thread(kept.server.stop)
            await asyncio.wait({starting}, timeout=_LOOK)
        with contextlib.suppress(*FAILURES):
            starting.result()

    def _arrived(self, kept: _Kept, endpoint: Endpoint) -> None:
        before = self._endpoints.get(kept.child.role)
        self._endpoints[kept.child.role] = endpoint
        kept.since = self._clock.monotonic()
        kept.stale = kept.hung = False
        if before is not None and before.url != endpoint.url:
            for other in self._kept:
                other.stale = other.stale or kept.child.role in other.child.needs
        process = identify(endpoint.pid)
        self._show(
            kept, state="ready", pid=endpoint.pid, started=process.started if process else "",
            address=endpoint.address, detail="",
        )  # fmt: skip

    async def _keep(self, kept: _Kept) -> None:
        while True:
            await self._clock.sleep(_LOOK)
            if kept.hung:
                await self._end_hung(kept)
            if kept.server is None or kept.stale or not await asyncio.to_thread(kept.server.alive):
                if await self._is_over(kept):
                    return
                await self._again(kept)

    async def _is_over(self, kept: _Kept) -> bool:
        """Whether it has ended for good; its report says why."""
        if kept.child.over is None or kept.server is None:
            return False
        why = await asyncio.to_thread(kept.child.over)
        if why:
            self._show(kept, state="stopped", pid=None, detail=why)
        return bool(why)

    async def _again(self, kept: _Kept) -> None:
        """Start it once more: at once when only an address changed, else after a wait."""
        moved, kept.stale = kept.stale and kept.server is not None, False
        if moved and not await self._stopped(kept):
            kept.stale = True
            return
        if not moved:
            wait = kept.backoff.after(self._clock.monotonic() - kept.since)
            why = kept.report.detail or "it ended"
            self._show(kept, state="restarting", pid=None, restarts=kept.report.restarts + 1, detail=why)
            await self._clock.sleep(wait)
        try:
            await self._start(kept)
        except FAILURES as error:
            kept.since = self._clock.monotonic()
            self._show(kept, detail=str(error))

    async def _ask(self, kept: _Kept, patience: Patience) -> None:
        """Ask it now and then whether it answers. One that is taken for hung is left to `_keep`."""
        silence = Silence(patience)
        while True:
            await self._clock.sleep(patience.every)
            server, since, asked = kept.server, kept.since, self._clock.monotonic()
            if server is None or kept.hung or kept.report.state not in _ASKED:
                silence.heard()
                continue
            answers = await _says_anything(server, patience.answer)
            if kept.since == since and kept.report.state in _ASKED:  # else the answer was another's
                self._answered(kept, silence, None if answers else silence.missed(asked, self._clock.monotonic()))

    def _answered(self, kept: _Kept, silence: Silence, silent: float | None) -> None:
        """What it means that it answered (None), or that it has not for that many seconds."""
        if silent is not None:
            kept.hung = silence.hung(silent)
            self._show(kept, state="not responding", detail=f"no answer for {silent:.0f} s")
        else:
            silence.heard()
            if kept.report.state != "ready":
                self._show(kept, state="ready", detail="")

    async def _end_hung(self, kept: _Kept) -> None:
        """Stop one that lives and gives no answer; it is asked again where that is not possible."""
        kept.hung = False
        self._show(kept, state="restarting")
        if not await self._stopped(kept):
            self._show(kept, state="not responding")

    async def _stopped(self, kept: _Kept) -> bool:
        """Stop it; whether that was possible, and if not, why."""
        assert kept.server is not None
        try:
            await asyncio.to_thread(kept.server.stop)
        except FAILURES as error:
            self._show(kept, detail=str(error))
            return False
        return True

    async def _notes(self) -> None:
        while True:
            for kept in self._kept:
                if kept.report.state == "ready":
                    await self._note(kept)
            await self._clock.sleep(_NOTE)

    async def _note(self, kept: _Kept) -> None:
        if kept.child.note is not None:
            note = await asyncio.to_thread(kept.child.note)
            if note != kept.report.detail and kept.report.state == "ready":
                self._show(kept, detail=note)

    async def _trim(self) -> None:
        while True:
            await self._clock.sleep(_TRIM)
            for kept in self._kept:
                if kept.server is not None:
                    with contextlib.suppress(OSError):  # a full disk must not end the supervisor
                        await asyncio.to_thread(trim_log, kept.server.log)

    def _show(self, kept: _Kept, **changed: object) -> None:
        for name, value in changed.items():
            setattr(kept.report, name, value)
        self._changed()


async def _says_anything(server: Server, seconds: float) -> bool:
    """Whether a server answers. One that can't even be asked, as on a full disk, is not ended for it."""
    try:
        return await asyncio.to_thread(server.answers, seconds)
    except FAILURES:
        return True
