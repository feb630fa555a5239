"""Who is signed in at the web face: few, for hours, each with a few decks. Pure."""

import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from swarm_consumer.credentials import Credentials
from swarm_protocol.errors import SwarmError

MOST: Final = 100
"""Sessions at a time."""
IDLE: Final = 3600.0
"""Seconds without an open deck or a request after which one ends."""
LONGEST: Final = 12 * 3600.0
"""Seconds after which one ends whatever happens: about a shift."""
DECKS: Final = 20
"""Decks at a time, of all together: each is a process of some 60 MB."""
DECKS_EACH: Final = 5
"""Decks of one session at a time."""


class Deck(Protocol):
    """A deck that is open, as sessions see it."""

    async def stop(self) -> None:
        """End it; idempotent."""
        ...

    def file_name(self, key: str) -> str | None:
        """What a file is called that it offers; None where it offers none by this key."""
        ...

    def read(self, key: str) -> AsyncGenerator[bytes, None]:
        """That file."""
        ...


@dataclass(eq=False, slots=True)
class Session:
    """Somebody who signed in."""

    key: str
    """What the cookie holds."""
    credentials: Credentials
    home: Path
    """A folder of its own, for what its decks keep."""
    began: float
    seen: float
    decks: list[Deck] = field(default_factory=list)
    """Those that are open."""


class Sessions:
    """All of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: seconds that never step back."""
        self._now = now
        self._all: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._all)

    @property
    def decks(self) -> int:
        """How many are open."""
        return sum(len(session.decks) for session in self._all.values())

    def begin(self, credentials: Credentials, home: Path) -> tuple[Session, Session | None]:
        """A new one; and the one that had to go for it, which was idle for longest."""
        gone = None
        if len(self._all) >= MOST:  # not all of them have a deck: DECKS are fewer
            idle = [session for session in self._all.values() if not session.decks]
            gone = self.end(min(idle, key=lambda session: session.seen).key)
        now = self._now()
        made = Session(secrets.token_urlsafe(32), credentials, home, now, now)
        self._all[made.key] = made
        return made, gone

    def find(self, key: str) -> Session | None:
        """The session of a cookie that is good, which counts as a sign of life."""
        found = self._all.get(key)
        if found is None or self._over(found):
            return None
        found.seen = self._now()
        return found

    def end(self, key: str) -> Session | None:
        """Forget one; what it was."""
        return self._all.pop(key, None)

    def over(self) -> list[Session]:
        """Those whose time is up, which are forgotten by this."""
        ended = [session for session in self._all.values() if self._over(session)]
        for session in ended:
            self.end(session.key)
        return ended

    def all(self) -> list[Session]:
        """Those that there are, which are forgotten by this."""
        found = list(self._all.values())
        self._all.clear()
        return found

    def check_room(self, session: Session) -> None:
        """Raises SwarmError(unavailable) where there is no room for another deck."""
        if len(session.decks) >= DECKS_EACH:
            hint = "close one of them, in this browser or another"
            raise SwarmError("unavailable", f"you have {DECKS_EACH} decks open, which is the most", hint=hint)
        if self.decks >= DECKS:
            hint = "try again later; `swarm-deck` in a terminal of your own has no such limit"
            raise SwarmError("unavailable", f"{DECKS} decks are open here, which is the most", hint=hint)

    def open(self, session: Session, deck: Deck) -> None:
        """Note a deck. Raises SwarmError as `check_room` does."""
        self.check_room(session)
        session.decks.append(deck)

    def close(self, session: Session, deck: Deck) -> None:
        """A deck has ended: from now on the session is idle where it was the last."""
        session.decks.remove(deck)
        session.seen = self._now()

    def _over(self, session: Session) -> bool:
        now = self._now()
        return now - session.began >= LONGEST or (not session.decks and now - session.seen >= IDLE)
