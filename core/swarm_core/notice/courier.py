"""Courier: empties the outbox. Each delivery is claimed by one core, tried, and either done, tried later, or given up.

A receiver may get one twice (a core that dies after the answer), always with the same id; it gets none without one try
at least. One receiver that is slow or down does not hold up the others: each lane has its own share of the tries.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.notice import payload, signing
from swarm_core.notice.outcome import Outcome
from swarm_core.notice.patience import pause
from swarm_core.notice.settings import NoticeSettings
from swarm_core.queues import QueueDepth
from swarm_core.store import deliveries, webhooks
from swarm_core.store.database import CONFLICT, LOST, Database
from swarm_core.store.deliveries import Claimed, Receiver
from swarm_core.store.keys import Sealed
from swarm_protocol.errors import SwarmError
from swarm_protocol.notice import mail_address

SLOTS: Final = 32
"""Tries at once."""
LANE: Final = 4
"""Of one webhook, and of mail: no more are begun while so many are under way."""
POLL: Final = 1.0
"""Seconds between looks into the outbox, at most."""
_GATHER: Final = 0.05
"""Seconds after a hint, so that many ends are one look."""
_LOST_AFTER: Final = 4.0
"""A try counts as lost after so many times what it may take."""


class Posting(Protocol):
    """What the courier needs to reach a webhook."""

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Outcome: ...


class Mailing(Protocol):
    """What it needs to send mail."""

    async def send(self, to: str, told: payload.Told, delivery: str) -> Outcome: ...


class Opening(Protocol):
    """What it needs to read a webhook's secret."""

    def open(self, name: str, sealed: Sealed) -> bytes: ...


class Courier:
    """A module that looks into the outbox."""

    name = "courier"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        log: Log,
        *,
        sealer: Opening,
        poster: Posting,
        mailer: Mailing | None,
        settings: Callable[[], NoticeSettings],
        user_agent: str,
    ) -> None:
        """`settings`: those that count now."""
        self._database = database
        self._clock = clock
        self._log = log
        self._sealer = sealer
        self._poster = poster
        self._mailer = mailer
        self._settings = settings
        self._user_agent = user_agent
        self._busy: Counter[str] = Counter()
        self._tries: set[asyncio.Task[None]] = set()
        self._look = asyncio.Event()
        self._hooks = False
        """Whether there were webhooks at the last look: else nobody needs to be hurried for."""

    def ended(self) -> None:
        """A job has ended: there may be something to tell."""
        if self._hooks:
            self._look.set()

    def queue_depths(self) -> list[QueueDepth]:
        """Tries that are under way; what waits for one is in the database."""
        return [QueueDepth(name="tries", depth=len(self._tries), bound=SLOTS)]

    async def run(self) -> None:
        """Take what is due, for ever. Tries that are under way when it is cancelled are some core's again later."""
        try:
            while True:
                self._look.clear()
                try:
                    wait = await self._take()
                except (*LOST, *CONFLICT) as error:
                    self._log.warning("notices wait for the database", error=f"{type(error).__name__}: {error}")
                    wait = POLL
                await self._rest(wait)
        finally:
            tries = list(self._tries)
            for each in tries:
                each.cancel()
            await asyncio.gather(*tries, return_exceptions=True)

    async def _take(self) -> float:
        """Begin a try of each that is due, as far as there is room; seconds until there is more to do."""
        while (room := SLOTS - len(self._tries)) > 0:
            full = [lane for lane, count in self._busy.items() if count >= LANE]
            found = await deliveries.claim(self._database.api, room, LANE, full, self._settings().timeout * _LOST_AFTER)
            for each in found:
                self._begin(each)
            if not found:
                seconds, self._hooks = await deliveries.upcoming(self._database.api, full)
                return POLL if seconds is None else min(POLL, max(0.0, seconds))
        return POLL

    def _begin(self, claimed: Claimed) -> None:
        self._busy[claimed.lane] += 1
        task = asyncio.create_task(self._try(claimed))
        self._tries.add(task)
        task.add_done_callback(lambda done: self._done(done, claimed))

    def _done(self, task: "asyncio.Task[None]", claimed: Claimed) -> None:
        self._tries.discard(task)
        self._busy[claimed.lane] -= 1
        if not self._busy[claimed.lane]:
            del self._busy[claimed.lane]
        self._look.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error(
                "a notice can't be noted", delivery=str(claimed.id), error=f"{type(error).__name__}: {error}"
            )

    async def _rest(self, seconds: float) -> None:
        """Until there is room again, a hint comes, or the next look is due."""
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._look.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        await self._clock.sleep(_GATHER)

    # One try ---------------------------------------------------------------------------------------------

    async def _try(self, claimed: Claimed) -> None:
        address = mail_address(claimed.target) if claimed.webhook is None else None
        if address is not None:
            return await self._note(claimed, await self._mail(claimed, address))
        receiver = await deliveries.receiver(self._database.api, claimed.webhook) if claimed.webhook else None
        if receiver is None:
            return  # it was removed, and its deliveries with it
        outcome = await self._tell(claimed, receiver)
        if outcome.gone and claimed.webhook is not None:
            await webhooks.disable(self._database.api, claimed.webhook, outcome.error)
            self._log.warning("a webhook wants to hear no more and is disabled", webhook=receiver.name)
        await self._note(claimed, outcome)

    async def _tell(self, claimed: Claimed, receiver: Receiver) -> Outcome:
        if receiver.disabled:
            return Outcome(error=f"the webhook is disabled: {receiver.disabled_why}", final=True)
        address = mail_address(receiver.url)
        if address is not None:
            return await self._mail(claimed, address)
        try:
            keys = self._keys(claimed.webhook, receiver)
        except SwarmError as error:
            return Outcome(error=error.message)
        body, name = payload.linked(claimed.body, self._settings().public_url), payload.subject_id(claimed.id)
        signed = signing.headers(name, int(claimed.now), body, keys)
        return await self._poster.post(
            receiver.url, {"content-type": "application/json", "user-agent": self._user_agent, **signed}, body
        )

    def _keys(self, webhook: UUID | None, receiver: Receiver) -> list[str]:
        """The secrets that count, the newest first. Raises SwarmError where one can't be opened."""
        kept = ((receiver.version, receiver.secret), (receiver.version - 1, receiver.old_secret))
        return [self._sealer.open(bound(webhook, number), item).decode() for number, item in kept if item is not None]

    async def _mail(self, claimed: Claimed, address: str) -> Outcome:
        if self._mailer is None:
            return Outcome(error="this core sends no mail; set SWARM_SMTP_HOST")
        told = payload.decode(payload.linked(claimed.body, self._settings().public_url))
        return await self._mailer.send(address, told, payload.subject_id(claimed.id))

    async def _note(self, claimed: Claimed, outcome: Outcome) -> None:
        again = None
        if not (outcome.ok or outcome.final or outcome.gone or claimed.job is None):
            again = pause(self._settings().patience, claimed.tries, claimed.age, random.random(), outcome.asked)
        state = "delivered" if outcome.ok else "dead" if again is None else "waiting"
        if state == "dead":
            self._log.warning("a notice is given up", to=claimed.target, job=claimed.job, error=outcome.error)
        await deliveries.note(
            self._database.api, claimed, state, again=again, status=outcome.status, error=outcome.error
        )


def bound(webhook: UUID | None, version: int) -> str:
    """What a webhook's sealed secret is bound to."""
    return f"webhook {webhook} {version}"
