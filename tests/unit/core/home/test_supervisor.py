"""The supervisor with servers and a clock of the test's own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from swarm_core.home.backoff import Backoff
from swarm_core.home.patience import Patience
from swarm_core.home.server import Endpoint
from swarm_core.home.supervisor import Child, Supervisor
from swarm_protocol.errors import SwarmError


class ManualClock:
    """Goes on only when all that ought to sleep do, to the earliest of them."""

    def __init__(self, sleepers: int) -> None:
        self.now = 0.0
        self._expected = sleepers
        self._asleep: list[tuple[float, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    def expect(self, sleepers: int) -> None:
        """From now on so many sleep."""
        self._expected = sleepers

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asleep.append((self.now + seconds, wake))
        self._changed.set()
        await wake

    async def run_until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while True:
                while len(self._asleep) < self._expected:
                    self._changed.clear()
                    await self._changed.wait()
                if met():
                    return
                due = min(self._asleep, key=lambda item: item[0])
                self._asleep.remove(due)
                self.now = due[0]
                due[1].set_result(None)


class FakeServer:
    """Starts at once, lives until told otherwise."""

    def __init__(self, name: str, events: list[str]) -> None:
        self.name = name
        self.events = events
        self.running = False
        self.broken = False
        self.dies = False
        self.hangs = False
        self.sticks = False
        self.unreadable = False
        self.url = f"fake://{name}"
        self.starts: list[float] = []
        self.clock: ManualClock | None = None
        self.log = Path("/nonexistent")

    def start(self) -> Endpoint:
        self.starts.append(self.clock.now if self.clock else 0.0)
        self.events.append(f"start {self.name}")
        if self.broken:
            raise SwarmError("unavailable", f"{self.name} is broken")
        self.running = not self.dies
        self.hangs = False
        return Endpoint(url=self.url, address="", pid=1)

    def stop(self) -> bool:
        self.events.append(f"stop {self.name}")
        if self.sticks:
            raise SwarmError("unavailable", f"{self.name} cannot be stopped")
        was, self.running = self.running, False
        return was

    def alive(self) -> bool:
        return self.running

    def answers(self, seconds: float) -> bool:
        if self.unreadable:
            raise PermissionError("its password")
        if self.hangs and self.clock:
            self.clock.now += seconds
        return not self.hangs


def _child(server: FakeServer, **more: object) -> Child:
    return Child(role=server.name, make=lambda _: server, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def _kept(supervisor: Supervisor) -> AsyncIterator[None]:
    await supervisor.start()
    keeping = asyncio.create_task(supervisor.keep())
    yield
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


async def test_starts_in_order_and_stops_in_reverse() -> None:
    events: list[str] = []
    servers = [FakeServer(name, events) for name in "abc"]
    supervisor = Supervisor([_child(server) for server in servers], ManualClock(0), lambda: None)
    await supervisor.start()
    assert [child.state for child in supervisor.children] == ["ready"] * 3
    assert await supervisor.stop() == []
    assert events == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]
    assert [child.state for child in supervisor.children] == ["stopped"] * 3


async def test_what_comes_after_a_start_is_done_before_the_next() -> None:
    events: list[str] = []
    one, two = FakeServer("one", events), FakeServer("two", events)
    children = [_child(one, after=lambda endpoint: events.append(f"after {endpoint.url}")), _child(two)]
    await Supervisor(children, ManualClock(0), lambda: None).start()
    assert events == ["start one", "after fake://one", "start two"]


async def test_a_first_start_that_fails_is_an_error_and_starts_nothing_more() -> None:
    events: list[str] = []
    good, bad, never = (FakeServer(name, events) for name in ("good", "bad", "never"))
    bad.broken = True
    supervisor = Supervisor([_child(server) for server in (good, bad, never)], ManualClock(0), lambda: None)
    with pytest.raises(SwarmError, match="bad is broken"):
        await supervisor.start()
    await supervisor.stop()
    assert "start never" not in events
    assert not good.running
    assert supervisor.children[2].state == "waiting"


async def test_a_child_that_dies_is_started_again_and_the_other_is_left_alone() -> None:
    events: list[str] = []
    one, two = FakeServer("one", events), FakeServer("two", events)
    clock = ManualClock(sleepers=4)
    supervisor = Supervisor([_child(one), _child(two)], clock, lambda: None)
    async with _kept(supervisor):
        one.running = False
        await clock.run_until(lambda: events.count("start one") == 2)
    assert one.running
    assert events.count("start two") == 1
    assert [child.restarts for child in supervisor.children] == [1, 0]


async def test_one_that_has_ended_for_good_is_not_started_again() -> None:
    events: list[str] = []
    one, two = FakeServer("one", events), FakeServer("two", events)
    clock = ManualClock(sleepers=4)
    over: list[str] = []
    supervisor = Supervisor([_child(one, over=lambda: "".join(over)), _child(two)], clock, lambda: None)
    async with _kept(supervisor):
        one.running = False
        await clock.run_until(lambda: events.count("start one") == 2)
        over.append("drained")
        one.running = False
        clock.expect(3)
        two.running = False
        await clock.run_until(lambda: events.count("start two") == 2)
    assert events.count("start one") == 2
    assert [(child.state, child.detail) for child in supervisor.children] == [("stopped", "drained"), ("ready", "")]


async def test_one_that_is_over_as_soon_as_it_has_started_is_no_failure() -> None:
    server = FakeServer("one", [])
    server.broken = True
    supervisor = Supervisor([_child(server, over=lambda: "drained")], ManualClock(0), lambda: None)
    await supervisor.start()
    assert supervisor.children[0].state == "stopped"


async def test_a_crash_loop_waits_longer_each_time() -> None:
    server = FakeServer("one", [])
    clock = ManualClock(sleepers=3)
    server.clock = clock
    supervisor = Supervisor([_child(server)], clock, lambda: None)
    async with _kept(supervisor):
        server.running, server.dies = False, True
        await clock.run_until(lambda: len(server.starts) == 10)
    gaps = [round(after - before - 0.2, 1) for before, after in zip(server.starts, server.starts[1:], strict=False)]
    assert gaps == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]


async def test_a_restart_that_fails_is_shown_and_tried_again() -> None:
    server = FakeServer("one", [])
    clock = ManualClock(sleepers=3)
    supervisor = Supervisor([_child(server)], clock, lambda: None)
    async with _kept(supervisor):
        server.running, server.broken = False, True
        await clock.run_until(lambda: len(server.starts) == 3)
        assert supervisor.children[0].state == "restarting"
        assert supervisor.children[0].detail == "one is broken"
        server.broken = False
        await clock.run_until(lambda: supervisor.children[0].state == "ready")
    assert server.running


async def test_who_was_told_an_address_is_started_anew_when_it_changes() -> None:
    events: list[str] = []
    base, user, other = (FakeServer(name, events) for name in ("base", "user", "other"))
    clock = ManualClock(sleepers=5)
    supervisor = Supervisor([_child(base), _child(user, needs=("base",)), _child(other)], clock, lambda: None)
    async with _kept(supervisor):
        base.running, base.url = False, "fake://elsewhere"
        await clock.run_until(lambda: events.count("start user") == 2)
    assert events.count("start other") == 1
    assert supervisor.children[1].restarts == 0


PATIENCE = Patience(every=5.0, answer=5.0, limit=30.0)


async def test_a_child_that_hangs_is_shown_and_then_started_again_and_the_other_is_left_alone() -> None:
    events: list[str] = []
    one, two = FakeServer("one", events), FakeServer("two", events)
    one.clock = clock = ManualClock(sleepers=6)
    supervisor = Supervisor([_child(server, patience=PATIENCE) for server in (one, two)], clock, lambda: None)
    async with _kept(supervisor):
        one.hangs = True
        await clock.run_until(lambda: supervisor.children[0].state == "not responding")
        assert (one.running, supervisor.children[0].pid) == (True, 1)
        assert supervisor.children[0].detail == "no answer for 5 s"
        await clock.run_until(lambda: events.count("start one") == 2)
    assert PATIENCE.limit <= one.starts[1] - 5.0 <= PATIENCE.limit + 2 * (PATIENCE.every + PATIENCE.answer)
    assert events == ["start one", "start two", "stop one", "start one"]
    assert [(child.state, child.restarts) for child in supervisor.children] == [("ready", 1), ("ready", 0)]


async def test_a_child_that_answers_again_in_time_goes_on() -> None:
    server = FakeServer("one", [])
    clock = ManualClock(sleepers=4)
    supervisor = Supervisor([_child(server, patience=PATIENCE)], clock, lambda: None)
    async with _kept(supervisor):
        server.hangs = True
        await clock.run_until(lambda: clock.now > 24)
        assert supervisor.children[0].detail.startswith("no answer for ")
        server.hangs = False
        await clock.run_until(lambda: supervisor.children[0].state == "ready")
        assert supervisor.children[0].detail == ""
        server.hangs = True
        await clock.run_until(lambda: clock.now > 50)
    assert server.events == ["start one"]
    assert supervisor.children[0].restarts == 0


async def test_a_child_that_cannot_even_be_asked_is_left_alone() -> None:
    server = FakeServer("one", [])
    clock = ManualClock(sleepers=4)
    supervisor = Supervisor([_child(server, patience=PATIENCE)], clock, lambda: None)
    async with _kept(supervisor):
        server.unreadable = True
        await clock.run_until(lambda: clock.now > 100)
    assert server.events == ["start one"]
    assert supervisor.children[0].state == "ready"


async def test_a_hung_child_that_cannot_be_stopped_is_told_of_and_asked_again() -> None:
    server = FakeServer("one", [])
    clock = ManualClock(sleepers=4)
    supervisor = Supervisor([_child(server, patience=PATIENCE)], clock, lambda: None)
    async with _kept(supervisor):
        server.hangs = server.sticks = True
        await clock.run_until(lambda: "stop one" in server.events)
        assert [child.state for child in supervisor.children] == ["not responding"]
        assert "one cannot be stopped" in supervisor.children[0].detail
        server.sticks = False
        await clock.run_until(lambda: server.events.count("start one") == 2)
    assert supervisor.children[0].state == "ready"


async def test_a_child_told_of_another_address_that_cannot_be_stopped_does_not_end_the_supervisor() -> None:
    events: list[str] = []
    base, user = FakeServer("base", events), FakeServer("user", events)
    clock = ManualClock(sleepers=4)
    supervisor = Supervisor([_child(base), _child(user, needs=("base",))], clock, lambda: None)
    async with _kept(supervisor):
        user.sticks = True
        base.running, base.url = False, "fake://elsewhere"
        await clock.run_until(lambda: "user cannot be stopped" in supervisor.children[1].detail)
        assert supervisor.children[0].state == "ready"
        user.sticks = False
        await clock.run_until(lambda: events.count("start user") == 2)


async def test_what_a_start_waits_for_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarm_core.home.supervisor._WAITS", 0.01)
    told = threading.Event()

    class Waits(FakeServer):
        def start(self) -> Endpoint:
            assert told.wait(20)
            return super().start()

    child = _child(Waits("one", []), waits=lambda: "waiting for the database")
    shown: list[tuple[str, str]] = []

    def changed() -> None:
        shown.append((supervisor.children[0].state, supervisor.children[0].detail))
        if shown[-1][1]:
            told.set()

    supervisor = Supervisor([child], ManualClock(0), changed)
    await supervisor.start()
    assert ("starting", "waiting for the database") in shown
    assert shown[-1] == ("ready", "")


async def test_cancelled_while_starting_it_leaves_nothing_running() -> None:
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    class Slow(FakeServer):
        def start(self) -> Endpoint:
            self.running = True
            loop.call_soon_threadsafe(begun.set)
            while self.running:  # until it is stopped, as a server that does not become ready
                pass
            raise SwarmError("unavailable", "stopped while starting")

    server = Slow("slow", [])
    starting = asyncio.create_task(Supervisor([_child(server)], ManualClock(0), lambda: None).start())
    await begun.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not server.running


def test_backoff_forgives_a_child_that_lived_long() -> None:
    backoff = Backoff()
    assert [backoff.after(0.0) for _ in range(4)] == [0.2, 0.4, 0.8, 1.6]
    assert backoff.after(30.0) == 0.2
    assert backoff.after(29.9) == 0.4
