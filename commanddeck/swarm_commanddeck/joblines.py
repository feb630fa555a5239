"""A job as lines to read: its fields, its history, what was asked for, and the words of its explanation. Pure."""

import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.cells import chop_cells

from swarm_commanddeck.gantt import Line
from swarm_commanddeck.jobfacts import facts, of_attempt, sign_of, step_words, steps
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.jobtext import job_text
from swarm_consumer.models import Attempt, Cause, Explanation, Job
from swarm_protocol.quantities import show_size

_KEY: Final = 12
_COUNTED: Final = 10_000
"""The core counts jobs in the queue up to here."""


def overview(job: Job, width: int, now: datetime, waits_for: str = "") -> Iterator[Line]:
    """Fields, then history."""
    tone = sign_of(job).tone
    for name, value in facts(job, now, waits_for):
        yield from _pair(name, value, width, tone if name in ("state", "failure") else "plain")
    if job.history:
        yield []
        yield [("history", "strong")]
    for change in job.history:
        when, what, why = step_words(change)
        yield [(f"{when}  ", "dim"), (f"{what}  ", "plain"), (why, "dim")]


def _pair(name: str, value: str, width: int, tone: str) -> Iterator[Line]:
    """A field; a long one goes on below itself."""
    parts = textwrap.wrap(value, max(10, width - _KEY - 1), break_on_hyphens=False) or [""]
    yield [(f"{name:<{_KEY}} ", "dim"), (parts[0], tone)]
    for part in parts[1:]:
        yield [(" " * (_KEY + 1), "dim"), (part, tone)]


def spec(job: Job, width: int) -> Iterator[Line]:
    """What was asked for, as a job file; a line that is too long goes on below itself."""
    if job.spec is None:
        return
    yield [("spec, as a job file: R changes it and runs it again", "strong")]
    for line in job_text(job.spec).splitlines():
        key, colon, _ = line.partition(":")
        named = colon and key.replace("_", "").isalnum() and not line[0].isspace()
        first, *more = chop_cells(clean(line), max(10, width)) or [""]
        yield [(f"{key}:", "busy"), (first[len(key) + 1 :], "plain")] if named else [(first, "plain")]
        yield from ([(part, "plain")] for part in more)


def attempt(job: Job, one: Attempt, width: int) -> Iterator[Line]:
    """All of one attempt."""
    sign = of_attempt(one)
    yield [
        (f"attempt {one.attempt} of {len(job.attempts)}  ", "strong"),
        (f"{sign.mark} {clean(sign.word)}", sign.tone),
    ]
    log = "" if one.stdout is None else f"{show_size(one.stdout)} stdout, {show_size(one.stderr or 0)} stderr"
    cut = ", cut at its limit" if one.log_truncated else ""
    told = (
        ("worker", clean(one.worker or "")),
        ("failure", clean(one.failure or "")),
        ("exit code", "" if one.exit_code is None else str(one.exit_code)),
        ("memory", "it was killed for using more memory than it may" if one.oom else ""),
        ("message", clean(one.message or "")),
        ("claimed", moment(one.claimed_at)),
        ("started", moment(one.started_at)),
        ("ended", moment(one.ended_at)),
        ("steps", steps(one.timings)),
        ("log", f"{log}{cut}"),
    )
    for name, value in told:
        if value:
            bad = name in ("failure", "memory")
            yield from _pair(name, value, width, "bad" if bad else "plain")


def explained(found: Explanation, width: int, now: datetime) -> Iterator[Line]:
    """Where a job is, or what it waits for; the workers have a table."""
    if found.text:
        yield from _pair("it", clean(found.text), width, "strong")
    if found.before is not None:
        yield from _pair("before it", _before(found), width, "plain")
    for cause in found.causes:
        yield from _pair("waits for", clean(_cause(cause, now)), width, "warn")
    if found.gives_up_at:
        yield from _pair("gives up", f"{moment(found.gives_up_at)} ({age(found.gives_up_at, now)})", width, "warn")


def _cause(cause: Cause, now: datetime) -> str:
    return f"{cause.text}, {moment(cause.until)} ({age(cause.until, now)})" if cause.until else cause.text


def _before(found: Explanation) -> str:
    if found.before == 0:
        return "no job: it is the next"
    alike = " like it" if found.before_alike == found.before else f", {_counted(found.before_alike)} of them like it"
    return f"{_counted(found.before)} job{'' if found.before == 1 else 's'}{alike}"


def _counted(jobs: int | None) -> str:
    return f"{_COUNTED:,} or more" if (jobs or 0) >= _COUNTED else f"{jobs or 0:,}"
