"""What the core says on the stage: a module for each area, whose `fill` puts its answers into the table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from swarm_consumer.models import Event

NOW: Final = datetime(2026, 11, 29, 14, 30, 0, tzinfo=UTC)
"""The stage's time."""
NEVER: Final = object()
"""In place of an answer: what waits for something to come is never answered."""
MISSING: Final = {"code": "not_found", "title": "this is not on the stage", "status": 404}


def ago(**parts: float) -> datetime:
    """A time before `NOW`: `ago(minutes=3)`."""
    return NOW - timedelta(**parts)


def ahead(**parts: float) -> datetime:
    """A time after `NOW`."""
    return NOW + timedelta(**parts)


@dataclass(frozen=True)
class Request:
    """What is asked: `path` is that below /api/v1."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: bytes | None = None


@dataclass
class Table:
    """Answers by method and path, such as `GET /jobs/1042`; a value may be a function of the request."""

    answers: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    """What happens while one looks."""
    past: list[Event] = field(default_factory=list)
    """What has happened before."""
    logs: dict[int, list[Any]] = field(default_factory=dict)
    """What the live log of a job tells (`swarm_consumer.logs`)."""
    ended: set[int] = field(default_factory=set)
    """Jobs whose live log ends."""

    def put(self, request: str, answer: Any | Callable[[Request], Any]) -> None:
        """An answer; each request has one alone."""
        if request in self.answers:
            raise ValueError(f"{request} has an answer already")
        self.answers[request] = answer

    def find(self, request: Request) -> Any:
        """The answer to a request, or `MISSING`."""
        found = self.answers.get(f"{request.method} {request.path}", MISSING)
        return found(request) if callable(found) else found


def listed(items: Sequence[Any], next: str | None = None) -> dict[str, Any]:
    """A list as the API has them."""
    return {"items": list(items), "next": next}
