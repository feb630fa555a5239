"""The log: one line for each event whatever is in it, bounded, and never in the way."""

import asyncio
import logging
import threading

import pytest
from tests.unit.core.identity.clock import ManualClock

from swarm_core.logger import Bridge, Level, Logger, level_of, line
from swarm_protocol.errors import SwarmError


def test_a_line_is_one_line() -> None:
    made = line(0.5, Level.SUCCESS, 'says "hi"', {"a": 1, "b": "two words", "c": "x\ny\x1b[31m", "d": ""})
    assert made == ('1970-01-01T00:00:00.500Z success "says \\"hi\\"" a=1 b="two words" c="x\\ny\\u001b[31m" d=""\n')


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
    assert '"log lines were dropped" lines=7' in text


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
    assert written[0].endswith('warning "x 1" library=uvicorn.error\n')
