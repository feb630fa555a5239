"""One supervisor's life: lock the home, start, keep, stop; told of by a report that is written at each change."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path

from swarm_core.clock import SystemClock
from swarm_core.home import lock, report
from swarm_core.home.layout import Home
from swarm_core.home.ports import CorePort, core_port
from swarm_core.home.process import identify
from swarm_core.home.program import end_orphan
from swarm_core.home.report import Report
from swarm_core.home.show import Show
from swarm_core.home.stack import STOP_CORE, Stack
from swarm_core.home.supervisor import FAILURES, Supervisor
from swarm_protocol.errors import SwarmError


def run(
    home: Home,
    data: Path | None,
    port: int | None,
    env: Mapping[str, str],
    show: Show,
    make_stack: Callable[[Home, int, Mapping[str, str]], Stack] = Stack,
) -> None:
    """Run a home until SIGINT or SIGTERM. Raises Locked when it runs already, SwarmError when it can't start."""
    home.make_state()
    with lock.hold(home.lock):
        try:
            home = home.with_data(data)
            home.make()
            chosen = _port(home, port)
            home.remember(port=chosen.number, **({"data": str(home.data)} if data else {}))
        except SwarmError as error:
            failed = _new_report(home)
            failed.state, failed.error, failed.hint = "failed", error.message, error.hint or ""
            report.write(home.report, failed)
            raise
        notes = [chosen.note] if chosen.note else []
        try:
            asyncio.run(_Life(home, make_stack(home, chosen.number, env), notes, show).run())
        finally:
            chosen.release()


def _port(home: Home, given: int | None) -> CorePort:
    end_orphan(home.pid_file("core"), STOP_CORE)  # or the port of one that was left behind would seem taken
    return core_port(given, home.remembered().port)


def _new_report(home: Home) -> Report:
    me = identify(os.getpid())
    assert me is not None
    return Report(pid=me.pid, started=me.started, data=str(home.data))


class _Life:
    """From the first start to the last stop."""

    def __init__(self, home: Home, stack: Stack, notes: list[str], show: Show) -> None:
        self._home = home
        self._stack = stack
        self._show = show
        self._supervisor = Supervisor(stack.children(), SystemClock(), self._tell)
        self._report = _new_report(home)
        self._report.url = stack.url
        self._report.notes = [*notes, *stack.notes()]

    async def run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await _until(stop, self._start_and_keep())
        except BaseException as error:
            await self._stop(error)
            raise
        await self._stop(None)

    async def _start_and_keep(self) -> None:
        await self._supervisor.start()
        self._report.user, self._report.ca_fingerprint = self._stack.user, self._stack.ca_fingerprint
        self._tell("ready")
        await self._supervisor.keep()

    async def _stop(self, error: BaseException | None) -> None:
        if isinstance(error, SwarmError):
            self._report.hint = error.hint or ""
        self._report.error = "" if error is None else str(error)
        self._tell("stopping")
        problems = await self._supervisor.stop()
        self._report.error = "; ".join(filter(None, [self._report.error, *problems]))
        self._tell("failed" if self._report.error else "stopped")

    def _tell(self, state: report.State | None = None) -> None:
        self._report.state = state or self._report.state
        self._report.children = self._supervisor.children
        with contextlib.suppress(OSError):  # a full disk must not end the supervisor
            report.write(self._home.report, self._report)
        self._show(self._report)


async def _until(stop: asyncio.Event, work: Coroutine[object, object, None]) -> None:
    """Let the work go on until told to stop; an error of its own comes out of here."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not working.done():
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError, *FAILURES):
            await working
        return
    working.result()
