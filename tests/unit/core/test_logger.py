"""The Logger: one line for each event whatever is in it, bounded, filtered by module, and never in the way."""

import asyncio
import logging
import threading

import pytest
from tests.unit.core.identity.clock import ManualClock

from swarm_core.logger import Bridge, Logger
from swarm_core.syslog.levels import Level, level_of
from swarm_protocol.errors import SwarmError


def test_levels_are_filtered() -> None:
    written: list[str] = []
    log = Logger(ManualClock(), level=Level.SUCCESS, write=written.append)
    log.debug("a")
    log.info("b")
    log.success("c")
    log.fatal("d")
    assert ["success" in written[0], "fatal" in written[1], len(written)] == [True, True, 2]
    assert level_of("warning") is Level.WARNING
    with pytest.raises(SwarmError, match="'loud' is no log level"):
        level_of("loud")


def test_each_module_has_a_level_of_its_own_that_changes_while_it_runs() -> None:
    written: list[str] = []
    logger = Logger(ManualClock(), write=written.append)
    gateway, leases = logger.child("gateway"), logger.child("leases")
    assert logger.child("gateway") is gateway
    logger.set_levels({"gateway": Level.DEBUG}, Level.ERROR)
    gateway.debug("seen")
    leases.warning("not seen")
    logger.set_levels({}, Level.INFO)
    gateway.debug("not seen either")
    leases.info("seen again", tags=("a", "b"), job=7)
    assert [text.split(" ", 1)[1] for text in written] == [
        'debug gateway "seen"\n',
        'info leases "seen again" job=7 tags=a,b\n',
    ]
    assert logger.modules == ["core", "gateway", "leases", "library"]
    logger.set_levels({"late": Level.DEBUG}, Level.ERROR)
    assert [logger.child(name).least for name in ("late", "later")] == [Level.DEBUG, Level.ERROR]


def test_what_passes_waits_for_the_database_too() -> None:
    logger = Logger(ManualClock(5.0), write=lambda text: None)
    logger.child("leases").warning("a lease ran out", worker="w")
    logger.debug("nothing")
    [kept] = logger.backlog.first(10)
    assert (kept.seq, kept.line.module, kept.line.at, kept.line.fields) == (1, "leases", 5.0, {"worker": "w"})


def test_a_line_that_waits_is_what_it_was_when_it_was_said() -> None:
    said, logger = ["a"], Logger(ManualClock(), write=lambda text: None)
    logger.info("x", held=said, number=1)
    said.append("b")
    [kept] = logger.backlog.first(1)
    assert kept.line.fields == {"held": "['a']", "number": 1}


async def test_a_slow_reader_costs_lines_and_not_time() -> None:
    written: list[str] = []
    gate, entered = threading.Event(), threading.Event()

    def write(text: str) -> None:
        entered.set()
        gate.wait(10)
        written.append(text)

    log = Logger(ManualClock(), write=write, queue=3)
    running = asyncio.create_task(log.run())
    await asyncio.sleep(0)
    log.info("first")
    await asyncio.to_thread(entered.wait, 10)
    for number in range(10):
        log.info(f"line {number}")
    gate.set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    text = "".join(written)
    assert "line 2" in text
    assert "line 3" not in text
    assert 'logger "log lines were dropped" lines=7' in text


async def test_a_flood_is_cut_and_what_it_lost_is_said_when_it_is_over() -> None:
    clock, written = ManualClock(), asyncio.Queue[str]()
    log = Logger(clock, write=written.put_nowait)
    running = asyncio.create_task(log.run())
    await asyncio.sleep(0)
    for number in range(1000):
        log.child("leases").warning("leases wait", number=number)
        clock.pass_by(0.001)
    clock.pass_by(5)
    said = ""
    async with asyncio.timeout(10):
        while "dropped" not in said:
            said += await written.get()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    passed = said.count("leases wait") - 1
    assert f'warning leases "dropped {1000 - passed} like this in the last 1 s: leases wait"' in said
    assert passed < 60


def test_the_end_says_what_a_flood_lost() -> None:
    written: list[str] = []
    log = Logger(ManualClock(), write=written.append)
    for _ in range(60):
        log.info("again")
    log.flush()
    assert 'info core "dropped 10 like this in the last 1 s: again" dropped=10 seconds=1 tags=flood' in written[-1]


async def test_nowhere_to_write_to_stops_nothing() -> None:
    def write(text: str) -> None:
        raise BrokenPipeError

    log = Logger(ManualClock(), write=write)
    log.error("x")
    log.flush()


def test_what_libraries_say_comes_along() -> None:
    written: list[str] = []
    bridge = Bridge(Logger(ManualClock(), write=written.append))
    said = {"name": "uvicorn.error", "levelno": logging.WARNING, "msg": "x %d", "args": (1,)}
    bridge.handle(logging.makeLogRecord(said))
    assert written[0].endswith('warning library "x 1" library=uvicorn.error\n')
    for number in range(100):  # one template, whatever is in it
        bridge.handle(logging.makeLogRecord({**said, "args": (number,)}))
    assert len(written) == 50
