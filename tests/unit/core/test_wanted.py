"""What of the stream somebody hears: every filter narrows, and none shows what one may not see."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from swarm_core.recent import EventView, Told
from swarm_core.store.stream import Place
from swarm_core.wanted import Wanted

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINE, OTHER = uuid4(), uuid4()


def told(kind: str, subject: str, project: UUID | None = MINE, **detail: Any) -> Told:
    view = EventView(cursor="", at=NOW, kind=kind, subject=subject, what="state", actor="", project=None, detail=detail)
    return Told(Place(1, 1), project, view, b"")


ALL = {
    "mine": told("job", "1"),
    "on w": told("job", "2", worker_id="w"),
    "other's": told("job", "1", OTHER, worker_id="w"),
    "w": told("worker", "w", None),
    "x": told("worker", "x", None),
    "image": told("image", "w"),
}


@pytest.mark.parametrize(
    ("more", "heard"),
    [
        ({}, {"mine", "on w", "w", "x", "image"}),
        ({"cluster": False}, {"mine", "on w", "image"}),
        ({"kinds": frozenset({"job", "image"})}, {"mine", "on w", "image"}),
        ({"jobs": frozenset({"1"})}, {"mine"}),
        ({"worker": "w"}, {"on w", "w"}),
        ({"worker": "w", "kinds": frozenset({"job"})}, {"on w"}),
        ({"since": NOW + timedelta(seconds=1)}, set()),
        ({"since": NOW, "projects": frozenset({OTHER})}, {"other's", "w", "x"}),
        ({"projects": frozenset(), "cluster": False}, set()),
    ],
)
def test_filters(more: dict[str, Any], heard: set[str]) -> None:
    wanted = Wanted(**{"projects": frozenset({MINE}), **more})
    assert {name for name, each in ALL.items() if wanted.fits(each)} == heard
