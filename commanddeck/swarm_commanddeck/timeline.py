"""A job's way from submit to collection as spans of time: what it waited for, and the steps of each attempt. Pure.

Waiting is as the history has it. Within an attempt the worker tells how long each step took and not when it began: they
are put one after another from the claim on, creating ends where the container started, and what is left over shows as
a gap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from swarm_consumer.models import Attempt, Change, Job
from swarm_protocol.states import WAITING

STEPS: Final = ("pull", "load", "create", "run", "collect")
PREPARE: Final = "prepare"
"""Pull, load and create together, where the worker has not told them apart."""
GAP: Final = "gap"
"""Time that belongs to no step: messages on their way, and whatever nobody measured."""
EARLIER: Final = "earlier"
"""Steps that the history no longer has."""
_LEAST: Final = timedelta(milliseconds=5)
"""A shorter gap is none."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time; `end` is None while it goes on."""

    step: str
    begin: datetime
    end: datetime | None
    attempt: int | None = None
    """None: the job waited, with no attempt."""
    note: str = ""

    def seconds(self, now: datetime) -> float:
        """How long it took, or has taken."""
        return max(0.0, ((self.end or now) - self.begin).total_seconds())


def spans_of(job: Job) -> list[Span]:
    """All spans in the order in which they began."""
    found = [*_waits(job), *(span for attempt in job.attempts for span in attempt_spans(job, attempt))]
    return sorted(found, key=lambda span: span.begin)


def _waits(job: Job) -> Iterator[Span]:
    history = job.history
    if not history or job.created_at is None:
        return
    if history[0].from_ is not None:  # the core tells the newest steps alone
        yield Span(EARLIER, job.created_at, history[0].at, note="the history begins later")
    for at, step in enumerate(history):
        if step.to in WAITING:
            end = history[at + 1].at if at + 1 < len(history) else job.ended_at
            yield Span(step.to, step.at, end, note=step.reason or "")


def attempt_spans(job: Job, attempt: Attempt) -> list[Span]:
    """The steps of one attempt, and the gaps between them."""
    begin, end = attempt.claimed_at, attempt.ended_at
    if begin is None:
        return []
    if end is None and job.ended_at is not None:
        end = job.ended_at
    start = _start(attempt, begin, end)
    before = _before_start(attempt, begin, start or end)
    found = [*before, *_from_start(attempt, start, end, _harvesting(job.history, attempt))]
    return [replace(span, attempt=attempt.attempt) for span in found]


def _harvesting(history: Sequence[Change], attempt: Attempt) -> datetime | None:
    """When its outputs began to be brought."""
    return next((step.at for step in history if step.to == "harvesting" and step.attempt == attempt.attempt), None)


def _start(attempt: Attempt, begin: datetime, end: datetime | None) -> datetime | None:
    """When its container started; of one that was over when the core heard of its start, what its end tells."""
    start = attempt.started_at
    if start is None or end is None or attempt.timings.get("run") is None:
        return start
    after = sum(attempt.timings.get(step) or 0.0 for step in STEPS[3:])
    return max(begin, min(start, end - timedelta(seconds=after)))


def _before_start(attempt: Attempt, begin: datetime, until: datetime | None) -> list[Span]:
    told = {step: attempt.timings[step] for step in STEPS[:3] if attempt.timings.get(step) is not None}
    if until is None or not told:
        return [Span(PREPARE, begin, until)] if until is None or until > begin else []
    found, at = [], begin
    for step in ("pull", "load"):
        if step in told:
            span = _placed(step, at, told[step], until)
            found.append(span)
            at = span.end or until
    if "create" in told:
        first = max(at, until - timedelta(seconds=told["create"] or 0.0))
        return [*found, *_gap(at, first), Span("create", first, until)]
    return [*found, *_gap(at, until)]


def _from_start(
    attempt: Attempt, begin: datetime | None, end: datetime | None, harvesting: datetime | None
) -> list[Span]:
    if begin is None:
        return []
    ran, collected = attempt.timings.get("run"), attempt.timings.get("collect")
    if ran is None or end is None:
        return [
            Span("run", begin, harvesting or end),
            *([Span("collect", harvesting, end)] if harvesting is not None else []),
        ]
    run = _placed("run", begin, ran, end)
    at = run.end or end
    if collected is None:
        return [run, *_gap(at, end)]
    collect = _placed("collect", at, collected, end)
    return [run, collect, *_gap(collect.end or end, end)]


def _placed(step: str, at: datetime, seconds: float | None, limit: datetime) -> Span:
    """A step from a moment on; two machines measured, so that it may have to be cut."""
    return Span(step, min(at, limit), min(limit, at + timedelta(seconds=seconds or 0.0)))


def _gap(begin: datetime, end: datetime) -> list[Span]:
    return [Span(GAP, begin, end)] if end - begin >= _LEAST else []
