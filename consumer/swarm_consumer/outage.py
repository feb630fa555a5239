"""Waiting for a core that went away while something long goes on: a download, a log."""

from swarm_consumer.retry import Failure, RetryPolicy, next_delay
from swarm_consumer.transport import Transport, unreachable
from swarm_consumer.wire import WireError

OUTAGE_SECONDS = 60.0
"""How long something long goes on while the core does not answer."""


class Outage:
    """How often, and for how long, the core has given no sign."""

    def __init__(self, transport: Transport, patience: float | None = None) -> None:
        """`patience`: how many seconds it may be away (None: a minute)."""
        self._transport = transport
        self._policy = RetryPolicy(patience=OUTAGE_SECONDS if patience is None else patience)
        self.over()

    def over(self) -> None:
        """The core gave a sign."""
        self._tries, self._began = 0, self._transport.clock.monotonic()

    async def pause(self, lost: WireError) -> None:
        """Return when it is time for the next try. Raises SwarmError(unavailable) where there is to be none."""
        self._tries += 1
        delay = next_delay(
            self._policy,
            Failure.NOT_SENT,
            repeatable=True,
            tries=self._tries,
            spent=self._transport.clock.monotonic() - self._began,
            retry_after=None,
            jitter=0.5,
        )
        if delay is None or lost.untrusted:
            raise unreachable(self._transport.credentials.url, lost) from None
        await self._transport.clock.sleep(delay)
