"""The supervisor of the core's modules: who dies is started again, later each time, and it shows."""

import asyncio
from collections.abc import Callable

import pytest
from tests.integration.core.spine import SilentLog
from tests.unit.core.api_call import Doorman, call
from tests.unit.core.identity.clock import ManualClock

from swarm_core.api import health
from swarm_core.api.app import create_app
from swarm_core.module import Supervisor
from swarm_protocol.ids import uuid7


class Part:
    """A module that does something else each time it is started, and then works until it is cancelled."""

    def __init__(self, name: str, *lives: Callable[[], None]) -> None:
        self.name = name
        self.starts = 0
        self.working = asyncio.Event()
        self.stopped = False
        self._lives = list(lives)

    async def run(self) -> None:
        self.starts += 1
        if self._lives:
            self._lives.pop(0)()
            return
        self.working.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped = True


def fail() -> None:
    raise RuntimeError("no")


def end() -> None:
    """Return, which a module never does."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def until_working(*parts: Part) -> None:
    async with asyncio.timeout(10):
        for part in parts:
            await part.working.wait()


async def test_who_dies_is_started_again_and_the_others_go_on(clock: ManualClock) -> None:
    well, ill, log = Part("well"), Part("ill", fail, end, fail), SilentLog()
    supervisor = Supervisor([well, ill], clock, log)
    supervisor.start()
    await until_working(well, ill)
    assert (well.starts, ill.starts) == (1, 4)
    assert clock.slept == [0.1, 0.2, 0.4]
    assert [fields["error"] for _, fields in log.lines] == ["RuntimeError: no", "returned", "RuntimeError: no"]
    assert (supervisor.health["ill"].state, supervisor.health["ill"].restarts) == ("running", 3)
    assert supervisor.health["well"].restarts == 0
    await supervisor.stop()
    assert well.stopped
    assert ill.stopped


async def test_the_wait_has_a_bound_and_is_forgiven_after_a_long_life(clock: ManualClock) -> None:
    def long_life() -> None:
        clock.pass_by(31)

    part = Part("p", *[fail] * 9, long_life, fail)
    supervisor = Supervisor([part], clock, SilentLog())
    supervisor.start()
    await until_working(part)
    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 0.1, 0.2]
    await supervisor.stop()


async def test_it_shows_in_health(clock: ManualClock) -> None:
    held = asyncio.Event()

    class Held(ManualClock):
        """Time stands still: what waits to be started again stays down."""

        async def sleep(self, seconds: float) -> None:
            held.set()
            await asyncio.Event().wait()

    async def ready() -> str:
        return ""

    well, ill = Part("well"), Part("ill", fail)
    supervisor = Supervisor([well, ill], Held(), SilentLog())
    routes = health.routes(lambda: supervisor.health, ready, uuid7(), "test")
    app = create_app(routes, gatekeeper=Doorman(), clock=clock, log=SilentLog())
    assert (await call(app, path="/health")).json["modules"]["ill"]["state"] == "starting"
    supervisor.start()
    async with asyncio.timeout(10):
        await held.wait()
    found = (await call(app, path="/health")).json
    assert found["status"] == "degraded"
    assert found["modules"]["ill"] == {"state": "restarting", "restarts": 1, "error": "RuntimeError: no"}
    assert found["modules"]["well"] == {"state": "running", "restarts": 0, "error": ""}
    await supervisor.stop()
