"""Beats over a real UDP socket: what they change, and all that must change nothing."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures import sessions
from tests.integration.core.spine import SilentLog

from swarm_core.dispatcher import Dispatcher
from swarm_core.heartbeats import Counters, Heartbeats
from swarm_core.session import Session
from swarm_protocol import messages as m
from swarm_protocol.heartbeat import Beat, Sealer
from swarm_protocol.states import WorkerState


@dataclass
class Scene:
    """A dispatcher with one worker, and its UDP server."""

    clock: sessions.StillClock
    dispatcher: Dispatcher
    session: Session
    server: Heartbeats
    port: int
    freed: list[float]

    def send(self, *datagrams: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for datagram in datagrams:
                out.sendto(datagram, ("127.0.0.1", self.port))

    async def until(self, total: int) -> Counters:
        """Wait until that many datagrams were looked at."""
        async with asyncio.timeout(5):
            while self.total() < total:
                await asyncio.sleep(0)
        return self.server.counters

    def total(self) -> int:
        c = self.server.counters
        return c.genuine + c.malformed + c.unknown_key + c.refused

    def state(self) -> str:
        [view] = self.dispatcher.workers()
        return view.state


def add_session(dispatcher: Dispatcher, key_id: int = 7) -> Session:
    session = sessions.session(key_id=key_id)
    dispatcher.add(session)
    dispatcher.ready(session, [])
    return session


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    clock, freed = sessions.StillClock(), list[float]()
    dispatcher = Dispatcher(uuid4(), clock, SilentLog(), unreachable=lambda: 5.0, freed=lambda: freed.append(clock.now))
    session = add_session(dispatcher)
    server = Heartbeats(dispatcher)
    port = server.bind("127.0.0.1", 0)
    task = asyncio.create_task(server.run())
    try:
        yield Scene(clock, dispatcher, session, server, port, freed)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()


def beat(load: float = 0.5, state: WorkerState = WorkerState.WAITING) -> Beat:
    return Beat(1.0, str(state), m.Load(running=0, free_slots=4, load1=load, memory_free=1))


async def test_a_beat_carries_the_load_that_placement_reads() -> None:
    async with scene() as s:
        s.send(Sealer(7, sessions.KEY).seal(beat(3.5)))
        assert (await s.until(1)).genuine == 1
        assert [room.load for room in s.dispatcher.rooms()] == [3.5]


async def test_udp_blocked_the_websocket_alone_keeps_a_worker_reachable() -> None:
    async with scene() as s:
        for _ in range(10):
            s.clock.now += 4
            s.dispatcher.heard(s.session)
            assert s.state() == WorkerState.WAITING
        assert s.dispatcher.workers()[0].beat_age is None


async def test_websocket_blocked_beats_alone_keep_a_worker_reachable() -> None:
    async with scene() as s:
        sealer = Sealer(7, sessions.KEY)
        for count in range(1, 10):
            s.clock.now += 4
            s.send(sealer.seal(beat()))
            await s.until(count)
            assert s.state() == WorkerState.WAITING
        s.clock.now += 2.5
        assert s.dispatcher.workers()[0].beat_age == 2.5


async def test_both_blocked_it_is_unreachable_gets_no_jobs_and_comes_back_with_one_beat() -> None:
    async with scene() as s:
        s.clock.now += 5.1
        assert s.state() == WorkerState.UNREACHABLE
        assert s.dispatcher.rooms() == []
        woken = len(s.freed)
        s.send(Sealer(7, sessions.KEY).seal(beat()))
        await s.until(1)
        assert s.state() == WorkerState.WAITING
        assert len(s.dispatcher.rooms()) == 1
        assert len(s.freed) == woken + 1


async def test_replayed_forged_and_foreign_datagrams_change_nothing() -> None:
    async with scene() as s:
        genuine = Sealer(7, sessions.KEY).seal(beat(1.0))
        s.send(genuine)
        await s.until(1)
        s.clock.now += 5.1
        forged = bytearray(Sealer(7, sessions.KEY).seal(beat(9.0)))
        forged[-1] ^= 1
        other_key = Sealer(7, os.urandom(32)).seal(beat(9.0))
        other_session = Sealer(8, sessions.KEY).seal(beat(9.0))
        s.send(genuine, bytes(forged), other_key, other_session, b"", b"x" * 400, genuine[:-20])
        counters = await s.until(8)
        assert (counters.genuine, counters.unknown_key) == (1, 1)
        assert s.session.room.load == 1.0
        assert s.state() == WorkerState.UNREACHABLE


async def test_a_flood_hides_no_genuine_beat_and_is_not_answered() -> None:
    async with scene() as s:
        sealer = Sealer(7, sessions.KEY)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
            attacker.bind(("127.0.0.1", 0))
            attacker.setblocking(False)
            for number in range(2000):
                attacker.sendto(os.urandom(64), ("127.0.0.1", s.port))
                if number % 100 == 99:
                    s.send(sealer.seal(beat(number)))
                    await asyncio.sleep(0)
            counters = await s.until(2020)
            assert counters.genuine == 20
            try:
                answer = attacker.recv(1)
            except BlockingIOError:
                answer = b""
            assert answer == b""
        assert s.session.room.load == 1999


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["beat", "replay", "forge", "lose", "wait"]), max_size=60))
def test_whatever_arrives_only_genuine_new_beats_count(events: list[str]) -> None:
    clock = sessions.StillClock()
    dispatcher = Dispatcher(uuid4(), clock, SilentLog(), unreachable=lambda: 5.0, freed=lambda: None)
    session = add_session(dispatcher)
    server, sealer = Heartbeats(dispatcher), Sealer(7, sessions.KEY)
    sent, genuine = [sealer.seal(beat())], 0
    for event in events:
        heard = session.heard_udp
        match event:
            case "beat":
                sent.append(sealer.seal(beat()))
                server.take(sent[-1])
                genuine += 1
                assert session.heard_udp == clock.now
            case "replay":
                delivered = len(sent) > 1
                server.take(sent[-1] if delivered else b"")
                assert session.heard_udp == heard
            case "forge":
                server.take(sealer.seal(beat())[:-1] + b"?")
                assert session.heard_udp == heard
            case "lose":
                sealer.seal(beat())
            case _:
                clock.now += 1
    assert server.counters.genuine == genuine


async def test_a_worker_whose_engine_is_away_gets_no_jobs_until_a_beat_says_otherwise() -> None:
    async with scene() as s:
        sealer = Sealer(7, sessions.KEY)
        s.send(sealer.seal(beat(state=WorkerState.INITIALIZING)))
        await s.until(1)
        assert (s.state(), s.dispatcher.rooms()) == (WorkerState.INITIALIZING, [])
        [(_, room)] = s.dispatcher.capacities()
        assert "engine does not answer" in room.closed
        woken = len(s.freed)
        s.send(sealer.seal(beat()))
        await s.until(2)
        assert (s.state(), len(s.dispatcher.rooms()), len(s.freed)) == (WorkerState.WAITING, 1, woken + 1)
        s.send(sealer.seal(beat(state=WorkerState.DRAINING)))
        await s.until(3)
        assert (s.state(), s.dispatcher.rooms()) == (WorkerState.DRAINING, [])
