"""Placement is a pure function of shapes and rooms."""

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from swarm_core.offers import NOTHING, Offers
from swarm_core.placement import Room, Shape, nearest, place, reasons, wants
from swarm_protocol.messages import Capacity
from swarm_protocol.needs import Needs
from swarm_protocol.spec import NEWER_DATA

GIB = 1 << 30


def shape(number: int = 1, cpu: int = 1000, memory: int = GIB, disk: int = GIB, **labels: str) -> Shape:
    return Shape(number, cpu, memory, disk, labels)


def room(number: int, slots: int = 4, cpu: int = 4000, load: float = 0.0, **labels: str) -> Room:
    return Room(UUID(int=number), 4, slots, cpu, 8 * GIB, 8 * GIB, labels, load)


def test_jobs_spread_over_the_emptiest_workers() -> None:
    placed = place([(job, shape()) for job in range(4)], [room(1), room(2)])
    assert sorted(worker.int for _, worker in placed) == [1, 1, 2, 2]


def test_of_two_equally_full_workers_the_less_loaded_one_goes_first() -> None:
    assert place([(1, shape())], [room(1, load=2.0), room(2, load=0.1)]) == [(1, UUID(int=2))]


def test_a_constraint_is_met_or_the_job_is_left_out() -> None:
    rooms = [room(1), room(2, gpu="a100")]
    assert place([(1, shape(gpu="a100"))], rooms) == [(1, UUID(int=2))]
    assert place([(2, shape(gpu="h100"))], rooms) == []


def test_shapes_share_the_same_room() -> None:
    wide, small = shape(1, cpu=3000), shape(2, cpu=1000)
    placed = place([(1, wide), (2, small), (3, small)], [room(1)])
    assert [job for job, _ in placed] == [1, 2]


def test_claims_ask_for_what_fits_and_no_more() -> None:
    assert wants([room(1), room(2, slots=1)], [shape(7)], most=100) == {7: 5}
    assert wants([room(1)], [shape(7)], most=3) == {7: 3}
    assert wants([room(1)], [shape(7, memory=99 * GIB)], most=3) == {}


def test_shapes_of_different_projects_that_demand_the_same_share_what_was_found() -> None:
    alike = replace(shape(8), first=7)
    assert wants([room(1), room(2, slots=1)], [shape(7), alike, shape(9)], most=100) == {7: 5, 8: 5, 9: 5}
    placed = place([(1, shape(7)), (2, alike), (3, shape(7)), (4, alike)], [room(1, slots=1), room(2, slots=2)])
    assert sorted(job for job, _ in placed) == [1, 2, 3]


def test_the_nearest_worker_is_named_with_what_it_lacks() -> None:
    said = nearest(shape(memory=64 * GIB), [("small", room(1)), ("other", room(2, cpu=100))])
    assert said == "small comes nearest: it has 8G of memory, not 64G"
    assert nearest(shape(), [("small", room(1))]) is None
    assert nearest(shape(), []) is None


def test_a_worker_that_takes_nothing_now_fits_nothing_and_says_why() -> None:
    closed = replace(room(1), closed="it is being drained")
    assert closed.fits(shape()) == 0
    assert nearest(shape(), [("small", closed)]) == "small comes nearest: it is being drained"
    assert nearest(shape(), [("small", closed), ("other", room(2))]) is None
    engineless = replace(room(1, 0), closed="its container engine does not answer")
    assert [reason.text for reason in reasons(shape(), engineless)] == [engineless.closed]


shapes = st.builds(
    shape,
    st.integers(1, 4),
    st.integers(100, 5000),
    st.integers(GIB // 4, 9 * GIB),
    gpu=st.sampled_from(["a", "b"]),
)


@given(
    st.lists(shapes, max_size=30),
    st.lists(
        st.builds(room, st.integers(1, 9), st.integers(0, 4), st.integers(0, 8000), gpu=st.sampled_from(["a", "b"])),
        max_size=6,
        unique_by=lambda r: r.worker,
    ),
)
def test_no_worker_gets_more_than_it_has(jobs: list[Shape], rooms: list[Room]) -> None:
    by_id = {number: wanted for number, wanted in enumerate(jobs)}
    # A shape's id stands for its demands: give each distinct demand its own.
    wanted = {n: Shape(n, s.cpu_millis, s.memory, s.disk, s.constraints) for n, s in by_id.items()}
    labels = {r.worker: r.labels for r in rooms}
    placed = place(list(wanted.items()), rooms)
    assert len({job for job, _ in placed}) == len(placed)
    for left in rooms:
        assert min(left.slots, left.cpu_millis, left.memory, left.disk) >= 0
    for job, worker in placed:
        assert labels[worker].items() >= wanted[job].constraints.items()


NEEDS = (None, Needs(mounts=("data",)), Needs(gpus=2), Needs(gpus=1, gpu_kind="t4"), Needs(network="egress"))
OFFERS = (NOTHING, Offers(frozenset({"data"}), frozenset({"egress"}), {"t4": 2}, 1), Offers(gpus={"a100": 3}))


@given(
    st.builds(
        lambda made, needs: replace(made, needs=needs),
        st.builds(
            shape,
            cpu=st.integers(1, 5000),
            memory=st.integers(1, 9 * GIB),
            disk=st.integers(1, 9 * GIB),
            gpu=st.sampled_from(["a", "b"]),
        ),
        st.sampled_from(NEEDS),
    ),
    st.builds(
        lambda made, closed, memory, disk, offers: replace(
            made, closed=closed, memory=memory, disk=disk, offers=offers
        ),
        st.builds(room, st.just(1), st.integers(-1, 4), st.integers(-10, 8000), gpu=st.sampled_from(["a", "c"])),
        st.sampled_from(["", "it is being drained"]),
        st.integers(-10, 9 * GIB),
        st.integers(-10, 9 * GIB),
        st.sampled_from(OFFERS),
    ),
)
def test_a_worker_has_room_exactly_where_nothing_speaks_against_it(wanted: Shape, has: Room) -> None:
    found = reasons(wanted, has)
    assert (has.fits(wanted) > 0) is (found == [])
    assert bool(place([(1, wanted)], [replace(has)])) is (found == [])
    assert all(reason.text and reason.distance >= 0 for reason in found)


def test_each_reason_says_what_is_demanded_and_what_there_is() -> None:
    whole = Capacity(slots=4, cpu_millis=4000, memory=4 * GIB, disk=8 * GIB)
    has = Room(UUID(int=1), 4, 0, 500, 3 * GIB, 8 * GIB, {"zone": "a"}, closed="it is being drained", whole=whole)
    wanted = replace(shape(memory=8 * GIB), constraints={"gpu": "a100", "zone": "b", **NEWER_DATA})
    assert [(reason.kind, reason.text) for reason in reasons(wanted, has)] == [
        ("closed", "it is being drained"),
        ("slots", "its 4 slots are all in use"),
        ("cpu", "it has 0.5 of 4 of cpu free, not 1"),
        ("memory", "it has 4G of memory, not 8G"),
        ("label", "it has no label gpu=a100"),
        ("label", "its label zone is a, not b"),
        ("version", "its version is too old for what the job uses; upgrade it"),
    ]
