"""Workers as rows: their cells, the filter, the orders."""

from dataclasses import replace
from typing import Any

import pytest

from swarm_commanddeck.machines import COLUMNS, Machine, briefly, fits, machine_of, moved, summary, with_now
from swarm_commanddeck.worker_filter import natural, next_order, ordered, parse
from swarm_consumer.models import Heartbeat, Worker
from swarm_consumer.worker_models import WorkerNow

GIB = 1 << 30


def worker(name: str = "rack-7", **changes: Any) -> Worker:
    given: dict[str, Any] = {
        "id": name,
        "name": name,
        "state": "working",
        "labels": {"gpu": "a100"},
        "capacity": {"slots": 8},
        "free": {"slots": 5},
        "load": {"load1": 0.5, "memory_free": 4 * GIB, "disk_free": 95 * GIB},
        "heartbeat": Heartbeat(age=0.4, loss=0.0, jitter=0.001, clock_offset=0.01),
        "running": 3,
        "sysinfo": {"memory": 16 * GIB, "disk": 100 * GIB, "engine": "24.0.7", "hostname": "node-7.lab"},
        "status": {"image_count": 3, "image_bytes": 2 * GIB},
    }
    return Worker(**(given | changes))


def cells(machine: Machine) -> dict[str, tuple[str, str]]:
    return {column.name: column.cell(machine) for column in COLUMNS}


def test_the_cells_of_a_worker_that_is_well() -> None:
    assert cells(machine_of(worker())) == {
        "state": ("● working", "busy"),
        "name": ("rack-7", "strong"),
        "slots": ("3/8", "busy"),
        "load": ("0.50", ""),
        "memory": ("75%", ""),
        "disk": ("5%", ""),
        "beat": ("0.4s", ""),
        "clock": ("right", "dim"),
        "engine": ("24.0.7", "dim"),
        "images": ("3 2G", "dim"),
        "labels": ("gpu=a100", "dim"),
    }


@pytest.mark.parametrize(
    ("changes", "column", "cell"),
    [
        ({"load": {"load1": 1.25}}, "load", ("1.25!", "warn")),
        ({"load": {"memory_free": GIB}}, "memory", ("94%!", "warn")),
        ({"load": {"disk_free": 5 * GIB}}, "disk", ("95%!", "warn")),
        ({"load": {}}, "memory", ("-", "dim")),
        ({"heartbeat": Heartbeat(age=41.0, loss=0.68)}, "beat", ("41s -68%!", "warn")),
        ({"heartbeat": Heartbeat(age=0.5, loss=0.02)}, "beat", ("0.5s -2%", "")),
        ({"heartbeat": Heartbeat()}, "beat", ("no udp!", "warn")),
        ({"heartbeat": Heartbeat(clock_offset=-75.4)}, "clock", ("-1m15s!", "warn")),
        ({"heartbeat": Heartbeat(clock_offset=0.25)}, "clock", ("+250ms", "")),
        ({"sysinfo": {}}, "engine", ("none!", "warn")),
        ({"load": None}, "beat", ("-", "dim")),
        ({"load": None}, "slots", ("-/8", "dim")),
        ({"load": None, "capacity": {}}, "slots", ("-", "dim")),
        ({"status": None}, "images", ("-", "dim")),
    ],
)
def test_what_is_out_of_bounds_has_a_sign_and_what_is_not_known_a_dash(
    changes: dict[str, Any], column: str, cell: tuple[str, str]
) -> None:
    assert cells(machine_of(worker(**changes)))[column] == cell


def test_numbers_and_events_change_a_row() -> None:
    machine = machine_of(worker())
    now = WorkerNow(id="rack-7", state="waiting", running=1, slots=4, load1=2.0)
    newer = with_now(machine, now)
    assert (newer.state, newer.load, newer.running, newer.slots) == ("waiting", 2.0, 1, 4)
    paused = with_now(moved(machine, "paused"), now)
    assert (paused.state, paused.load) == ("paused", 2.0), "an event is newer than a number"
    assert (with_now(machine, None).now, with_now(machine, None).running) == (None, 3)
    assert (moved(machine, "draining").state, moved(machine, "draining").now) == ("draining", machine.now)
    assert moved(machine, "dead").now is None


def test_a_line_sums_up_and_fits_where_there_is_little_room() -> None:
    found = [machine_of(worker(str(n), state=state)) for n, state in enumerate(["waiting", "dead", "waiting", "odd"])]
    line = summary([*found, replace(found[0], now=None)])
    assert line == [
        ("○ 3 waiting", "good"), ("✗ 1 dead", "bad"), ("? 1 odd", "plain"), ("12/32 slots", "plain")
    ]  # fmt: skip
    assert fits(line, 43)
    assert not fits(line, 42)
    assert [text for text, _ in briefly(line)] == ["○ 3", "✗ 1", "? 1", "12/32 slots"]
    assert summary([]) == [("no workers yet", "dim")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["a1", "b", "c"]),
        ("state:work", ["a1"]),
        ("state:waiting,dead", ["b", "c"]),
        ("label:gpu", ["a1", "b"]),
        ("label:gpu=t4", ["b"]),
        ("engine:24", ["a1", "b"]),
        ("name:A", ["a1"]),
        ("NODE-7", ["a1", "b", "c"]),
        ("gpu=t4", ["b"]),
        ("load>1", ["b"]),
        ("load<1 memory>70%", ["a1"]),
        ("running>0 loss<5", ["a1", "b"]),
        ("core:c0", ["c"]),
    ],
)
def test_a_filter(text: str, names: list[str]) -> None:
    machines = [
        machine_of(worker("a1")),
        machine_of(worker("b", state="waiting", labels={"gpu": "t4"}, load={"load1": 2.0})),
        machine_of(
            worker("c", state="dead", labels={}, load=None, running=0, core="c0", sysinfo={"hostname": "node-7.lab"})
        ),
    ]
    test = parse(text)
    assert [machine.name for machine in machines if test(machine)] == names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour:red", "colour: is no key; there are state:, label:"),
        ("state:asleep", "asleep is no state; there are initializing"),
        ("state:", "nothing is no state"),
        ("height>3", "height is no number of a worker; there are load"),
    ],
)
def test_a_filter_that_can_not_be_read_says_what_it_could_be(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


def test_orders_have_those_of_whom_it_is_not_known_at_the_end() -> None:
    low, high = machine_of(worker("low")), machine_of(worker("high", load={"load1": 3.0}))
    away = machine_of(worker("away", load=None, state="dead"))
    assert [m.name for m in ordered([high, away, low], "load", down=True)] == ["high", "low", "away"]
    assert [m.name for m in ordered([high, away, low], "load", down=False)] == ["low", "high", "away"]
    assert [m.name for m in ordered([high, away, low], "state", down=False)] == ["away", "high", "low"]
    assert sorted(["rack-10", "rack-2", "rack", "9"], key=natural) == ["9", "rack", "rack-2", "rack-10"]


def test_the_next_order_is_one_of_those_that_are_shown() -> None:
    assert next_order("name", ["state", "name", "load"]) == "state"
    assert next_order("load", ["state", "name", "load"]) == "name"
    assert next_order("clock", ["state", "name"]) == "name"
