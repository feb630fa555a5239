"""The form of a schedule: texts in fields to a definition and back, and what two people changed at once. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from swarm_consumer.draft import Draft
from swarm_consumer.jobfile import parse
from swarm_consumer.jobtext import job_text
from swarm_consumer.located import FileSyntaxError
from swarm_consumer.times import start_time
from swarm_protocol.cron import BadExpression
from swarm_protocol.cron_words import words
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import QuantityError, seconds, written_seconds
from swarm_protocol.schedule import Edit, Missed, Overlap, Schedule
from swarm_protocol.spec import JobSpec

FIELDS: Final = (
    "name", "cron", "zone", "overlap", "missed", "missed_cap", "missed_window", "jitter", "start", "end", "job",
)  # fmt: skip
LABELS: Final = {
    "name": "Name",
    "cron": "Cron",
    "zone": "Zone",
    "overlap": "Overlap",
    "missed": "Missed",
    "missed_cap": "At most",
    "missed_window": "None older than",
    "jitter": "Jitter",
    "start": "From",
    "end": "Until",
    "job": "Job",
}
NEW_JOB: Final = "image: \ncommand: []\n"
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Read:
    """What stands in the form: the definition as far as it can be read, files to be uploaded, and what is wrong."""

    definition: Schedule | None
    draft: Draft | None
    wrong: Mapping[str, str]
    """By field, for people."""


def texts_of(definition: Schedule) -> dict[str, str]:
    """A definition as the texts of a form."""
    return {
        "name": definition.name,
        "cron": definition.cron,
        "zone": definition.zone,
        "overlap": str(definition.overlap),
        "missed": str(definition.missed),
        "missed_cap": str(definition.missed_cap),
        "missed_window": written_seconds(definition.missed_window),
        "jitter": written_seconds(definition.jitter) if definition.jitter else "",
        "start": definition.start or "",
        "end": definition.end or "",
        "job": job_text(definition.job),
    }


def new_texts(zone: str) -> dict[str, str]:
    """An empty form."""
    return texts_of(Schedule(name="", cron="", zone=zone, job=JobSpec(image=""))) | {"job": NEW_JOB}


def read(texts: Texts, now: datetime) -> Read:
    """What the texts of a form say."""
    wrong: dict[str, str] = {}
    values: dict[str, Any] = {"name": texts["name"].strip(), "zone": texts["zone"].strip()}
    if not values["name"]:
        wrong["name"] = "is to be given"
    for field in ("cron", "overlap", "missed", "missed_cap", "missed_window", "jitter", "start", "end"):
        try:
            values[field] = _READ[field](texts[field].strip(), now)
        except (QuantityError, BadExpression, ValueError) as error:
            wrong[field] = str(error)
    draft = _job(texts["job"], now, wrong)
    if wrong or draft is None:
        return Read(None, draft, wrong)
    return Read(Schedule(job=draft.spec, **values), draft, wrong)


def _cron(text: str, now: datetime) -> str:
    words(text)
    return text


def _cap(text: str, now: datetime) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is no number of runs")
    return int(text)


_READ: Final[Mapping[str, Callable[[str, datetime], Any]]] = {
    "cron": _cron,
    "overlap": lambda text, now: Overlap(text),
    "missed": lambda text, now: Missed(text),
    "missed_cap": _cap,
    "missed_window": lambda text, now: seconds(text),
    "jitter": lambda text, now: seconds(text) if text else 0.0,
    "start": lambda text, now: start_time(text, now) if text else None,
    "end": lambda text, now: start_time(text, now) if text else None,
}


def _job(text: str, now: datetime, wrong: dict[str, str]) -> Draft | None:
    try:
        return parse(text, "line", now).draft
    except FileSyntaxError as error:
        wrong["job"] = f"line {error.line}: {error}" if error.line else str(error)
    except SwarmError as error:
        told = [item["message"].replace("line:", "line ", 1) for item in error.errors or ()]
        wrong["job"] = "\n".join(told) or error.message
    return None


def cron_trouble(cron: str) -> str:
    """What is wrong with an expression, with carets below it; empty where nothing is."""
    try:
        words(cron)
    except BadExpression as error:
        return error.shown() if cron.strip() else "five fields: minute, hour, day, month, weekday; or @daily"
    return ""


def wrong_of(error: SwarmError) -> dict[str, str]:
    """What the core says is wrong, by the form's fields; `` for what is about none of them."""
    found: dict[str, str] = {}
    for item in error.errors or [{"field": error.field or "", "message": error.message}]:
        whole = item.get("field", "")
        field = whole.partition(".")[0]
        field = field if field in FIELDS else ""
        rest = whole.removeprefix(f"{field}.") if field == "job" and whole != field else ""
        told = f"{rest}: {item['message']}" if rest and not item["message"].startswith(rest) else item["message"]
        found[field] = f"{found[field]}\n{told}" if field in found else told
    return found


def edit_between(before: Schedule, after: Schedule) -> Edit | None:
    """The edit that makes one definition the other; None where they are the same."""
    changes = {name: getattr(after, name) for name in FIELDS if getattr(before, name) != getattr(after, name)}
    return Edit(**changes) if changes else None


# Two people at once ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Merged:
    """A form after somebody else changed the schedule meanwhile."""

    texts: dict[str, str]
    """Theirs, but for what was changed here."""
    told: list[str]
    """What they changed, a line each."""


def merged(base: Texts, mine: Texts, theirs: Texts) -> Merged:
    """What was changed here stays; the rest becomes theirs."""
    texts, told = {}, []
    for field in FIELDS:
        changed_here, changed_there = mine[field] != base[field], theirs[field] != base[field]
        texts[field] = mine[field] if changed_here else theirs[field]
        if not changed_there:
            continue
        both = changed_here and mine[field] != theirs[field]
        told.append(_told(field, base[field], theirs[field]) + ("; yours is kept here" if both else ""))
    return Merged(texts, told)


def _told(field: str, before: str, after: str) -> str:
    if field == "job":
        return f"{LABELS[field]}: {_lines(before, after)}"
    return f"{LABELS[field]}: {before or 'none'} → {after or 'none'}"


def _lines(before: str, after: str) -> str:
    """The lines of a job file that are gone, and those that have come."""
    old, new = before.splitlines(), after.splitlines()
    gone = [f"− {line}" for line in old if line not in new]
    come = [f"+ {line}" for line in new if line not in old]
    return " ".join([*gone, *come])
