"""Redis, as a cache and a wake-up path between cores. It never raises: losing it costs latency, not truth.

Channels: `queued` (shape ids that have new jobs), `changed` (job ids), `stop` (attempts to be stopped), `revoked`
(worker ids), `steered` (what operators want of a worker), `loglevels` (a level of the log was set), `limited` (limits
of projects were changed). Keys: `workers:<core>` (this core's view of its workers, with a time to live).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
import redis.asyncio as redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.queues import QueueDepth

_TIMEOUT: Final = 1.0
"""Of a command: one that takes longer isn't worth waiting for."""
_LISTEN: Final = 30.0
"""How long a listener sits still before it looks whether its connection lives."""
_PREFIX: Final = "swarm:"
_OUTBOX: Final = 10_000
_RECONNECT: Final = 0.5
_GATHER: Final = 0.005
"""Seconds between two sends: a wake-up of another core may take this longer, and a crowd of them costs one."""

Handler = Callable[[bytes], None]


class Cache:
    """Messages between cores and short-lived values. A module: `run` sends and receives until cancelled."""

    name = "cache"

    def __init__(self, url: str | None, clock: Clock, log: Log) -> None:
        self._client = _client(url, _TIMEOUT) if url else None
        self._listener = _client(url, _LISTEN + 5) if url else None
        self._clock = clock
        self._log = log
        self._handlers: dict[str, Handler] = {}
        self._outbox: deque[tuple[str, bytes]] = deque(maxlen=_OUTBOX)
        self._more = asyncio.Event()
        self.connected = False
        self._said_away = False
        self.connects: Callable[[], None] = lambda: None
        """Called when messages come again: those sent meanwhile don't."""

    @property
    def configured(self) -> bool:
        """Whether there is to be a Redis."""
        return self._client is not None

    def queue_depths(self) -> list[QueueDepth]:
        """Messages that wait to be sent."""
        return [QueueDepth(name="messages", depth=len(self._outbox), bound=_OUTBOX)]

    def on(self, channel: str, handler: Handler) -> None:
        """Call `handler` with each message of a channel. To be set before `run`."""
        self._handlers[channel] = handler

    def publish(self, channel: str, message: object) -> None:
        """Send a message to all cores, this one too; the oldest are dropped while Redis is away."""
        if self._client is not None:
            self._outbox.append((channel, msgspec.msgpack.encode(message)))
            self._more.set()

    async def put(self, key: str, value: object, ttl: float) -> bool:
        """Keep a value for `ttl` seconds, if Redis is there; whether it was."""
        if self._client is None:
            return False
        try:
            await self._client.set(_PREFIX + key, msgspec.msgpack.encode(value), px=int(ttl * 1000))
        except (RedisError, OSError, TimeoutError):
            self.connected = False
            return False
        return True

    async def get_all(self, prefix: str) -> list[bytes]:
        """The values whose keys begin with a prefix; none when Redis is away."""
        if self._client is None:
            return []
        try:
            async with asyncio.timeout(_TIMEOUT):
                keys = [key async for key in self._client.scan_iter(match=f"{_PREFIX}{prefix}*", count=100)]
                values = await self._client.mget(keys) if keys else []
        except (RedisError, OSError, TimeoutError):
            return []
        return [value for value in values if isinstance(value, bytes)]

    async def run(self) -> None:
        """Carry messages both ways; connects again when Redis comes back."""
        if self._client is None:
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send())
            group.create_task(self._receive())

    async def close(self) -> None:
        """Close the connections."""
        for client in (self._client, self._listener):
            if client is not None:
                await client.aclose()

    async def _send(self) -> None:
        assert self._client is not None
        while True:
            await self._more.wait()
            self._more.clear()
            while self._outbox:
                count = min(len(self._outbox), 500)
                batch = [self._outbox.popleft() for _ in range(count)]
                try:
                    async with self._client.pipeline(transaction=False) as pipe:
                        for channel, message in batch:
                            pipe.publish(_PREFIX + channel, message)
                        await pipe.execute()
                except (RedisError, OSError, TimeoutError):
                    self.connected = False
                    await self._clock.sleep(_RECONNECT)
            await self._clock.sleep(_GATHER)

    async def _receive(self) -> None:
        assert self._listener is not None
        while True:
            try:
                async with self._listener.pubsub() as pubsub:
                    await pubsub.subscribe(*[_PREFIX + channel for channel in self._handlers])
                    if self._said_away:
                        self._log.success("redis is back")
                    self.connected, self._said_away = True, False
                    self.connects()
                    await self._listen(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                if not self._said_away:
                    self._said_away = True
                    self._log.warning("redis is away: wake-ups between cores take a second", error=str(error))
                self.connected = False
            await self._clock.sleep(_RECONNECT)

    async def _listen(self, pubsub: PubSub) -> None:
        while True:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=_LISTEN)
            if message is not None:
                self._handle(message["channel"], message["data"])

    def _handle(self, channel: object, data: object) -> None:
        if not isinstance(channel, bytes) or not isinstance(data, bytes):
            return
        handler = self._handlers.get(channel.decode().removeprefix(_PREFIX))
        if handler is not None:
            try:
                handler(data)
            except (msgspec.DecodeError, ValueError) as error:
                self._log.warning("redis carried something unreadable", channel=str(channel), error=str(error))


def _client(url: str, timeout: float) -> redis.Redis:
    found: redis.Redis = redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=_TIMEOUT, health_check_interval=15
    )
    return found
