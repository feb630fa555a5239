"""A worker in words, and how a deadline is read."""

from datetime import UTC, datetime, timedelta

import pytest

from swarm_consumer.cli.capacity import lines, wanted
from swarm_consumer.cli.drain import deadline_of, say_ended
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.worker_text import drain_text, machine_lines
from swarm_consumer.models import Drain, Worker, WorkerStep
from swarm_protocol.errors import SwarmError

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
GIB = 1 << 30
INFO = {
    "hostname": "rack-7",
    "arch": "amd64",
    "cpus": 8,
    "os": "linux",
    "os_name": "Debian GNU/Linux 12",
    "kernel": "6.1.0",
    "engine": "20.10.24",
    "runc": "1.1.5",
    "cgroup": "2",
    "memory": 16 * GIB,
    "disk": 100 * GIB,
    "booted_at": (NOON - timedelta(days=3)).timestamp(),
    "gpus": [{"kind": "a100", "model": "NVIDIA A100"}],
}
STATUS = {"load": [0.5, 1, 2.25], "memory_free": 8 * GIB, "disk_free": 50 * GIB}


def test_a_machine() -> None:
    assert machine_lines(Worker(id="1", sysinfo=INFO, status=STATUS), NOON) == [
        ("machine", "rack-7 amd64, 8 cpus"),
        ("os", "Debian GNU/Linux 12 6.1.0"),
        ("engine", "20.10.24, runc 1.1.5, cgroup v2"),
        ("memory", "8G free of 16G"),
        ("disk", "50G free of 100G"),
        ("load", "0.50 1.00 2.25"),
        ("up", "3d"),
        ("gpus", "a100 (NVIDIA A100)"),
    ]


def test_a_machine_of_an_older_worker_and_one_that_never_came() -> None:
    older = {key: INFO[key] for key in ("hostname", "arch", "os", "memory")}
    assert machine_lines(Worker(id="1", sysinfo=older)) == [
        ("machine", "rack-7 amd64"),
        ("os", "linux"),
        ("memory", "16G"),
    ]
    assert machine_lines(Worker(id="1", sysinfo={})) == []


def test_a_capacity() -> None:
    own = {"slots": 4, "cpu_millis": 4000, "memory": 8 * GIB, "disk": 50 * GIB}
    wanted = {"slots": 8, "memory": 6 * GIB}
    assert lines(Worker(id="1", capacity=own | wanted, own_capacity=own, wanted_capacity=wanted)) == (
        "offers  8 slots, 4 cpu, 6G, 50G disk\n"
        "itself  4 slots, 4 cpu, 8G, 50G disk\n"
        "set     8 slots, 6G memory\n"
    )  # fmt: skip


def test_a_drain() -> None:
    drain = Drain(at=datetime.now(UTC), by="user:ada", cut=2, by_hand=True)
    text = "0s ago by user:ada; its deadline has come and stopped 2; of an old version, stop it by hand"
    assert drain_text(Worker(id="1", drain=drain)) == text
    assert drain_text(Worker(id="1")) == ""


def test_how_a_drain_that_was_waited_for_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    step = WorkerStep(id=1, at=NOON, what="state", state="dead", reason="drained", detail={"cut": 2})
    say_ended("w", step)
    assert (
        capsys.readouterr().err == "worker w is gone: drained; the deadline stopped 2, which went back to the queue\n"
    )
    say_ended("w", WorkerStep(id=1, at=NOON, what="state", state="dead", reason="its lease ran out"))
    assert capsys.readouterr().err == "worker w is gone: its lease ran out\n"
    resumed = WorkerStep(id=1, at=NOON, what="state", state="waiting", reason="resumed", actor="user:ada")
    with pytest.raises(SwarmError, match="user:ada has worker w go on: it was not drained"):
        say_ended("w", resumed)


def test_deadlines() -> None:
    assert deadline_of(None, NOON) is None
    assert deadline_of("1h30m", NOON) == 5400.0
    assert deadline_of("2026-11-25T13:00:00Z", NOON) == NOON + timedelta(hours=1)


@pytest.mark.parametrize("text", ["0", "0s", "soon", "-5m", "2026-13-01 00:00"])
def test_deadlines_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--deadline: "):
        deadline_of(text, NOON)


@pytest.mark.parametrize(("flag", "words"), [("--cpu", {"cpu": "many"}), ("--memory", {"memory": "much"})])
def test_amounts_that_are_none(flag: str, words: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=f"{flag}: "):
        wanted(None, words.get("cpu"), words.get("memory"), None)
