"""Why a job waits: a plain function of the job, the workers and the queue."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from swarm_core.explanation import Answered, Explanation, Live, ask, begun, explained, waits
from swarm_core.placement import Shape
from swarm_core.session import WorkerView
from swarm_core.store.explain import Before, Waiting
from swarm_core.store.workers import WorkerRow
from swarm_protocol.messages import Capacity
from swarm_protocol.needs import Needs

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GIB = 1 << 30
CORE, OTHER = UUID(int=1), UUID(int=2)
JOB = Waiting(
    id=7,
    state="queued",
    attempt=0,
    shape_id=1,
    priority=0,
    project_id=UUID(int=9),
    reason="",
    failure=None,
    exit_code=None,
    wake_at=None,
    queue_deadline=None,
    cancelling=False,
    worker_id=None,
    worker=None,
)
SHAPE = Shape(1, 1000, GIB, GIB, {})
ROW = WorkerRow(
    id=UUID(int=10),
    name="w",
    labels={},
    paused_at=None,
    paused_by="",
    capacity={},
    sysinfo={},
    joined_at=NOON,
    seen_at=NOON,
    revoked_at=None,
    core=CORE,
    leased=True,
    condition="",
    running=0,
    wanted_capacity={},
    minor=2,
    status=None,
    status_at=None,
    drain_at=None,
    drain_by="",
    drain_until=None,
    drain_cut=None,
)
WHOLE = Capacity(slots=4, cpu_millis=4000, memory=8 * GIB, disk=8 * GIB)
FULL = Capacity(slots=0, cpu_millis=0, memory=GIB, disk=GIB)


def live(free: Capacity = WHOLE, closed: str = "", state: str = "waiting", core: UUID = CORE) -> Live:
    """The one worker as its core has it."""
    view = WorkerView(
        id=ROW.id,
        name="w",
        state=state,
        labels={},
        capacity=WHOLE,
        free=free,
        load=0.0,
        running=0,
        core=core,
        silent=0.0,
        closed=closed,
    )
    return {(view.id, view.core): view}


def explain(*workers: Answered, job: Waiting = JOB, shape: Shape = SHAPE, limits: tuple[str, ...] = ()) -> Explanation:
    return explained(job, shape, workers, Before(3, 1), limits)


def causes(found: Explanation) -> list[tuple[str, str]]:
    return [(cause.kind, cause.text) for cause in found.causes]


def test_a_job_for_which_there_is_room_waits_for_its_turn_alone() -> None:
    found = explain(ask(SHAPE, ROW, live()))
    assert causes(found) == [("next", "nothing but its turn: a worker has room for it")]
    assert (found.before, found.before_alike) == (3, 1)
    assert [(w.name, w.state, w.reasons) for w in found.workers] == [("w", "waiting", [])]


def test_full_workers_are_told_from_those_that_could_never_run_it() -> None:
    full = ask(SHAPE, ROW, live(FULL, state="working"))
    assert causes(explain(full)) == [("full", "a worker with room: w could run it, and has none now")]
    many = replace(ROW, id=UUID(int=11), name="v", core=None, seen_at=None, leased=False)
    assert causes(explain(full, ask(SHAPE, many, live()))) == causes(explain(full))
    large = replace(SHAPE, memory=64 * GIB)
    [(kind, text)] = causes(explain(ask(large, ROW, live()), shape=large))
    assert kind == "no_match"
    assert text.endswith("none of those connected; w comes nearest: it has 8G of memory, not 64G")


def test_a_worker_that_takes_nothing_now_could_still_run_it() -> None:
    found = explain(ask(SHAPE, ROW, live(closed="it is being drained", state="draining")))
    says = "a worker that takes jobs: w could run it, and takes nothing now: it is being drained"
    assert causes(found) == [("closed", says)]
    [worker] = found.workers
    assert [reason.text for reason in worker.reasons] == ["it is being drained"]
    full = ask(SHAPE, replace(ROW, name="v"), live(FULL))
    both = explain(ask(SHAPE, ROW, live(closed="it is being drained")), full)
    assert causes(both) == [("full", "a worker with room: 2 workers could run it, and have none now")]


def test_a_worker_without_its_engine_could_run_it_with_one() -> None:
    gone = msgspec.structs.replace(WHOLE, slots=0)
    [view] = live(gone, closed="its container engine does not answer", state="initializing").values()
    found = explain(ask(SHAPE, ROW, {(view.id, view.core): msgspec.structs.replace(view, capacity=gone)}))
    assert [cause.kind for cause in found.causes] == ["closed"]


@pytest.mark.parametrize(
    ("row", "state", "says"),
    [
        (replace(ROW, revoked_at=NOON), "dead", "it was revoked"),
        (replace(ROW, core=None, leased=False), "dead", "it is not connected"),
        (replace(ROW, core=None, leased=False, seen_at=None), "dead", "it has never connected"),
    ],
)
def test_workers_that_are_not_there(row: WorkerRow, state: str, says: str) -> None:
    found = explain(ask(SHAPE, row, {}))
    assert causes(found) == [("no_worker", "a worker: none is connected")]
    [worker] = found.workers
    assert (worker.state, [reason.text for reason in worker.reasons]) == (state, [says])


def test_another_core_s_worker_is_unknown_where_it_can_t_be_asked() -> None:
    row = replace(ROW, core=OTHER)
    told = explain(ask(SHAPE, row, live(core=OTHER)))
    assert causes(told)[0][0] == "next"
    found = explain(ask(SHAPE, row, live()))
    [worker] = found.workers
    assert worker.state == "unknown"
    assert worker.reasons[0].text.startswith("unknown: it is connected to another core")
    assert causes(found)[0] == ("full", "a worker with room: none that this core knows, and not all can be asked")


def test_those_that_lack_least_come_first() -> None:
    shape = replace(SHAPE, constraints={"gpu": "a100"})
    gone = replace(ROW, id=UUID(int=11), name="a", core=None, leased=False)
    full = ask(shape, replace(ROW, name="b"), live(FULL))
    found = explain(ask(shape, gone, live()), ask(shape, ROW, live()), full, shape=shape)
    assert [worker.name for worker in found.workers] == ["w", "a", "b"]


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"state": "sleeping", "wake_at": NOON}, "start", "its start time"),
        (
            {"state": "sleeping", "wake_at": NOON, "attempt": 2, "reason": "exit 1"},
            "backoff",
            "the pause after attempt 2: exit 1",
        ),
        ({"state": "held", "reason": "quarantined: 3 workers were lost"}, "held", "quarantined: 3 workers were lost"),
        ({"state": "blocked", "reason": "waits for job 6 of the same schedule"}, "turn", "job 6 of the same schedule"),
    ],
)
def test_what_else_a_job_waits_for(changes: dict[str, object], kind: str, says: str) -> None:
    job = replace(JOB, **changes)  # type: ignore[arg-type]
    found = explain(ask(SHAPE, ROW, live()), job=job)
    assert causes(found) == [(kind, says)]
    assert found.causes[0].until == changes.get("wake_at")
    assert (found.before, found.before_alike) == (None, None)


def test_a_limit_of_the_project_comes_before_the_workers() -> None:
    used_up = ("the project's limit: 2 of 2 jobs run",)
    assert causes(explain(ask(SHAPE, ROW, live()), limits=used_up)) == [("limit", used_up[0])]
    both = explain(ask(SHAPE, ROW, live(FULL)), limits=used_up)
    assert [kind for kind, _ in causes(both)] == ["limit", "full"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "dispatched"}, "attempt 1 is being prepared on w"),
        ({"state": "running", "cancelling": True}, "attempt 1 runs on w; it was asked to stop"),
        ({"state": "harvesting"}, "attempt 1 has ended, and its outputs are being brought from w"),
        ({"state": "running", "worker": None}, "attempt 1 runs on a worker that is gone"),
        ({"state": "succeeded", "exit_code": 0}, "it succeeded on w with exit code 0"),
        (
            {"state": "failed", "failure": "oom_killed", "reason": "over 1G", "exit_code": 137},
            "it failed on w with exit code 137: oom_killed: over 1G",
        ),
        (
            {"state": "timed_out", "failure": "queue_timeout", "reason": "waited too long", "worker": None},
            "it timed out: queue_timeout: waited too long",
        ),
        ({"state": "cancelled", "failure": "cancelled", "reason": "cancelled"}, "it was cancelled on w"),
    ],
)
def test_a_job_that_was_given_to_a_worker(changes: dict[str, object], says: str) -> None:
    job = replace(JOB, **{"attempt": 1, "worker": "w", **changes})  # type: ignore[arg-type]
    assert not waits(job)
    found = begun(job)
    assert (found.text, found.workers, found.causes) == (says, [], [])


def test_a_worker_whose_connection_is_gone_is_unreachable_and_not_unknown() -> None:
    [worker] = explain(ask(SHAPE, replace(ROW, condition="unreachable"), {})).workers
    assert (worker.state, [reason.text for reason in worker.reasons]) == (
        "unreachable",
        ["it is unreachable: its connection is gone"],
    )


def test_what_a_machine_does_not_offer_is_named() -> None:
    needy = replace(SHAPE, needs=Needs(mounts=("data",), gpus=1))
    view = live()[ROW.id, CORE]
    bare = msgspec.structs.replace(view, why={"mount data": "there is no folder /srv/data"})
    [worker] = explain(ask(needy, ROW, {(ROW.id, CORE): bare}), shape=needy).workers
    assert [(reason.kind, reason.text) for reason in worker.reasons] == [
        ("offer", "it does not offer the mount data (there is no folder /srv/data)"),
        ("offer", "it has 0 GPUs, not 1"),
    ]
    busy = msgspec.structs.replace(view, mounts=["data"], gpus={"t4": 1}, free_gpus={"t4": 1}, unnamed_gpus=1)
    found = explain(ask(needy, ROW, {(ROW.id, CORE): busy}), shape=needy)
    assert causes(found) == [("full", "a worker with room: w could run it, and has none now")]
    free = msgspec.structs.replace(busy, unnamed_gpus=0)
    assert causes(explain(ask(needy, ROW, {(ROW.id, CORE): free}), shape=needy))[0][0] == "next"
