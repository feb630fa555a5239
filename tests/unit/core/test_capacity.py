"""What of a worker is offered to jobs."""

import pytest

from swarm_core.capacity import Limits, changed, limits, offered
from swarm_protocol.errors import SwarmError
from swarm_protocol.messages import Capacity, SysInfo

GIB = 1 << 30
OWN = Capacity(slots=4, cpu_millis=4000, memory=7 * GIB, disk=40 * GIB)
HAS = Limits(memory=8 * GIB, disk=50 * GIB)


def test_its_own_where_nothing_else_is_wanted() -> None:
    assert offered(OWN, {}, HAS, 2) is OWN


def test_cpu_and_slots_may_be_more_than_there_are() -> None:
    wanted = {"slots": 16, "cpu_millis": 32_000}
    found = Capacity(slots=16, cpu_millis=32_000, memory=OWN.memory, disk=OWN.disk)
    assert offered(OWN, wanted, HAS, 2) == found


def test_memory_and_disk_never_are_not_even_when_the_machine_has_shrunk() -> None:
    found = offered(OWN, {"memory": 16 * GIB, "disk": 100 * GIB}, HAS, 2)
    assert (found.memory, found.disk) == (8 * GIB, 50 * GIB)


def test_a_worker_that_cant_be_told_runs_no_more_than_its_own() -> None:
    assert offered(OWN, {"slots": 16}, HAS, 1).slots == 4
    assert offered(OWN, {"slots": 2}, HAS, 1).slots == 2


def test_without_an_engine_it_offers_no_slot() -> None:
    lobby = Capacity(slots=0, cpu_millis=4000, memory=GIB, disk=GIB)
    assert offered(lobby, {"slots": 4}, HAS, 2).slots == 0


def test_a_change_keeps_what_it_does_not_name() -> None:
    assert changed({"slots": 8}, {"memory": GIB}, HAS) == {"slots": 8, "memory": GIB}
    assert changed({"slots": 8, "memory": GIB}, {"slots": None}, HAS) == {"memory": GIB}


@pytest.mark.parametrize(
    ("change", "most", "says"),
    [
        ({"memory": 9 * GIB}, HAS, "memory can't be 9G: the machine has 8G of memory"),
        ({"disk": 51 * GIB}, HAS, "disk can't be 51G: the machine has 50G of disk"),
        ({"memory": GIB}, Limits(), "how much memory the machine has is not known"),
        ({"slots": 0}, HAS, "slots is 0; it may be 1 or more"),
        ({"cpu_millis": -5}, HAS, "cpu_millis is -5"),
        ({"slots": 10_001}, HAS, "10000 at most"),
        ({"gpus": 1}, HAS, "'gpus' is nothing that a worker offers"),
    ],
)
def test_what_can_not_be_wanted(change: dict[str, int | None], most: Limits, says: str) -> None:
    with pytest.raises(SwarmError, match=says) as refused:
        changed({}, change, most)
    assert (refused.value.code, refused.value.field) == ("bad_request", "capacity")
    assert refused.value.hint


def test_a_worker_that_does_not_tell_its_disk_has_what_it_offers() -> None:
    info = SysInfo(hostname="h", os="linux", arch="amd64", cpus=4, memory=8 * GIB, engine="20.10", version="0")
    assert limits(info, OWN) == Limits(memory=8 * GIB, disk=40 * GIB)
