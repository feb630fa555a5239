"""The stage's schedules: one in each state, with a month in which the clock changes."""

from datetime import date, datetime, timedelta
from functools import cache, partial
from itertools import islice
from typing import Any, Final

from swarm_core.recurring.calendar import calendar, days_of_month, due_on
from swarm_core.recurring.recurrence import recurrence
from swarm_protocol.cron_words import words
from tools.stage.answers import NOW, Request, Table, ago, listed

BERLIN: Final = "Europe/Berlin"
NIGHTLY: Final = 3


def schedule(number: int, name: str, cron: str, **more: Any) -> dict[str, Any]:
    """A schedule."""
    definition = {"name": name, "cron": cron, "zone": BERLIN, "job": {"image": "lab/train:v3", "command": ["fit"]}}
    due = recurrence(cron, BERLIN).after(NOW)
    found = {
        "id": number,
        "definition": definition | more.pop("definition", {}),
        "user": "ana",
        "project": "lab",
        "version": 4,
        "due_at": due,
        "fire_at": due,
        "tzdata": "2026a",
        "paused_at": None,
        "paused_by": "",
        "created_at": ago(days=200),
        "changed_at": ago(days=9),
        "changed_by": "user:ben",
        "last": ran(5100 + number, "succeeded", hours=number),
        "late": 0.0,
        "recent": {"missed": 0, "overlap": 0, "paused": 0, "failed": 0, "more": False},
    }
    return found | more


def ran(job: int, state: str, **before: float) -> dict[str, Any]:
    """The last occurrence, that became a job."""
    return {"due_at": ago(**before), "at": ago(**before), "result": "ran", "job": job, "state": state, "reason": ""}


def recent(**counts: Any) -> dict[str, Any]:
    """What did not run in a week."""
    return {"missed": 0, "overlap": 0, "paused": 0, "failed": 0, "more": False} | counts


_SKIPPED: Final = {
    "due_at": ago(minutes=25),
    "at": ago(minutes=25),
    "result": "overlap",
    "job": None,
    "state": None,
    "reason": "job 5088 had not ended",
}
_FAILED: Final = ran(5104, "failed", hours=12)
SCHEDULES: Final = sorted(
    [
        schedule(1, "backup-home", "15 */4 * * *", definition={"job": {"image": "tools/borg:2"}}),
        schedule(2, "metrics", "*/5 * * * *", recent=recent(overlap=17, more=True), last=_SKIPPED),
        schedule(NIGHTLY, "nightly-train", "30 2 * * 1-5", recent=recent(missed=2, overlap=1), last=_FAILED),
        schedule(4, "report", "0 8 1,15 * *", paused_at=ago(days=2), paused_by="user:ben"),
        schedule(5, "sweep", "@hourly", late=340.0, last=ran(5099, "running", minutes=90), fire_at=ago(seconds=340)),
        schedule(6, "migration-2025", "0 0 31 12 *", due_at=None, fire_at=None, last=None),
        schedule(7, "thermostat", "* 6-22 * * *", last=ran(5110, "running", seconds=40)),
    ],
    key=lambda each: str(each["definition"]["name"]),
)  # fmt: skip


def _past(number: int) -> dict[str, Any]:
    due = datetime.fromisoformat("2026-11-27T01:30:00+00:00") - timedelta(days=number + 2 * (number // 5))
    found: dict[str, Any] = {
        "due_at": due, "until": due, "count": 1, "at": due + timedelta(seconds=1), "result": "ran",
        "job": 5104 - number * 40, "reason": "", "state": "succeeded", "exit_code": 0,
    }  # fmt: skip
    if number in (2, 9):
        why = "no core was there to start it; a later one makes up for it"
        found |= {"result": "missed", "job": None, "state": None, "reason": why, "count": 1 if number == 2 else 0}
        found |= {"until": due + timedelta(days=number)} if number == 9 else {}
    if number == 4:
        found |= {"result": "overlap", "job": None, "state": None, "reason": "job 4980 had not ended"}
    if number in (0, 7):
        found |= {"state": "failed", "exit_code": 1}
    return found


@cache
def _local(cron: str, first: date, days: int, most: int) -> list[dict[str, Any]]:
    dues = recurrence(cron, BERLIN)
    due = (at for number in range(days) for at in due_on(dues, first + timedelta(days=number)))
    return [{"due_at": at, "local": at.astimezone(dues.zone).isoformat()} for at in islice(due, most)]


def preview(cron: str, items: list[dict[str, Any]], odd: Any = ()) -> dict[str, Any]:
    """What is to come."""
    said = words(cron)
    return {"cron": cron, "zone": BERLIN, "tzdata": "2026a", "words": said, "items": items, "odd": list(odd)}


def _month(cron: str, request: Request) -> dict[str, Any]:
    month = dict(request.query).get("month", "2026-11")
    year, number = (int(part) for part in month.split("-"))
    days = calendar(recurrence(cron, BERLIN), days_of_month(year, number), None, None)
    return {"cron": cron, "zone": BERLIN, "tzdata": "2026a", "words": words(cron), "month": month, "days": days}


def _expression(request: Request) -> dict[str, Any]:
    cron = dict(request.query).get("cron", "@daily")
    return preview(cron, _local(cron, _TOMORROW, 40, 5))


def _ahead(cron: str, request: Request) -> dict[str, Any]:
    return preview(cron, _local(cron, _TOMORROW, 20, 50), [_GAP])


def _day(cron: str, day: date, request: Request) -> dict[str, Any]:
    return preview(cron, _local(cron, day, 1, 1500))


_TOMORROW: Final = date(2026, 11, 30)
_GAP: Final = {
    "local": "2027-03-28T02:30",
    "kind": "gap",
    "due_at": datetime.fromisoformat("2027-03-28T01:00:00+00:00"),
}


def fill(table: Table) -> None:
    """All of them; days of the one that is looked at closely."""
    table.put("GET /schedules", listed(SCHEDULES))
    table.put("GET /cron", _expression)
    history = listed([_past(number) for number in range(30)])
    for each in SCHEDULES:
        at, cron = f"GET /schedules/{each['id']}", each["definition"]["cron"]
        table.put(at, each)
        table.put(f"{at}/history", history)
        table.put(f"{at}/preview", partial(_ahead, cron))
        table.put(f"{at}/calendar", partial(_month, cron))
        for number in range(30 if each["id"] == NIGHTLY else 1):
            day = date(2026, 11, 29) - timedelta(days=number)
            table.put(f"{at}/calendar/{day}", partial(_day, cron, day))
