"""Tells the core how the machine is: in the beginning of a session, then once a minute, and only what is news."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from swarm_protocol.messages import MAX_IMAGES, STEERED_SINCE, FromWorker, HeldImage, Status, SysInfo, Welcome
from swarm_worker import sysinfo

log = logging.getLogger("swarm.worker")
_EVERY: Final = 60.0


class Reporter:
    """Reports for one session at a time."""

    def __init__(
        self, data: Path, machine: SysInfo, images: Callable[[], list[HeldImage]], say: Callable[[FromWorker], None]
    ) -> None:
        """`data`: the worker's folder; `images`: those it holds, the newest first."""
        self._data = data
        self._machine = machine
        self._images = images
        self._say = say
        self._task: asyncio.Task[None] | None = None

    def start(self, welcome: Welcome) -> None:
        """Report in this session, to a core that knows the word."""
        self.stop()
        if welcome.minor >= STEERED_SINCE:
            self._task = asyncio.create_task(self._report())

    def stop(self) -> None:
        """No more reports. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _report(self) -> None:
        said: Status | None = None
        while True:
            try:
                now = await self._look()
            except OSError as error:
                log.warning("how the machine is can't be told: %s", error)
            else:
                if is_news(said, now, self._machine):
                    self._say(now)
                    said = now
            await asyncio.sleep(_EVERY)

    async def _look(self) -> Status:
        load, memory, disk = await asyncio.to_thread(sysinfo.figures, self._data)
        images = self._images()
        return Status(
            load=load,
            memory_free=memory,
            disk_free=disk,
            images=sorted(images[:MAX_IMAGES], key=lambda image: image.digest),
            image_count=len(images),
            image_bytes=sum(image.size for image in images),
        )


def is_news(said: Status | None, now: Status, machine: SysInfo) -> bool:
    """Whether a person would call it a change: other images, a fifth of the memory, a fiftieth of the disk, or a load
    that differs by a quarter of the cpus."""
    if said is None or (said.images, said.image_count) != (now.images, now.image_count):
        return True
    return (
        abs(now.memory_free - said.memory_free) > machine.memory / 5
        or abs(now.disk_free - said.disk_free) > machine.disk / 50
        or abs(now.load[0] - said.load[0]) > max(1.0, machine.cpus / 4)
    )
