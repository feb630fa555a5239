"""A reason that repeats is said once."""

from swarm_worker.complaint import Complaint

BEHIND = "the worker's clock is {} s behind the core's: set both by NTP"


def test_a_reason_is_said_once() -> None:
    complaint = Complaint()
    assert [complaint.is_news("no route") for _ in range(3)] == [True, False, False]


def test_another_reason_is_said_and_the_first_again_after_it() -> None:
    complaint = Complaint()
    assert [complaint.is_news(why) for why in ("it answers 502", "it answers 503", "it answers 502")] == [True] * 3


def test_a_reason_that_was_gone_is_said_again() -> None:
    complaint = Complaint()
    assert complaint.is_news("no route")
    complaint.gone()
    assert complaint.is_news("no route")


def test_a_clock_read_a_little_later_is_no_other_clock() -> None:
    complaint = Complaint()
    heard = [complaint.is_news(BEHIND.format(seconds)) for seconds in (7200, 7199, 7201, 7200)]
    assert heard == [True, False, False, False]


def test_a_clock_that_was_set_is_another_also_step_by_step() -> None:
    complaint = Complaint()
    heard = [complaint.is_news(BEHIND.format(seconds)) for seconds in (7200, 7196, 7192, 7190, 60)]
    assert heard == [True, False, True, False, True]
