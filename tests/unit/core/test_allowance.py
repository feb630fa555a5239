"""What is left of a project's limits is a plain function of them and of what is used."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_core.allowance import Allowance, Limits, Queue, narrowed, over, queue_full, within
from swarm_core.placement import Shape

GIB = 1 << 30
LAB, MILL, FREE = UUID(int=1), UUID(int=2), UUID(int=3)


@dataclass(frozen=True)
class Job:
    shape: int


def shape(number: int, project: UUID | None, cpu: int = 1000, memory: int = GIB) -> Shape:
    return Shape(number, cpu, memory, 1, {}, project=project)


def allowance(**limits: int) -> Allowance:
    return Allowance(limits=Limits(**limits))


def test_a_claim_asks_for_no_more_than_is_left() -> None:
    shapes = {1: shape(1, LAB), 2: shape(2, MILL), 3: shape(3, FREE), 4: shape(4, None)}
    wanted = {1: 10, 2: 10, 3: 10, 4: 10}
    left = {LAB: allowance(running=3)}
    assert narrowed(wanted, shapes, {LAB, MILL}, left) == {1: 3, 3: 10, 4: 10}, "another core claims for the mill"
    assert narrowed(wanted, shapes, set(), {}) == wanted


def test_shapes_of_a_project_share_what_is_left() -> None:
    shapes = {1: shape(1, LAB), 2: shape(2, LAB, cpu=3000), 3: shape(3, FREE)}
    jobs = [Job(2), Job(1), Job(3), Job(2), Job(1), Job(1)]
    assert within(jobs, shapes, {LAB: allowance(cpu_millis=5000)}) == [Job(2), Job(1), Job(3), Job(1)]
    assert within(jobs, shapes, {}) == jobs


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([1, 2, 3]), max_size=40),
    st.builds(
        Limits,
        running=st.none() | st.integers(0, 9),
        cpu_millis=st.none() | st.integers(0, 9000),
        memory=st.none() | st.integers(0, 9 * GIB),
    ),
)
def test_nothing_exceeds_a_limit(jobs: list[int], limits: Limits) -> None:
    shapes = {1: shape(1, LAB), 2: shape(2, LAB, cpu=2500, memory=GIB // 2), 3: shape(3, LAB, cpu=10, memory=3 * GIB)}
    used = Allowance(limits=limits)
    taken = [shapes[job.shape] for job in within([Job(number) for number in jobs], shapes, {LAB: used})]
    assert limits.running is None or len(taken) <= limits.running
    assert limits.cpu_millis is None or sum(each.cpu_millis for each in taken) <= limits.cpu_millis
    assert limits.memory is None or sum(each.memory for each in taken) <= limits.memory
    for number in set(jobs):
        said = used.used_up(shapes[number])
        assert bool(said) is (used.room(shapes[number], 1) == 0)
        assert said or jobs.count(number) == taken.count(shapes[number]), "what is left out has a reason"


def test_what_is_used_up_is_said_with_its_figures() -> None:
    used = Allowance(
        limits=Limits(running=2, cpu_millis=4000, memory=4 * GIB), running=2, cpu_millis=3500, memory=3 * GIB
    )
    assert used.used_up(shape(1, LAB, memory=2 * GIB)) == [
        "2 of its jobs are on workers, of 2 that may",
        "its jobs have 3.5 of 4 of cpu, and this one demands 1",
        "its jobs have 3G of 4G of memory, and this one demands 2G",
    ]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(running=0), None),
        (Limits(cpu_millis=2000, memory=GIB), None),
        (Limits(cpu_millis=1500), ("cpu_millis", "2 of cpu is more than the 1.5")),
        (Limits(memory=GIB // 2), ("memory", "1G of memory is more than the 512M")),
    ],
)
def test_a_job_that_could_never_run(limits: Limits, said: tuple[str, str] | None) -> None:
    assert limits.forbids(2000, GIB) == said


def test_what_is_over_a_queue_is_refused_alone() -> None:
    queues = {LAB: Queue("lab", 8, 10), MILL: Queue("mill", 12, 10)}
    refused = over([(0, LAB), (1, MILL), (2, LAB), (5, LAB)], queues)
    assert {place: error.code for place, error in refused.items()} == {1: "limit_reached", 5: "limit_reached"}
    assert refused[1].message == "12 jobs of mill wait already, of 10 that may"
    assert queue_full(queues[LAB], 5).message == "8 jobs of lab wait already, of 10 that may: 2 more fit, not 5"
