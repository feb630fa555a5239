"""The worker's access token: got with an assertion that it signs itself, refreshed well before it ends."""

import time
import uuid
from collections.abc import Callable

import msgspec

from swarm_protocol import claims
from swarm_worker.identity import Identity


def assertion(identity: Identity, now: float) -> str:
    """A JWT of a minute that proves the worker's key (RFC 7523), signed with EdDSA (RFC 8037)."""
    worker = str(identity.worker_id)
    payload = {
        "iss": worker,
        "sub": worker,
        "aud": claims.AUD_ASSERTION,
        "iat": int(now),
        "exp": int(now) + claims.ASSERTION_SECONDS,
        "jti": uuid.uuid4().hex,
    }
    head = claims.b64url(msgspec.json.encode({"alg": "EdDSA", "typ": "JWT"}))
    signed = f"{head}.{claims.b64url(msgspec.json.encode(payload))}"
    return f"{signed}.{claims.b64url(identity.private_key().sign(signed.encode()))}"


class Tokens:
    """The access token in use; whoever gets a newer one hands it in."""

    def __init__(
        self,
        identity: Identity,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._wall = wall
        self._token = ""
        self._granted_at = 0.0
        self._life = 0.0

    def grant(self, token: str, expires_in: float) -> None:
        """Use this token from now on; `expires_in` in seconds."""
        self._token, self._granted_at, self._life = token, self._clock(), expires_in

    def drop(self) -> None:
        """Forget the token: the core refused it."""
        self._token = ""

    @property
    def current(self) -> str:
        """The token while at least a tenth of its life is left, else an empty text."""
        return self._token if self.seconds_left > self._life / 10 else ""

    @property
    def seconds_left(self) -> float:
        """Until the core refuses the token."""
        return self._granted_at + self._life - self._clock() if self._token else 0.0

    @property
    def refresh_in(self) -> float:
        """Seconds until it is time to ask for the next: when two thirds of its life are over."""
        return max(0.0, self.seconds_left - self._life / 3)

    def assertion(self) -> str:
        """A fresh proof of the key."""
        return assertion(self._identity, self._wall())
