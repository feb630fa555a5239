"""Events on their way to the screens: gathered into batches, so that a burst costs a repaint and not a thousand."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from swarm_consumer.models import Event

RECENT: Final = 200
"""Events that a batch keeps whole, the newest: more than any screen shows."""
SUBJECTS: Final = 5000
"""Subjects that a batch tells apart; of more it only says that it `overflowed`."""


def since(recent: Sequence[Event], cursor: str | None) -> list[Event] | None:
    """The events after one of the newest; None where that is not among them, so that some may be missing."""
    if cursor is None:
        return list(recent) if len(recent) < RECENT else None
    for back, event in enumerate(reversed(recent)):
        if event.cursor == cursor:
            return list(recent)[len(recent) - back :]
    return None


@dataclass(slots=True)
class Change:
    """All that a batch tells of one subject: its newest event, and the details of all of them laid over one another."""

    kind: str
    subject: str
    at: datetime
    whats: tuple[str, ...]
    """`created`, `state`, … each once, in order."""
    detail: dict[str, Any]
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What has happened since the last batch."""

    changes: Mapping[tuple[str, str], Change] = field(default_factory=dict)
    """By kind and subject."""
    recent: tuple[Event, ...] = ()
    """The newest events whole, oldest first."""
    count: int = 0
    overflowed: bool = False
    """There were more subjects than `changes` has: what is shown is to be fetched anew."""
    gap: bool = False
    """Events were lost (the core no longer has them): what is shown is to be fetched anew."""

    @property
    def anew(self) -> bool:
        """Whether patching what is shown won't do."""
        return self.overflowed or self.gap

    def touches(self, kinds: Iterable[str]) -> bool:
        """Whether something of these kinds has changed."""
        wanted = frozenset(kinds)
        return self.anew or any(kind in wanted for kind, _ in self.changes)

    def of(self, kind: str) -> list[Change]:
        """The changes of one kind."""
        return [change for (of_kind, _), change in self.changes.items() if of_kind == kind]


class Gatherer:
    """Takes events one by one and gives them back as a batch; bounded, however many come between."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._changes: dict[tuple[str, str], Change] = {}
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._count = 0
        self._overflowed = False
        self._gap = False

    def __bool__(self) -> bool:
        return self._count > 0 or self._gap

    def take(self, event: Event) -> None:
        """One event more."""
        self._count += 1
        self._recent.append(event)
        place = (event.kind, event.subject)
        known = self._changes.get(place)
        if known is not None:
            _lay_over(known, event)
        elif len(self._changes) >= SUBJECTS:
            self._overflowed = True
        else:
            self._changes[place] = Change(
                event.kind, event.subject, event.at, (event.what,), dict(event.detail), event.project
            )

    def lost(self) -> None:
        """Events are missing from here on."""
        self._gap = True

    def drain(self) -> Batch:
        """All since the last time."""
        batch = Batch(self._changes, tuple(self._recent), self._count, self._overflowed, self._gap)
        self._start()
        return batch


def _lay_over(known: Change, event: Event) -> None:
    known.at = event.at
    known.detail.update(event.detail)
    if event.what not in known.whats:
        known.whats = (*known.whats, event.what)
