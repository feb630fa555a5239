"""`swarm overview` and `swarm cores` in words."""

from datetime import UTC, datetime, timedelta

from swarm_consumer.cli.cores import core_row, module_row, queue_text
from swarm_consumer.cli.overview import lines
from swarm_consumer.cores import Core, CoreDisk, CoreModule, QueueDepth
from swarm_consumer.overview import Alarm, Minute, Overview


def ago(**span: float) -> datetime:
    """A little more than that long ago."""
    return datetime.now(UTC) - timedelta(**span) - timedelta(milliseconds=1)


def overview(**fields: object) -> Overview:
    return Overview(**{"at": ago(), **fields})  # type: ignore[arg-type]


def test_states_in_which_there_is_nothing_are_left_out() -> None:
    found = lines(overview(jobs={"queued": 3, "held": 0, "running": 1}, workers={"dead": 0}, slots=4, slots_free=3))
    assert found[:3] == [
        "jobs      3 queued, 1 running",
        "last day  none ended",
        "workers   none; 3 of 4 slots are free",
    ]


def test_the_hour_in_three_lines() -> None:
    minutes = [Minute(at=ago(minutes=60 - n), succeeded=n, wait_p50=2.5 if n == 30 else None) for n in range(60)]
    ended, waited, ran = lines(overview(minutes=minutes))[3:6]
    assert ended.endswith("58 in the last minute, 59 at most")
    assert ended.startswith("ended     ▁▁")
    assert waited.endswith("2.5s (median)")
    assert ran == f"ran       {'·' * 60}  no job has"


def test_alarms_say_what_since_when_and_what_to_do() -> None:
    alarm = Alarm(
        kind="worker_dead",
        severity="error",
        about="worker",
        subject="x",
        name="w1",
        text="worker w\x1b1 is dead",
        next="start it again",
        since=ago(minutes=3),
    )
    found = lines(overview(alarms=[alarm] * 30, alarm_count=45))
    assert found[4:6] == ["error: worker w�1 is dead, 3m ago", "    start it again"]
    assert found[-1] == "and 25 more"
    assert lines(overview())[-1] == "no alarms"


def test_a_core_in_a_table() -> None:
    core = Core(
        id="c1",
        host="alpha",
        address="0.0.0.0:8443",
        version="1",
        started_at=ago(hours=2),
        clock_ahead=-0.25,
        redis="connected",
        disk=CoreDisk(total=2 << 30, free=1 << 30),
        workers={"waiting": 2, "working": 1},
        modules=[CoreModule(name="a", state="running"), CoreModule(name="b", state="restarting")],
    )
    row = core_row(core)
    assert row == ("c1", "alpha", "0.0.0.0:8443", "1", "2h", "not running: b", 3, "connected", "-0.2s", "1G of 2G")
    assert core_row(Core(id="c2", reached=False, workers={"connected": 4}))[5:7] == ("can't be asked", 4)
    queues = [QueueDepth(name="reports", depth=12, bound=100), QueueDepth(name="shapes", depth=2)]
    died = CoreModule(name="b", state="running", restarts=2, error="X", died_at=ago(minutes=5), queues=queues)
    assert module_row(core, died) == ("alpha", "b", "running", 2, "5m ago", "reports 12/100, shapes 2", "X")
    assert queue_text(QueueDepth(name="u", depth=2048, bound=4096, unit="bytes")) == "u 2K/4K"
