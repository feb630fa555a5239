"""Asks other cores for what their workers said, through Redis, which may lose either word: each ask has a deadline."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.cache import Cache
from swarm_core.clock import Clock
from swarm_core.interactions.record import Told

_CHANNEL: Final = "messages"
_ASKED: Final = 64
"""Questions of other cores that are answered at once; one more is answered with nothing."""
_DEADLINE: Final = 2.0
"""Seconds that an answer may take longer than was asked to wait."""
_ANY: Final = 0.5
"""The same, where it may be that no core has one."""


class Question(msgspec.Struct, frozen=True, array_like=True):
    """What is wanted of a worker's record."""

    worker: UUID
    after: int
    job: int
    """0: of any."""
    wait: float
    """Seconds for something to come."""


class _Asked(msgspec.Struct, frozen=True, array_like=True, tag=True):
    to: UUID | None
    """None: whoever has a record of the worker."""
    sender: UUID
    number: int
    question: Question


class _Answered(msgspec.Struct, frozen=True, array_like=True, tag=True):
    to: UUID
    number: int
    told: Told | None


_decoder: Final = msgspec.msgpack.Decoder(_Asked | _Answered)

Answer = Callable[[Question], Awaitable[Told | None]]


class NoAnswer(Exception):
    """No other core has told."""


class Relay:
    """Questions to other cores, and theirs to this one. A module: `run` answers until cancelled."""

    name = "interactions"

    def __init__(self, core: UUID, cache: Cache, clock: Clock, answer: Answer) -> None:
        """`answer` tells what this core has; None: nothing of that worker."""
        self._core = core
        self._cache = cache
        self._clock = clock
        self._answer = answer
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[Told | None]] = {}
        self._asked: asyncio.Queue[_Asked] = asyncio.Queue(_ASKED)
        self._answering = 0
        cache.on(_CHANNEL, self._on)

    async def ask(self, core: UUID | None, question: Question) -> Told:
        """What a core (None: any) has of a worker. Raises NoAnswer; at once where there is no way to other cores."""
        if not self._cache.connected:
            raise NoAnswer
        number = next(self._numbers)
        told: asyncio.Future[Told | None] = asyncio.get_running_loop().create_future()
        self._open[number] = told
        self._cache.publish(_CHANNEL, _Asked(core, self._core, number, question))
        try:
            async with asyncio.timeout(question.wait + (_ANY if core is None else _DEADLINE)):
                found = await told
        except TimeoutError:
            raise NoAnswer from None
        finally:
            del self._open[number]
        if found is None:
            raise NoAnswer
        return found

    async def run(self) -> None:
        """Answer other cores."""
        async with asyncio.TaskGroup() as group:
            while True:
                asked = await self._asked.get()
                self._answering += 1
                group.create_task(self._reply(asked))

    async def _reply(self, asked: _Asked) -> None:
        try:
            told = await self._answer(asked.question)
        finally:
            self._answering -= 1
        if told is not None or asked.to is not None:
            self._cache.publish(_CHANNEL, _Answered(asked.sender, asked.number, told))

    def _on(self, data: bytes) -> None:
        word = _decoder.decode(data)
        if isinstance(word, _Answered):
            if word.to == self._core and (told := self._open.get(word.number)) is not None and not told.done():
                told.set_result(word.told)
        elif word.sender != self._core and word.to in (None, self._core):
            self._take(word)

    def _take(self, asked: _Asked) -> None:
        if self._answering + self._asked.qsize() < _ASKED:
            self._asked.put_nowait(asked)
        elif asked.to is not None:
            self._cache.publish(_CHANNEL, _Answered(asked.sender, asked.number, None))
