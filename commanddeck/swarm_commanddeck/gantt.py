"""Spans as bars of text, one above the other on one scale, for any width. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from swarm_commanddeck.columns import fit
from swarm_commanddeck.jobfacts import of_attempt
from swarm_commanddeck.timeline import EARLIER, GAP, PREPARE, Span, spans_of
from swarm_consumer.cli.text import clean
from swarm_consumer.models import Attempt, Job
from swarm_protocol.quantities import show_seconds

Line = list[tuple[str, str]]
"""Pieces of text with their tones (`signs.TONES`)."""

WAIT: Final = "░"
WORK: Final = "█"
LOOSE: Final = "·"
GOES_ON: Final = "▶"
_LABEL: Final = 13
_WIDE_LABEL: Final = 20
_TIME: Final = 9
_NARROWEST: Final = 10
_TONES: Final = {
    "run": "good",
    "pull": "busy",
    "load": "busy",
    "create": "busy",
    PREPARE: "busy",
    "collect": "busy",
    "held": "warn",
    "blocked": "warn",
    GAP: "dim",
    EARLIER: "dim",
}
_FILLS: Final = {GAP: LOOSE, EARLIER: LOOSE, "queued": WAIT, "sleeping": WAIT, "held": WAIT, "blocked": WAIT}


@dataclass(frozen=True, slots=True)
class Scale:
    """Time onto cells."""

    begin: datetime
    end: datetime
    width: int

    def bar(self, span: Span, now: datetime) -> str:
        """A span as a bar in exactly `width` cells; what lies outside is cut, what is short is still there."""
        whole = max((self.end - self.begin).total_seconds(), 1e-6)
        first = (span.begin - self.begin).total_seconds() / whole * self.width
        last = ((span.end or now) - self.begin).total_seconds() / whole * self.width
        if last < 0 or first > self.width:
            return " " * self.width
        left = max(0, min(self.width - 1, int(first)))
        right = max(left + 1, min(self.width, ceil(last - 1e-6)))
        fill = _FILLS.get(span.step, WORK) * (right - left)
        if span.end is None:
            fill = fill[:-1] + GOES_ON
        return (" " * left + fill).ljust(self.width)


def gantt(job: Job, width: int, now: datetime, *, attempt: int | None = None) -> list[Line]:
    """The job's timeline in lines of a width; with `attempt`, that one alone and on its own scale."""
    spans = spans_of(job)
    if attempt is not None:
        spans = [span for span in spans if span.attempt == attempt]
    if job.created_at is None or not spans:
        return [[("nothing is known of its time yet", "dim")]]
    label = _WIDE_LABEL if width >= 110 else _LABEL
    begin = job.created_at if attempt is None else spans[0].begin
    end = max(begin + timedelta(milliseconds=1), *((span.end or now) for span in spans))
    scale = Scale(begin, end, max(_NARROWEST, width - label - _TIME - 2))
    lines = [_axis(scale, label)]
    if attempt is None:
        lines.append(_line("submitted", "◆".ljust(scale.width), "", label, "strong"))
    lines += _rows(job, spans, scale, now, label)
    lines.append(_line("in all", "─" * scale.width, show_seconds((end - begin).total_seconds()), label, "strong"))
    return lines


def _rows(job: Job, spans: Sequence[Span], scale: Scale, now: datetime, label: int) -> Iterator[Line]:
    attempts = {each.attempt: each for each in job.attempts}
    shown: int | None = None
    for span in sorted(spans, key=lambda span: (_row_time(job, attempts, span), span.begin)):
        if span.attempt is not None and span.attempt != shown:
            yield _heading(attempts[span.attempt])
        shown = span.attempt
        indent = "  " if span.attempt is not None else ""
        name = f"{indent}{span.step.replace('_', ' ')}"
        yield _line(name, scale.bar(span, now), show_seconds(span.seconds(now)), label, _tone(span, attempts))


def _row_time(job: Job, attempts: dict[int, Attempt], span: Span) -> datetime:
    """The steps of an attempt stay together, whatever else begins meanwhile."""
    begun = attempts[span.attempt].claimed_at if span.attempt is not None else None
    return begun or span.begin


def _tone(span: Span, attempts: dict[int, Attempt]) -> str:
    if span.step == "run" and span.attempt is not None and attempts[span.attempt].failure:
        return "bad"
    return _TONES.get(span.step, "idle")


def _heading(attempt: Attempt) -> Line:
    sign = of_attempt(attempt)
    where = f" on {clean(attempt.worker)}" if attempt.worker else ""
    return [(f"attempt {attempt.attempt}{where}  ", "strong"), (f"{sign.mark} {clean(sign.word)}", sign.tone)]


def _line(name: str, bar: str, time: str, label: int, tone: str) -> Line:
    return [(f"{fit(name, label)} ", "plain"), (bar, tone), (f" {fit(time, _TIME, right=True)}", "plain")]


def _axis(scale: Scale, label: int) -> Line:
    begin, end = _clock(scale.begin, scale.begin), _clock(scale.end, scale.begin)
    gap = scale.width - len(begin) - len(end)
    return [(" " * (label + 1) + begin + " " * max(1, gap) + end, "dim")]


def _clock(moment: datetime, other: datetime) -> str:
    """The time of day; with its date where that is another."""
    here, there = moment.astimezone(), other.astimezone()
    return here.strftime("%H:%M:%S" if here.date() == there.date() else "%m-%d %H:%M:%S")


def legend() -> Line:
    """What the bars mean, without their colours."""
    return [(f"{WAIT} waits  {WORK} works  {LOOSE} between steps  {GOES_ON} goes on", "dim")]
