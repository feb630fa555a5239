"""What is done to workers in words, what is typed for it, and who joins by an invitation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from swarm_commanddeck import worker_deeds as deeds
from swarm_commanddeck.feed import Change
from swarm_commanddeck.invitation import Invitation, steps, token_cells
from swarm_commanddeck.worker_facts import facts, step_cells, warnings
from swarm_consumer.models import Drain, Heartbeat, Worker, WorkerStep
from swarm_consumer.worker_models import JoinTokenState

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
GIB = 1 << 30


def worker(name: str = "rack-7", *, jobs: tuple[int, ...] = (), running: int | None = None, **more: Any) -> Worker:
    attempts = [{"job": job, "attempt": 1} for job in jobs]
    return Worker(id=name, name=name, attempts=attempts, running=len(jobs) if running is None else running, **more)


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (worker(), "nothing runs there"),
        (worker(jobs=(7,)), "1 job runs there: 7"),
        (worker(jobs=(7, 8), running=3), "3 jobs run there: 7, 8, 1 of other projects"),
        (worker(running=2), "2 jobs run there (of other projects)"),
        (worker(jobs=tuple(range(12))), "12 jobs run there: 0, 1, 2, 3, 4, 5, 6, 7 and 4 others"),
    ],
)
def test_what_runs_there(one: Worker, says: str) -> None:
    assert deeds.jobs_text(one) == says


def test_a_drain_says_what_becomes_of_the_jobs() -> None:
    lines = deeds.drain_lines([worker(jobs=(7, 8)), worker("rack-8")], 600.0)
    assert lines[:2] == ["rack-7: 2 jobs run there: 7, 8", "rack-8: nothing runs there"]
    assert "After 10m what still runs is stopped and put back in the queue." in lines
    assert any("no deadline" in line for line in deeds.drain_lines([worker()], None))
    old = worker(drain=Drain(by_hand=True))
    assert any("stop it by hand" in line for line in deeds.drain_lines([old], None))


def test_a_revocation_and_a_forgetting_say_what_they_do() -> None:
    assert deeds.revoke_lines([worker(jobs=(7,))])[0] == "rack-7: 1 job runs there: 7"
    gone = worker(revoked_at=NOON)
    assert deeds.forget_lines([gone])[0].startswith("rack-7, revoked ")
    assert deeds.not_revoked([gone, worker("rack-8")]) == [worker("rack-8")]
    assert deeds.names([worker(str(n)) for n in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7 and 2 others"


def test_what_is_typed() -> None:
    assert (deeds.read_deadline(""), deeds.read_deadline("10m"), deeds.read_count("3")) == (None, 600.0, 3)
    assert deeds.read_labels("gpu=a100 old- empty=") == {"gpu": "a100", "old": None, "empty": ""}
    wanted = {"slots": 4, "memory": GIB}
    typed = {"slots": "8", "cpu_millis": "2.5", "memory": "", "disk": ""}
    assert deeds.read_capacity(typed, wanted) == {"slots": 8, "cpu_millis": 2500, "memory": None}
    assert deeds.read_capacity({"slots": "4", "memory": "1G"}, wanted) == {}
    sized = worker(wanted_capacity={"slots": 4, "cpu_millis": 2500, "memory": GIB})
    assert [deeds.wanted_text(sized, what) for what in deeds.READERS] == ["4", "2.5", "1G", ""]


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (deeds.read_deadline, "soon", "write it like 90s"),
        (deeds.read_deadline, "0", "is to come"),
        (deeds.read_count, "0", "from 1 on"),
        (deeds.read_count, "many", "from 1 on"),
        (deeds.read_labels, "", "KEY- to take one away"),
        (deeds.read_labels, "gpu", "neither KEY=VALUE nor KEY-"),
        (lambda text: deeds.read_capacity({"memory": text}, {}), "much", "memory: .* is no size"),
        (lambda text: deeds.read_capacity({"slots": text}, {}), "0", "at least 1"),
    ],
)
def test_what_can_not_be_read_says_how_to_write_it(read: Any, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(text)


# A worker's facts ----------------------------------------------------------------------------------------


def test_facts_are_those_that_are_known_with_what_beats_told_since() -> None:
    info = {"memory": 16 * GIB, "disk": 100 * GIB, "hostname": "node", "arch": "amd64", "version": "1"}
    one = worker(
        state="paused", sysinfo=info, load={"memory_free": GIB}, status={"memory_free": 9 * GIB},
        paused_at=NOON - timedelta(minutes=3), paused_by="user:ana", heartbeat=Heartbeat(age=9.0, loss=0.5),
    )  # fmt: skip
    found = {name: (text, tone) for name, text, tone in facts(one, NOON)}
    assert found["state"] == ("‖ paused, 3m ago by user:ana", "warn")
    assert found["memory"] == ("1G free of 16G", "")
    assert found["heartbeat"] == ("9s ago, 50.0% lost", "warn")
    assert "core" not in found
    assert warnings(one) == ["50% of its heartbeats are lost on the way.", "Its memory is nearly full: 1G free of 16G."]
    skewed = worker(heartbeat=Heartbeat(age=1.0, clock_offset=-75.0))
    assert warnings(skewed) == ["Its clock is 1m15s behind: over 60 s it could not prove who it is."]
    assert "firewall" in warnings(worker(heartbeat=Heartbeat()))[0]
    revoked = {name: text for name, text, _ in facts(worker(state="dead", revoked_at=NOON), NOON)}
    assert revoked["state"] == "✗ dead, revoked 0s ago"
    drained = worker(state="draining", drain=Drain(at=NOON, by="user:ana", until=NOON + timedelta(minutes=10)))
    assert facts(drained, NOON)[0][1] == "↧ draining, 0s ago by user:ana; what is there in 10m goes back"


def test_a_step_of_the_history() -> None:
    state = WorkerStep(id=1, at=NOON, what="state", state="dead", reason="revoked")
    assert step_cells(state) == (("✗ dead", "bad"), "revoked")
    changed = WorkerStep(id=2, at=NOON, what="changed", detail={"name": "w", "capacity": {"slots": 8}})
    assert step_cells(changed) == (("changed", "plain"), "capacity: 8 slots")


# An invitation -------------------------------------------------------------------------------------------


def change(subject: str, *whats: str, **detail: object) -> Change:
    return Change("worker", subject, NOON, whats, dict(detail))


def token(left: int, *, expired: bool = False) -> JoinTokenState:
    return JoinTokenState(id="t", uses_left=left, expires_at=NOON + timedelta(hours=1), expired=expired)


def test_an_invitation_tells_who_has_joined_since() -> None:
    made = Invitation("t", "swarm worker join …", 2)
    assert made.lines() == ["… waiting: 0 of 2 have joined"]
    made = made.heard([change("1", "created", name="rack-7"), change("9", "state", name="old", to="dead")], 50)
    assert made.lines() == ["… waiting: 1 of 2 has joined", "  … rack-7, initializing"]
    made = made.seen([token(1)]).heard([change("1", "state", name="rack-7", to="waiting")], 50)
    assert made.lines() == ["… waiting: 1 of 2 has joined", "  ○ rack-7, waiting"]
    made = made.heard([change("2", "created", "state", name="rack-8", to="waiting")], 50).seen([token(0)])
    assert made.lines()[0] == "✓ all 2 have joined"
    assert made.heard([change("3", "created", name="x")], 2).joined.keys() == {"1", "2"}
    assert made.seen([]).lines()[0] == "the token lets nobody in any more; n makes another"
    assert made.seen([token(1, expired=True)]).gone
    assert not made.seen([token(0, expired=True)]).gone


def test_its_steps_and_the_cells_of_a_token() -> None:
    assert steps(Invitation("t", "x", 1)) == ["Paste this on the machine; c copies it. The token is shown this once."]
    assert steps(Invitation("t", "x", 3, "mind"))[1] == "! mind"
    assert token_cells(token(1), NOON) == (("○ open", "good"), ("in 1h", ""))
    assert token_cells(token(0), NOON)[0] == ("✓ used up", "dim")
    assert token_cells(token(1, expired=True), NOON)[0] == ("✗ expired", "dim")
