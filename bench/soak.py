"""The deck kept open: 1,000 workers that beat, 100,000 jobs, every screen in turns; its memory and its CPU.

At rest nothing happens but beats. Then, for a fifth of the time, jobs come and end while the deck looks on; memory is
looked at all the while, and has to be at the end what it was when every screen had been seen once.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Final

import psutil

from bench import crowd
from bench.deck import deck_command, events, sign_in
from bench.noop import IMAGE
from bench.report import Result, result, say
from bench.screen import Screen, running
from bench.servers import Servers, cpu_of
from bench.throughput import Rig, in_bulk

SIZE: Final = (160, 48)
SCREENS: Final = "1234567890"
_ON_EACH: Final = 12.0
"""Seconds on a screen before the next one: more than the slowest pace at which one refreshes."""
_BUSY_SHARE: Final = 0.2
_EVENTS: Final = 200


async def measure(servers: Servers, workers: int, jobs: int, seconds: float) -> list[Result]:
    """Percent of a core at rest, on the costliest screen too; memory at the end against that of the first round."""
    async with _world(servers, workers, jobs) as rig:
        with running(deck_command("overview"), sign_in(servers), SIZE) as screen:
            await asyncio.to_thread(screen.wait, lambda seen: any("live" in line for line in seen.lines), 60.0)
            watch = _Watch(psutil.Process(screen.process.pid))
            await asyncio.to_thread(_walk, screen, watch, seconds * (1 - _BUSY_SHARE), True)
            async with events(rig.client, _EVENTS):
                await asyncio.to_thread(_walk, screen, watch, seconds * _BUSY_SHARE, False)
            await asyncio.to_thread(_walk, screen, watch, len(SCREENS) * min(_ON_EACH, seconds / 40), False)
    return watch.results()


class _Watch:
    """What the deck has used."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._shares: dict[str, list[float]] = {}
        self._memory: list[float] = []

    def mark(self) -> tuple[float, float]:
        return cpu_of(self._process), time.monotonic()

    def saw(self, key: str, since: tuple[float, float], at_rest: bool) -> None:
        cpu, moment = self.mark()
        if at_rest:
            self._shares.setdefault(key, []).append(100 * (cpu - since[0]) / (moment - since[1]))
        self._memory.append(self._process.memory_info().rss / 2**20)

    def results(self) -> list[Result]:
        for key, shares in self._shares.items():
            say(f"screen {key}: {median(shares):.1f} % of a core at rest")
        say("MiB: " + " ".join(f"{one:.0f}" for one in self._memory))
        all_shares = [share for shares in self._shares.values() for share in shares]
        first, last = self._memory[: len(SCREENS)], self._memory[-len(SCREENS) :]
        return [
            result("deck_rest_cpu", "%", [sum(all_shares) / len(all_shares)]),
            result("deck_rest_cpu_most", "%", [max(median(shares) for shares in self._shares.values())]),
            result("deck_soak_memory", "MiB", [max(last)], [max(first)]),
        ]


def _walk(screen: Screen, watch: _Watch, seconds: float, at_rest: bool) -> None:
    """From screen to screen; the first moments on one, in which it loads, are not rest."""
    end, turn = time.monotonic() + seconds, 0
    each = min(_ON_EACH, seconds / (2 * len(SCREENS)))
    while time.monotonic() < end or turn % len(SCREENS):
        key = SCREENS[turn % len(SCREENS)]
        screen.press(key)
        screen.rest(min(2.0, each / 3))
        since = watch.mark()
        screen.rest(each)
        watch.saw(key, since, at_rest)
        turn += 1


@asynccontextmanager
async def _world(servers: Servers, workers: int, jobs: int) -> AsyncIterator[Rig]:
    async with servers.client() as client, crowd.workers(servers, workers, 4) as simulated:
        await client.push(IMAGE)
        rig = Rig(servers, client, simulated)
        await rig.rate("jobs for the soak", in_bulk, jobs)
        yield rig
