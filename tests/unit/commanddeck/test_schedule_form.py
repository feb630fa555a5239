"""The form of a schedule: what its texts say, what is wrong with them, and what two people changed at once."""

from datetime import UTC, datetime

import pytest

from swarm_commanddeck.schedule_form import (
    cron_trouble,
    edit_between,
    merged,
    new_texts,
    read,
    texts_of,
    wrong_of,
)
from swarm_protocol.errors import SwarmError
from swarm_protocol.schedule import Edit, Missed, Overlap, Schedule
from swarm_protocol.spec import JobSpec, Resources

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
WHOLE = Schedule(
    name="nightly",
    cron="30 2 * * 1-5",
    zone="Europe/Berlin",
    overlap=Overlap.QUEUE,
    missed=Missed.ALL,
    missed_cap=3,
    missed_window=5400.0,
    jitter=90.0,
    start="2026-12-01T00:00:00Z",
    end="2027-12-01T00:00:00Z",
    job=JobSpec(image="img", command=["sh", "-c", "echo\nagain"], resources=Resources(cpu_millis=500), tags=["a"]),
)


def test_a_definition_comes_back_as_it_was() -> None:
    found = read(texts_of(WHOLE), NOW)
    assert found.wrong == {}
    assert found.definition == WHOLE


def test_the_least_that_makes_a_schedule() -> None:
    texts = new_texts("UTC") | {"name": " n ", "cron": "@daily", "job": "image: img", "start": "+2h"}
    found = read(texts, NOW)
    assert found.definition is not None
    assert (found.definition.name, found.definition.start) == ("n", "2026-11-29T14:00:00Z")


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("name", " ", "is to be given"),
        ("cron", "0 25 * * *", "the hour is from 0 to 23"),
        ("missed_cap", "many", "'many' is no number"),
        ("missed_window", "soon", "soon"),
        ("jitter", "5 parsecs", "parsecs"),
        ("start", "tomorrow-ish", "tomorrow-ish"),
        ("job", "image: img\ncomand: [a]", "line 2: comand: there is no such field; did you mean `command`?"),
        ("job", "image: [", "line 1"),
        ("job", "image: img\ntimeouts: {run: x}", "line 2: timeouts.run"),
        ("job", "- a", "begins with"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(field: str, text: str, says: str) -> None:
    found = read(texts_of(WHOLE) | {field: text}, NOW)
    assert found.definition is None
    assert set(found.wrong) == {field}
    assert says in found.wrong[field]


def test_the_trouble_with_an_expression_is_pointed_at() -> None:
    assert cron_trouble("0 25 * * *").splitlines()[2] == "      ^^"
    assert cron_trouble("@daily") == ""
    assert "five fields" in cron_trouble(" ")


def test_what_the_core_says_goes_to_the_fields() -> None:
    errors = [
        {"field": "job.image", "message": "there is none"},
        {"field": "job.timeouts.run", "message": "job.timeouts.run: too long"},
        {"field": "zone", "message": "no zone"},
        {"field": "elsewhere", "message": "odd"},
    ]
    found = wrong_of(SwarmError("invalid_spec", "x", errors=errors))
    assert found["zone"] == "no zone"
    assert found["job"].splitlines()[0] == "image: there is none"
    assert found[""] == "odd"
    assert wrong_of(SwarmError("conflict", "taken", field="name")) == {"name": "taken"}


def test_an_edit_has_what_was_changed_alone() -> None:
    assert edit_between(WHOLE, WHOLE) is None
    changed = read(texts_of(WHOLE) | {"end": "", "cron": "@daily"}, NOW).definition
    assert changed is not None
    assert edit_between(WHOLE, changed) == Edit(cron="@daily", end=None)


def test_two_people_at_once() -> None:
    base = texts_of(WHOLE)
    mine = base | {"jitter": "10s", "cron": "@hourly"}
    theirs = base | {"zone": "UTC", "cron": "@weekly", "job": base["job"].replace("image: img", "image: img:2")}
    found = merged(base, mine, theirs)
    assert found.texts == theirs | {"jitter": "10s", "cron": "@hourly"}
    assert found.told == [
        "Cron: 30 2 * * 1-5 → @weekly; yours is kept here",
        "Zone: Europe/Berlin → UTC",
        "Job: − image: img + image: img:2",
    ]
    same = merged(base, mine, base | {"jitter": "10s"})
    assert same.told == ["Jitter: 90s → 10s"]
