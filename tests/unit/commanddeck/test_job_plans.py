"""What an action on jobs will do and what came of it, in words."""

from typing import Any

import pytest

from swarm_commanddeck.job_plans import Verb, failures, plan, told
from swarm_consumer.models import Cancelled, Job
from swarm_protocol.errors import SwarmError
from swarm_protocol.states import JobState

RUNNING = Job(id=1042, state=JobState.RUNNING, name="train", worker="rack-7", image="lab:1")
QUEUED = Job(id=1043, state=JobState.QUEUED, image="lab:1", priority=3)
FAILED = Job(id=1044, state=JobState.FAILED, name="other")
HELD = Job(id=1045, state=JobState.HELD, name="held")


@pytest.mark.parametrize(
    ("verb", "title", "lines"),
    [
        (
            "cancel",
            "Cancel 3 jobs?",
            [
                "1042 train: is stopped on rack-7; that can't be undone",
                "1043 lab:1: never runs (queued); that can't be undone",
                "1045 held: never runs (held); that can't be undone",
                "1 job is left as it is: ended already",
            ],
        ),
        (
            "retry",
            "Retry 2 jobs?",
            [
                "1044 other: runs again as a new job (failed)",
                "1045 held: goes back into the queue",
                "2 jobs are left as they are: not ended yet",
            ],
        ),
        (
            "update",
            "Change 3 jobs?",
            [
                "1042 train: running, priority 0 now",
                "1043 lab:1: queued, priority 3 now",
                "1045 held: held, priority 0 now",
                "1 job is left as it is: ended already",
            ],
        ),
        (
            "remove",
            "Delete 1 job?",
            [
                "1044 other: failed; its log and files go with it",
                "3 jobs are left as they are: not ended yet; cancel first",
            ],
        ),
    ],
)
def test_a_question_names_what_will_happen(verb: Verb, title: str, lines: list[str]) -> None:
    found = plan(verb, [RUNNING, QUEUED, FAILED, HELD])
    assert (found.title, found.lines) == (title, lines)
    assert found.button == title[:-1]


def test_of_very_many_it_names_some_and_counts_the_others() -> None:
    jobs = [Job(id=number, state=JobState.QUEUED) for number in range(1, 1243)]
    found = plan("cancel", jobs)
    assert (found.title, len(found.lines), found.lines[-1]) == ("Cancel 1,242 jobs?", 41, "… and 1,202 more")
    assert found.ids == list(range(1, 1243))


def ok(job: int, cancelling: bool = False) -> Cancelled:
    return Cancelled(id=job, state=JobState.RUNNING, cancelling=cancelling)


@pytest.mark.parametrize(
    ("verb", "results", "sentence"),
    [
        ("cancel", {1: ok(1), 2: ok(2, True)}, "cancelled 2 jobs, 1 still being stopped"),
        ("retry", {1: 9}, "retried 1 job as 9"),
        ("retry", {1: 9, 2: 10}, "retried 2 jobs"),
        ("remove", {1: None, 2: SwarmError("not_ended", "job 2 is running")}, "deleted 1 job; 1 failed"),
    ],
)
def test_what_came_of_it_is_one_sentence(verb: Verb, results: dict[int, Any], sentence: str) -> None:
    assert told(verb, results) == sentence


def test_what_went_wrong_is_told_for_each_job() -> None:
    wrong = SwarmError("already_ended", "job 2 has already ended: failed", hint="see `swarm show 2`")
    assert failures({1: None, 2: wrong, 3: SwarmError("not_found", "there is no job 3")}) == [
        "2: job 2 has already ended: failed (see `swarm show 2`)",
        "3: there is no job 3",
    ]
