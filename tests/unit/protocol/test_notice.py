"""Progress, traces, notices and warnings: the words of them."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_protocol import progress, trace
from swarm_protocol.notice import ENDS, MAX_NOTICES, Notice, parse_notice
from swarm_protocol.progress import MAX_TEXT, Said
from swarm_protocol.spec import JobSpec, Timeouts, check, demands, signal_name

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = UUID("4bf92f35-77b3-4da6-a3ce-929d0e0e4736")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"0.42 reads data", Said(0.42, "reads data")),
        (b"  42%  reads\tdata \r", Said(0.42, "reads data")),
        (b"42 % x", Said(0.42, "x")),
        (b"1", Said(1.0, "")),
        (b".5", Said(0.5, "")),
        (b"0", Said(0.0, "")),
        (b"100%", Said(1.0, "")),
        (b"\x1b[31m0.5\x1b[0m \x1b]0;title\x07red \xe2\x80\xaetxt\x00\xff", Said(0.5, "red txt\ufffd")),
        (b"0.5 " + "é".encode() * 300, Said(0.5, "é" * MAX_TEXT)),
        *(
            (nonsense, None)
            for nonsense in (b"half", b"1.5 x", b"-0.1", b"nan", b"inf", b"101%", b"1e-2", b"0.5x", b"0,5")
        ),
        (b"9" * 4000, None),
    ],
)
def test_a_line_of_progress_is_read_leniently(line: bytes, said: Said | None) -> None:
    assert progress.read(line) == said


def test_the_last_line_with_something_in_it_wins() -> None:
    assert progress.last_line(b"0.1 a\n0.2 b\n\n  \n") == b"0.2 b"
    assert progress.last_line(b"0.1 a\r0.2 b") == b"0.2 b"
    assert progress.last_line(b"\n \n") == b""


@given(st.binary(max_size=300))
def test_nothing_that_a_job_writes_harms(data: bytes) -> None:
    said = progress.read(progress.last_line(data))
    if said is not None:
        assert 0 <= said.fraction <= 1
        assert len(said.text) <= MAX_TEXT
        assert said.text.isprintable() or not said.text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        PARENT.upper(),
        PARENT + "-more",
        PARENT[:-1],
        "ff" + PARENT[2:],
        "00-" + "0" * 32 + PARENT[35:],
        PARENT[:36] + "0" * 16 + "-01",
        PARENT + "\n",
    ],
)
def test_what_is_no_traceparent_begins_a_new_trace(text: str | None) -> None:
    assert trace.parse(text) is None


def test_an_attempt_has_a_span_of_its_own_in_the_submitters_trace() -> None:
    origin = trace.parse(PARENT[:-2] + "00")
    assert origin is not None
    assert (origin.trace, origin.rest) == (TRACE, "00f067aa0ba902b7-00")
    made = [trace.of_attempt(TRACE, origin.rest, attempt) for attempt in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    assert {trace.parse(each) and (trace.parse(each) or origin).trace for each in made} == {TRACE}
    assert made[0].endswith("-00"), "who does not record asks nobody to"
    assert trace.of_attempt(TRACE, None, 1).endswith("-01")
    assert trace.parse("01-" + PARENT[3:] + "-later") is not None, "a later version may say more"


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("ops", Notice(hook="ops")),
        ("ops:failed,timed_out", Notice(hook="ops", states=("failed", "timed_out"))),
        ("mail:ben@example.org", Notice(mail="ben@example.org")),
        ("mail:ben+x@ex-ample.org:failed", Notice(mail="ben+x@ex-ample.org", states=("failed",))),
    ],
)
def test_whom_to_tell(text: str, notice: Notice) -> None:
    assert parse_notice(text) == notice


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no name of a webhook"),
        ("Ops", "no name of a webhook"),
        ("https://x", "`swarm webhook add`"),
        ("mail", "no name of a webhook"),
        ("ops:", "'' is no end of a job"),
        ("ops:running", "'running' is no end of a job: it is one of cancelled, failed"),
        ("mail:ben", "no mail address"),
        ("mail:ben@example.org\nBcc: x@y.z", "no mail address"),
        ("mail:a@b..c", "no mail address"),
        (f"mail:{'a' * 250}@b.org", "no mail address"),
    ],
)
def test_whom_to_tell_is_refused_with_a_reason(text: str, said: str) -> None:
    [wrong] = check(JobSpec(image="i", notify=["ops", text]))
    assert wrong.field == "notify[1]"
    assert said in wrong.message


def test_there_is_a_limit_to_whom_a_job_tells() -> None:
    assert [wrong.field for wrong in check(JobSpec(image="i", notify=["ops"] * (MAX_NOTICES + 1)))] == ["notify"]
    assert set(Notice(hook="ops").states) == set(ENDS)


@pytest.mark.parametrize("name", ["SWARM_JOB", "SWARM_ATTEMPT", "SWARM_PROJECT", "SWARM_PROGRESS", "TRACEPARENT"])
def test_a_spec_can_not_say_which_attempt_it_is(name: str) -> None:
    [wrong] = check(JobSpec(image="i", env={name: "x", "SWARM_OTHER": "y"}))
    assert wrong.field == f"env.{name}"


@pytest.mark.parametrize(
    ("limits", "field", "said"),
    [
        (Timeouts(warn=60), "timeouts.warn", "give that too"),
        (Timeouts(run=60, warn=60), "timeouts.warn", "less than the run timeout of 60 seconds"),
        (Timeouts(run=60, warn=0), "timeouts.warn", "more than 0"),
        (Timeouts(run=60, warn=float("nan")), "timeouts.warn", "more than 0"),
        (Timeouts(run=60, warn=1, warn_signal="SIGKILL"), "timeouts.warn_signal", "'SIGKILL' is none"),
        (Timeouts(run=60, warn=1, warn_signal="USR1"), "timeouts.warn_signal", "'USR1' is none"),
    ],
)
def test_a_warning_that_can_not_be_is_refused(limits: Timeouts, field: str, said: str) -> None:
    [wrong] = check(JobSpec(image="i", timeouts=limits))
    assert wrong.field == field
    assert said in wrong.message


def test_a_warned_job_wants_a_worker_that_can() -> None:
    assert demands(JobSpec(image="i", timeouts=Timeouts(run=60, warn=1))) == {"swarm.notice": "1"}
    assert demands(JobSpec(image="i", timeouts=Timeouts(run=60))) == {}
    assert Timeouts(run=60, warn=1).warn_after == 59
    assert [signal_name(text) for text in ("usr1", "SIGUSR1", " Usr1 ")] == ["SIGUSR1"] * 3
