"""Schedules and their occurrences as rows of tables and lines of text. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from swarm_commanddeck.columns import Cell, Column
from swarm_commanddeck.signs import Sign, of_job
from swarm_consumer.cli.text import age, moment
from swarm_consumer.models import Occurrence, Preview, RecentOccurrences, ScheduleState
from swarm_protocol.cron import BadExpression
from swarm_protocol.cron_words import words
from swarm_protocol.quantities import show_seconds
from swarm_protocol.schedule import Missed

LATE: Final = 60.0
"""Seconds from which on a start is late; a core that was just restarted has missed nothing."""
RESULTS: Final = {
    "ran": Sign("✓", "ran", "good"),
    "manual": Sign("▸", "run by hand", "good"),
    "overlap": Sign("↷", "skipped", "warn"),
    "missed": Sign("✗", "missed", "bad"),
    "paused": Sign("‖", "paused", "dim"),
    "failed": Sign("!", "failed to start", "bad"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule, looked at at a moment."""

    schedule: ScheduleState
    now: datetime

    @property
    def id(self) -> int:
        return self.schedule.id


@dataclass(frozen=True, slots=True)
class Past:
    """An occurrence, looked at at a moment."""

    occurrence: Occurrence
    now: datetime


def in_words(cron: str) -> str:
    """An expression in words; itself, where a newer core takes what this program can't read."""
    try:
        return words(cron)
    except BadExpression:
        return cron


def standing(schedule: ScheduleState) -> Sign:
    """Whether it goes on, and how."""
    if schedule.paused_at is not None:
        return Sign("‖", "paused", "warn")
    if schedule.due_at is None:
        return Sign("·", "ended", "dim")
    return Sign("!", "late", "bad") if schedule.late > LATE else Sign("○", "on", "good")


def next_run(row: Row) -> Cell:
    """When it is due next."""
    sign = standing(row.schedule)
    if sign.word == "on":
        return age(row.schedule.due_at, row.now), ""
    if sign.word == "late":
        return f"! late {_minutes(row.schedule.late)}", "bad"
    return f"{sign.mark} {sign.word}", sign.tone


