"""What people see of a worker: the row, and what a core knows better."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from msgspec.structs import replace as replace_view

from swarm_core.api.worker_views import Heartbeat, index, knowing, merge
from swarm_core.session import WorkerView
from swarm_core.store.workers import WorkerRow
from swarm_protocol.messages import Capacity

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CORE = uuid4()
ROW = WorkerRow(
    id=uuid4(),
    name="w",
    labels={},
    capacity={"slots": 4},
    sysinfo={},
    joined_at=NOON,
    seen_at=NOON,
    revoked_at=None,
    paused_at=None,
    paused_by="",
    core=CORE,
    leased=True,
    condition="",
    running=2,
    wanted_capacity={},
    minor=2,
    status=None,
    status_at=None,
    drain_at=None,
    drain_by="",
    drain_until=None,
    drain_cut=None,
)
VIEW = WorkerView(
    id=ROW.id,
    name="w",
    state="unreachable",
    labels={},
    capacity=Capacity(slots=4, cpu_millis=1, memory=1, disk=1),
    free=Capacity(slots=3, cpu_millis=1, memory=1, disk=1),
    load=0.5,
    running=1,
    core=CORE,
    silent=7.0,
)


def test_the_live_view_has_the_say() -> None:
    shown = merge(ROW, index([VIEW]))
    assert (shown.state, shown.running, shown.load) == ("unreachable", 1, {"load1": 0.5})
    assert shown.free is not None
    assert shown.free["slots"] == 3


@pytest.mark.parametrize(
    ("told", "change", "state"),
    [
        ("waiting", {}, "waiting"),
        ("waiting", {"paused_at": NOON}, "paused"),
        ("working", {"paused_at": NOON, "drain_at": NOON}, "draining"),
        ("paused", {}, "working"),
        ("paused", {"paused_at": NOON}, "paused"),
        ("draining", {}, "draining"),
        ("unreachable", {"paused_at": NOON}, "unreachable"),
    ],
)
def test_what_somebody_wants_is_newer_than_a_view(told: str, change: dict[str, object], state: str) -> None:
    row = replace(ROW, **change)  # type: ignore[arg-type]
    assert merge(row, index([replace_view(VIEW, state=told)])).state == state


def test_how_it_fares_is_there_as_far_as_it_has_told() -> None:
    told = replace_view(
        VIEW, memory_free=5, disk_free=6, beat_age=0.5, beat_loss=0.0, beat_jitter=0.1, clock_offset=-2.0
    )
    shown = merge(ROW, index([told]))
    assert shown.load == {"load1": 0.5, "memory_free": 5, "disk_free": 6}
    assert shown.heartbeat == Heartbeat(age=0.5, loss=0.0, jitter=0.1, clock_offset=-2.0)
    assert merge(ROW, index([VIEW])).heartbeat == Heartbeat(age=None, loss=None, jitter=None, clock_offset=None)
    assert merge(ROW, {}).heartbeat is None


def test_the_view_of_a_core_that_has_it_no_more_counts_for_nothing() -> None:
    shown = merge(ROW, index([replace_view(VIEW, core=uuid4())]))
    assert (shown.state, shown.running, shown.free) == ("working", 2, None)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"running": 0}, "waiting"),
        ({"leased": False}, "dead"),
        ({"leased": False, "core": None, "seen_at": None}, "initializing"),
        ({"revoked_at": NOON}, "dead"),
        ({"drain_at": NOON}, "draining"),
        ({"drain_at": NOON, "condition": "unreachable"}, "unreachable"),
    ],
)
def test_without_a_view_the_database_tells(change: dict[str, object], state: str) -> None:
    assert merge(replace(ROW, **change), {}).state == state  # type: ignore[arg-type]


def test_mounts_that_one_may_not_know_of_are_not_there() -> None:
    why = {"mount x": "/srv/x is no folder", "mount y": "/srv/y is no folder", "gpu": "no runtime"}
    view = replace_view(VIEW, mounts=["a", "b"], why=why)
    shown = merge(ROW, index(knowing([view], {"b", "y"}))).offers
    assert shown is not None
    assert (shown.mounts, shown.why) == (["b"], {"mount y": "/srv/y is no folder", "gpu": "no runtime"})
    assert knowing([view], None) == [view]
