"""Heartbeats of 5,000 workers at 1 Hz: the core's receive path beside a bare loop that receives and verifies.

Each side runs in a process of its own under uvloop and is sent the same datagrams by another process, at the same
pace; what counts is the CPU it used, by the operating system's account.
"""

import asyncio
import multiprocessing
import socket
import time
from multiprocessing.connection import Connection
from typing import Final
from uuid import UUID, uuid4

from bench.report import Result, result, say
from swarm_core.clock import SystemClock
from swarm_core.dispatcher import Dispatcher
from swarm_core.heartbeats import RECEIVE_BUFFER, Heartbeats
from swarm_core.logger import Logger
from swarm_core.session import Session, room_of
from swarm_protocol import messages as m
from swarm_protocol.heartbeat import MAX_DATAGRAM, Beat, Opener, Sealer, read_header
from swarm_protocol.ids import uuid7

WORKERS: Final = 5000
KEY: Final = bytes(range(32))
_CAPACITY: Final = m.Capacity(slots=4, cpu_millis=4000, memory=1 << 34, disk=1 << 34)
_SYSINFO: Final = m.SysInfo(hostname="h", os="linux", arch="amd64", cpus=4, memory=1 << 34, engine="", version="0")
_LOAD: Final = m.Load(running=1, free_slots=3, load1=0.5, memory_free=1 << 33)


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.bind(("127.0.0.1", 0))
    return sock


async def _bare(tell: Connection, workers: int, seconds: float) -> tuple[int, float]:
    """Receive, find the key, verify: nothing less will do for an authenticated beat. Beats taken, and CPU seconds."""
    openers = {key_id: Opener(KEY) for key_id in range(workers)}
    sock, seen = _bound(), 0

    def drain() -> None:
        nonlocal seen
        try:
            while True:
                datagram = sock.recv(MAX_DATAGRAM + 1)
                header = read_header(datagram)
                if header and openers[header.key_id].open(datagram, header.counter):
                    seen += 1
        except BlockingIOError:
            return

    loop = asyncio.get_running_loop()
    loop.add_reader(sock, drain)
    before = time.process_time()
    tell.send(sock.getsockname()[1])
    await asyncio.sleep(seconds)
    used = time.process_time() - before
    loop.remove_reader(sock)
    sock.close()
    return seen, used


async def _core(tell: Connection, workers: int, seconds: float) -> tuple[int, float]:
    """The core's own: Heartbeats into a Dispatcher with that many sessions. Beats taken, and CPU seconds."""
    clock = SystemClock()
    dispatcher = Dispatcher(uuid4(), clock, Logger(clock), unreachable=lambda: 5.0, freed=lambda: None)
    for key_id in range(workers):
        session = _session(uuid7(), key_id, clock.monotonic())
        dispatcher.add(session)
        dispatcher.ready(session, [])
    server = Heartbeats(dispatcher)
    port, task = server.bind("127.0.0.1", 0), asyncio.create_task(server.run())
    before = time.process_time()
    tell.send(port)
    await asyncio.sleep(seconds)
    used = time.process_time() - before
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.close()
    silent = [view.name for view in dispatcher.workers() if view.state == "unreachable"]
    if silent:
        raise RuntimeError(f"{len(silent)} of {workers} workers seemed dead though all sent beats")
    return server.counters.genuine, used


def _session(worker: UUID, key_id: int, now: float) -> Session:
    return Session(
        id=uuid7(),
        worker=worker,
        name="w",
        generation=0,
        labels={},
        capacity=_CAPACITY,
        own_capacity=_CAPACITY,
        sysinfo=_SYSINFO,
        room=room_of(worker, _CAPACITY, {}),
        opener=Opener(KEY),
        key_id=key_id,
        send=lambda _: None,
        close=lambda *_: None,
        heard_ws=now,
    )


def _receive(side: str, tell: Connection, workers: int, seconds: float) -> None:
    """A receiver's process: says its port, then how many beats it took and the CPU they cost."""
    import uvloop

    work = {"core": _core, "bare": _bare}[side]
    tell.send(uvloop.run(work(tell, workers, seconds)))


def _send(port: int, workers: int, seconds: float) -> int:
    """Each worker's beat once a second, evenly over the second; how many were sent."""
    sealers = [Sealer(key_id, KEY) for key_id in range(workers)]
    step, sent = max(1, workers // 100), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("127.0.0.1", port))
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            at = sent % workers
            for sealer in sealers[at : at + step]:
                out.send(sealer.seal(Beat(time.time(), "waiting", _LOAD)))
            sent += len(sealers[at : at + step])
            time.sleep(max(0.0, began + sent / workers - time.monotonic()))
    return sent


def _cost(side: str, workers: int, seconds: float) -> float:
    """Microseconds of the receiver's CPU for a beat. All that were sent must have been taken."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_receive, args=(side, there, workers, seconds + 3))
    process.start()
    sent = _send(here.recv(), workers, seconds)
    seen, cpu = here.recv()
    took: float = cpu / seen * 1e6
    process.join(10)
    if seen < sent:
        raise RuntimeError(f"{side}: {sent - seen} of {sent} beats were lost")
    return took


def measure(rounds: int, workers: int = WORKERS, seconds: float = 8.0) -> list[Result]:
    """Both sides in turns."""
    subjects, floors = list[float](), list[float]()
    for _ in range(rounds):
        floors.append(_cost("bare", workers, seconds))
        subjects.append(_cost("core", workers, seconds))
        say(f"beats: bare loop {floors[-1]:.1f}, core {subjects[-1]:.1f} µs of CPU each")
    return [result("heartbeat_cpu", "µs/beat", subjects, floors)]