def _minutes(late: float) -> str:
    return show_seconds(late // 60 * 60 if late < 6000 else late // 3600 * 3600)


def last_run(row: Row) -> Cell:
    """What became of its last occurrence, and when."""
    last = row.schedule.last
    if last is None:
        return "", "dim"
    sign = RESULTS.get(last.result, Sign("?", last.result, "plain"))
    if last.job is not None and last.state:
        sign = of_job(last.state)
    return f"{sign.mark} {sign.word} {age(last.due_at, row.now).removesuffix(' ago')}", sign.tone


def not_run(recent: RecentOccurrences) -> Cell:
    """Occurrences of seven days that did not run: those that a core was not there for, and those that were skipped."""
    counts = {"missed": recent.missed, "skipped": recent.overlap, "failed": recent.failed}
    told = " ".join(f"{count} {what}" for what, count in counts.items() if count)
    least = "≥ " if recent.more and told else ""
    return least + told, "bad" if recent.missed or recent.failed else "warn"


COLUMNS: Final[Sequence[Column[Row]]] = (
    Column("state", "", 1, lambda row: (standing(row.schedule).mark, standing(row.schedule).tone)),
    Column("name", "name", 14, lambda row: (row.schedule.definition.name, "strong"), grow=3),
    Column("cron", "cron", 13, lambda row: (row.schedule.definition.cron, ""), grow=1),
    Column("next", "next", 10, next_run),
    Column("last", "last", 16, last_run, grow=1),
    Column("not_run", "not run, 7 days", 18, lambda row: not_run(row.schedule.recent)),
    Column("zone", "zone", 16, lambda row: (row.schedule.definition.zone, "dim"), need=96),
    Column("words", "in words", 24, lambda row: (in_words(row.schedule.definition.cron), "dim"), grow=4, need=130),
    Column("image", "image", 14, lambda row: (row.schedule.definition.job.image, "dim"), grow=1, need=150),
)


def _span(row: Past) -> Cell:
    each = row.occurrence
    if each.until == each.due_at:
        return moment(each.due_at), ""
    return f"{each.due_at.astimezone():%m-%d %H:%M} to {each.until.astimezone():%m-%d}", ""


def _result(row: Past) -> Cell:
    each = row.occurrence
    sign = RESULTS.get(each.result, Sign("?", each.result, "plain"))
    many = "" if each.count == 1 else f" ×{each.count}" if each.count else " many"
    return f"{sign.mark} {sign.word}{many}", sign.tone


def _outcome(row: Past) -> Cell:
    each = row.occurrence
    if each.job is None:
        return "", ""
    sign = of_job(each.state) if each.state else Sign("·", "removed", "dim")
    return f"{each.job} {sign.mark} {sign.word}", sign.tone


def _late(row: Past) -> Cell:
    """By how much it was decided on after it was due."""
    each = row.occurrence
    late = (each.at - each.due_at).total_seconds() if each.at and each.job else 0.0
    return (f"+{show_seconds(round(late))}", "warn" if late > LATE else "dim") if late >= 1 else ("", "")


HISTORY: Final[Sequence[Column[Past]]] = (
    Column("due", "due", 20, _span),
    Column("result", "became", 17, _result),
    Column("job", "job", 17, _outcome),
    Column("late", "after", 6, _late, right=True),
    Column("reason", "why", 10, lambda row: (row.occurrence.reason, "dim"), grow=3),
)


def summary(schedules: Iterable[ScheduleState]) -> str:
    """One line over all of them."""
    found = list(schedules)
    signs = [standing(each).word for each in found]
    parts = [f"{len(found)} schedules" if len(found) != 1 else "1 schedule"]
    parts += [f"{signs.count(word)} {word}" for word in ("paused", "late", "ended") if word in signs]
    troubled = sum(1 for each in found if each.recent.missed or each.recent.overlap or each.recent.failed)
    if troubled:
        parts.append(f"{troubled} with runs of 7 days that were missed or skipped")
    return ", ".join(parts)


def facts(schedule: ScheduleState, now: datetime) -> list[tuple[str, str, str]]:
    """(name, text, tone) of what there is to say of a schedule in a few lines."""
    own, sign = schedule.definition, standing(schedule)
    row = Row(schedule, now)
    due = f"{moment(schedule.due_at)} here, {age(schedule.due_at, now)}" if schedule.due_at else "not due any more"
    paused = f"‖ paused {age(schedule.paused_at, now)} by {person(schedule.paused_by)}" if schedule.paused_at else ""
    late = f"! late by {show_seconds(round(schedule.late))}: no core has come to it" if sign.word == "late" else ""
    recent, tone = not_run(schedule.recent)
    lines = [
        ("when", f"{in_words(own.cron)}, {own.zone}", "strong"),
        ("next", paused or late or due, sign.tone if paused or late else ""),
        ("last", _last(row), last_run(row)[1]),
        ("not run", f"{recent} in seven days" if recent else "nothing in seven days", tone if recent else "dim"),
        ("rules", rules(schedule), "dim"),
        (
            "changed",
            f"{age(schedule.changed_at, now)} by {person(schedule.changed_by)}, version {schedule.version}",
            "dim",
        ),
    ]
    return lines


def person(actor: str) -> str:
    """Who did something, by name alone where it was somebody."""
    return actor.removeprefix("user:")


def _last(row: Row) -> str:
    last = row.schedule.last
    if last is None:
        return "never"
    what = f"job {last.job}" if last.job is not None else last.reason
    return f"{last_run(row)[0]} ago, {what}"


def runs(preview: Preview, now: datetime) -> list[str]:
    """The next runs, a line each: as the clock shows them in the zone, and here where that is another time."""
    lines = []
    for item in preview.items:
        day, clock = item.local[:10], item.local[11:16]
        here = f"{item.due_at.astimezone():%Y-%m-%d %H:%M}"
        other = "" if here == f"{day} {clock}" else f", {here.removeprefix(f'{day} ').removeprefix(day[:5])} here"
        lines.append(f"{day} {clock}{other}, {age(item.due_at, now)}")
    return lines or ["not due any more"]


def rules(schedule: ScheduleState) -> str:
    """What happens when it can't run as it is due, and its bounds."""
    own = schedule.definition
    parts = [f"overlap {own.overlap}", f"missed {own.missed}"]
    if own.missed is Missed.ALL:
        parts[-1] += f" (at most {own.missed_cap})"
    parts.append(f"none older than {show_seconds(own.missed_window)}")
    if own.jitter:
        parts.append(f"jitter up to {show_seconds(own.jitter)}")
    parts += [f"{name} {value}" for name, value in (("from", own.start), ("until", own.end)) if value]
    return ", ".join(parts)
