"""Which index a list of jobs is read from."""

import pytest

from swarm_core.store.job_lists import ORDERS, RECENT, Filters, source
from swarm_protocol.states import TERMINAL, WAITING, JobState


@pytest.mark.parametrize(
    ("filters", "statement", "exact"),
    [
        (Filters(), "recent", True),
        (Filters(tags=("a",)), "recent", False),
        (Filters(states=("succeeded",)), "recent", False),
        (Filters(states=("failed", "running")), "recent", False),
        (Filters(name="train"), "recent_named", True),
        (Filters(name="train", users=("ana",)), "recent_named", False),
        (Filters(users=("ana",)), "recent_of_person", True),
        (Filters(users=("ana",), states=("failed",)), "recent_of_person", False),
        (Filters(users=("ana", "ben")), "recent", False),
        (Filters(states=("failed", "timed_out", "cancelled")), "recent_unsuccessful", False),
        (Filters(failures=("oom_killed",)), "recent_unsuccessful", False),
        (Filters(states=("running",)), "recent_on_workers", False),
        (Filters(states=("running", "held")), "recent_unfinished", False),
        (Filters(states=tuple(WAITING)), "recent_unfinished", False),
        (Filters(states=tuple(set(JobState) - TERMINAL)), "recent_unfinished", False),
    ],
)
def test_the_index_is_the_narrowest_that_holds_all_that_fits(filters: Filters, statement: str, exact: bool) -> None:
    found = source(RECENT, filters, 1)
    assert (found.statement, found.exact) == (statement, exact)


def test_other_orders_have_an_index_each_whatever_the_filter() -> None:
    assert source(ORDERS["created"], Filters(name="a"), 1).statement == "oldest_named"
    assert source(ORDERS["-ended"], Filters(name="a"), 1) == ("last_ended", None, False)
    assert source(ORDERS["-priority"], Filters(), 3) == ("foremost", None, True)


def test_the_jobs_of_many_projects_are_picked_out_of_all() -> None:
    assert source(RECENT, Filters(), 8).exact
    assert source(RECENT, Filters(), 9) == ("recent_of_all", None, False)
    assert source(RECENT, Filters(name="a"), 9).statement == "recent_named"
