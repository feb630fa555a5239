"""Wake-ups inside one core: who waits for a job's change, and the note that it has changed.

Only a hint: whoever is woken reads the database, and looks again after a while even when nobody wakes him.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

Moves = Sequence[tuple[int, str, int]]
"""Jobs that have moved: (job, new state, shape)."""
Changed = Callable[[Moves], None]
"""Called with moves, after their commit."""
Woken = Callable[[Moves, bool], None]
"""Called with moves, after their commit, and whether one of the jobs waits for a time."""


class JobEvents:
    """Changes of jobs, by id."""

    def __init__(self) -> None:
        self._waiting: dict[int, set[asyncio.Event]] = {}

    def notify(self, jobs: Iterable[int]) -> None:
        """These jobs have changed (state, attempt or log)."""
        if not self._waiting:
            return
        for job in jobs:
            for event in self._waiting.get(job, ()):
                event.set()

    def watched(self, job: int) -> bool:
        """Whether anybody waits for this job."""
        return job in self._waiting

    def watch(self, jobs: Iterable[int]) -> "Watch":
        """A watch over some jobs, to be used with `with` so that nothing between two waits is missed."""
        return Watch(self._waiting, list(jobs))


class Watch:
    """Is set by every change since it was entered or last waited for."""

    def __init__(self, waiting: dict[int, set[asyncio.Event]], jobs: list[int]) -> None:
        self._waiting = waiting
        self._jobs = jobs
        self._event = asyncio.Event()

    def __enter__(self) -> "Watch":
        for job in self._jobs:
            self._waiting.setdefault(job, set()).add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        for job in self._jobs:
            waiters = self._waiting.get(job)
            if waiters is not None:
                waiters.discard(self._event)
                if not waiters:
                    del self._waiting[job]

    async def changed(self, within: float) -> bool:
        """Wait for a change, at most `within` seconds; whether there was one."""
        try:
            async with asyncio.timeout(within):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
