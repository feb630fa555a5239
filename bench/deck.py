"""What a key costs in the deck: from key to repaint, with 100,000 jobs, at rest and under 1,000 events a second.

The deck is the real program in a terminal of its own, on its list of jobs. A key moves the cursor to the next job; it
counts from the byte that is typed to the bytes that draw the cursor there.
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from statistics import quantiles
from typing import Final

import msgspec
import psutil

from bench import crowd
from bench.noop import IMAGE, spec_text
from bench.report import Result, result, say
from bench.screen import Screen, running
from bench.servers import Servers, cpu_of
from bench.throughput import Rig, in_bulk
from swarm_consumer import Client
from swarm_consumer.credentials import Credentials, save
from swarm_protocol.spec import JobSpec

SIZE: Final = (160, 48)
_EVENTS_A_JOB: Final = 4
"""created, dispatched, running, succeeded."""
_TICK: Final = 0.05
_SECONDS: Final = 10.0
_ID: Final = re.compile(r"\b(\d{1,9})\b")


async def measure(servers: Servers, jobs: int, keys: int, rate: int) -> list[Result]:
    """Milliseconds from key to repaint over that many keys at rest (the floor), and under that many events a second."""
    async with _full(servers, jobs) as rig:
        with _deck(servers) as screen:
            process = psutil.Process(screen.process.pid)
            floor = await asyncio.to_thread(_keys, screen, keys)
            before, began = cpu_of(process), time.monotonic()
            async with events(rig.client, rate):
                found = await asyncio.to_thread(_keys, screen, keys)
            share = (cpu_of(process) - before) / (time.monotonic() - began)
            memory = process.memory_info().rss / 2**20
    say(f"deck under {rate} events/s: {100 * share:.0f} % of a core, {memory:.0f} MiB")
    return [*_rows(found, floor), result("deck_memory", "MiB", [memory], [])]


def _rows(found: list[float], floor: list[float]) -> list[Result]:
    cuts, least = (quantiles([1000 * one for one in values], n=100) for values in (found, floor))
    return [result(f"deck_key_p{share}", "ms", [cuts[share - 1]], [least[share - 1]]) for share in (50, 99)]


@asynccontextmanager
async def _full(servers: Servers, jobs: int) -> AsyncIterator[Rig]:
    """A core with that many jobs that have ended, and workers for more."""
    async with servers.client() as client, crowd.workers(servers, 20, 100) as simulated:
        await client.push(IMAGE)
        rig = Rig(servers, client, simulated)
        await rig.rate("jobs for the deck", in_bulk, jobs)
        yield rig


@contextmanager
def _deck(servers: Servers) -> Iterator[Screen]:
    """The deck on its list of jobs, the cursor some rows down."""
    with running(deck_command("jobs"), sign_in(servers), SIZE) as screen:
        screen.wait(lambda seen: here(seen) is not None and any("live" in line for line in seen.lines), 30.0)
        for _ in range(3):  # away from the top, where new jobs would move what is under the cursor
            screen.press("\x04")
            screen.rest(1.0)
        screen.wait(lambda seen: here(seen) is not None, _SECONDS)
        yield screen


def sign_in(servers: Servers) -> dict[str, str]:
    """The environment of somebody who is signed in."""
    found = servers.sign_in
    held = Credentials(url=servers.url, user=found.user, ca_pem=found.ca_pem, refresh_token=found.refresh_token)
    save(held, servers.folder / "credentials.json")
    return servers.env | {"SWARM_HOME": str(servers.folder)}


def deck_command(at: str) -> list[str]:
    """The deck as a program, at a screen."""
    return [sys.executable, "-m", "swarm_commanddeck", "--at", at]


def here(screen: Screen) -> int | None:
    """The job under the cursor."""
    for line in screen.bold_lines():
        if (found := _ID.search(line)) is not None:
            return int(found.group(1))
    return None


def _keys(screen: Screen, keys: int) -> list[float]:
    """Seconds from each key to its repaint; down and up in turns, at moments that follow no beat."""
    found = []
    for number in range(keys):
        screen.rest(0.05 + 0.013 * (number % 11))
        found.append(_press(screen, "j" if number % 2 else "k"))
    return found


def _press(screen: Screen, key: str) -> float:
    before = here(screen)
    began = screen.press(key)
    return screen.wait(lambda seen: here(seen) not in (before, None), _SECONDS) - began


@asynccontextmanager
async def events(client: Client, rate: int) -> AsyncIterator[None]:
    """Jobs are submitted and run, so that there are that many events a second."""
    each = max(1, round(rate / _EVENTS_A_JOB * _TICK))
    stop = asyncio.Event()

    async def go() -> None:
        number, due = 0, time.monotonic()
        while not stop.is_set():
            specs = [msgspec.json.decode(spec_text(number + more), type=JobSpec) for more in range(each)]
            await client.submit_many(specs)
            number, due = number + each, due + _TICK
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    task = asyncio.create_task(go())
    try:
        yield
    finally:
        stop.set()
        await task
