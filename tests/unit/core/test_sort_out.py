"""Which reports of a batch are written together."""

from uuid import UUID

from swarm_core.harvester import Report, sort_out
from swarm_protocol import messages as m

W, OTHER = UUID(int=1), UUID(int=2)
ONE = m.Ref(1, 1)


def end(ref: m.Ref) -> m.Finished:
    return m.Finished(ref=ref, result="succeeded")


def test_a_start_with_its_end_is_no_step_of_its_own() -> None:
    found = sort_out([Report(W, m.Started(ref=ONE)), Report(W, end(ONE)), Report(W, m.Started(ref=m.Ref(2, 1)))])
    assert found.ran == {(1, 1, W)}
    assert found.starts == [(2, 1, W)]
    assert found.ends == [(W, end(ONE))]


def test_with_outputs_between_them_each_is_written() -> None:
    found = sort_out([Report(W, m.Started(ref=ONE)), Report(W, m.Harvesting(ref=ONE)), Report(W, end(ONE))])
    assert (found.ran, found.starts, found.harvests) == (set(), [(1, 1, W)], [(1, 1, W)])


def test_the_end_of_another_worker_or_attempt_does_not_stand_for_a_start() -> None:
    for other in (Report(OTHER, end(ONE)), Report(W, end(m.Ref(1, 2)))):
        assert sort_out([Report(W, m.Started(ref=ONE)), other]).starts == [(1, 1, W)]
