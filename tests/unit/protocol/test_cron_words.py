"""Expressions in words: what is said, and that it is what croniter finds due."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swarm_protocol.cron import BadExpression, canonical
from swarm_protocol.cron_words import words

CASES = [
    ("30 2 * * 1-5", "at 02:30 on Mondays to Fridays"),
    ("*/15 9-17 * * *", "every 15 minutes from 09:00 to 17:45"),
    ("* 9-17 * * *", "every minute from 09:00 to 17:59"),
    ("* 9,14 * * *", "every minute from 09:00 to 09:59 and from 14:00 to 14:59"),
    ("30 2 * * *", "at 02:30 every day"),
    ("* * * * *", "every minute"),
    ("*/5 * * * *", "every 5 minutes"),
    ("*/7 * * * *", "every 7 minutes from :00 to :56 of every hour"),
    ("3-59/5 * * * *", "every 5 minutes from :03 to :58 of every hour"),
    ("10-20 * * * *", "every minute from :10 to :20 of every hour"),
    ("@hourly", "every hour, on the hour"),
    ("5,35 * * * *", "every hour at :05 and :35"),
    ("@daily", "at 00:00 every day"),
    ("@weekly", "at 00:00 on Sundays"),
    ("@monthly", "at 00:00 on the 1st of every month"),
    ("@yearly", "at 00:00 on the 1st of January"),
    ("0 */2 * * *", "every 2 hours from 00:00 to 22:00"),
    ("0 */5 * * *", "every 5 hours from 00:00 to 20:00"),
    ("0 8-18 * * sat,sun", "every hour from 08:00 to 18:00 on Saturdays and Sundays"),
    ("0,30 9,12 * * *", "at 09:00, 09:30, 12:00 and 12:30 every day"),
    ("0-20 3 * * *", "every minute from 03:00 to 03:20"),
    ("*/7 1,5,13 * * *", "every 7 minutes from :00 to :56 of the hours 01, 05 and 13"),
    ("5,10,50 */2 * * *", "at :05, :10 and :50 of every 2nd hour from 00 to 22 every day"),
    ("0 0 31 * *", "at 00:00 on the 31st of every month that has it"),
    ("0 0 29-31 * *", "at 00:00 on the 29th to 31st of every month that has them"),
    ("0 0 1,15 * *", "at 00:00 on the 1st and 15th of every month"),
    ("0 0 */2 * *", "at 00:00 on every 2nd day from the 1st to the 31st of every month"),
    ("0 0 * 3-5,12 *", "at 00:00 every day in March to May and December"),
    ("*/30 * * 1 *", "every 30 minutes every day in January"),
    ("0 0 * jan mon", "at 00:00 on Mondays in January"),
    ("0 0 13 * 5", "at 00:00 on the 13th of every month and also on Fridays"),
    ("0 0 13 6 5", "at 00:00 on the 13th of June and also on Fridays in June"),
    ("0 0 */2 * 1", "at 00:00 on Mondays that fall on every 2nd day from the 1st to the 31st of every month"),
    ("0 0 1-7 * */6", "at 00:00 on Saturdays and Sundays that fall on the 1st to 7th of every month"),
    ("0 0 13 * 0-6", "at 00:00 every day"),
    ("0 0 1-31 * 5", "at 00:00 every day"),
    ("0 0 * * fri-sun", "at 00:00 on Fridays to Sundays"),
    ("0 0 29 2 *", "at 00:00 on the 29th of February"),
]


@pytest.mark.parametrize(("expression", "said"), CASES)
def test_what_is_said(expression: str, said: str) -> None:
    assert words(expression) == said


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "61 * * * *", "@noon", "* * *", "0 0 L * *"])
def test_what_cannot_be_read_has_no_words(expression: str) -> None:
    with pytest.raises(BadExpression):
        words(expression)


def _item(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.integers(1, high)
    return st.one_of(
        number.map(str), span, span.flatmap(lambda s: step.map(lambda n: f"{s}/{n}")), step.map(lambda n: f"*/{n}")
    )


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.lists(_item(low, high), min_size=1, max_size=4).map(",".join))


EXPRESSIONS = st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 7)).map(" ".join)


@settings(max_examples=150, deadline=None)
@example("0 * 1,*/2 * 0,*/1", datetime(2024, 1, 1))
@example("0 0 1-31 * 5", datetime(2024, 1, 1))
@given(EXPRESSIONS, st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1)).map(lambda t: t.replace(microsecond=0)))
def test_the_words_mean_what_is_due(expression: str, start: datetime) -> None:
    try:
        said = words(expression)
    except BadExpression:
        return
    walk = croniter(
        canonical(expression), start, ret_type=datetime, max_years_between_matches=50, implement_cron_bug=True
    )
    due = [walk.get_next() for _ in range(30)]
    assert _first(Meaning.of(said), start, 30) == due, said


# Reading the words, as a person would --------------------------------------------------------------------

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEK = ["Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays"]


@dataclass(frozen=True)
class Meaning:
    """When the words say that something is due."""

    times: list[tuple[int, int]]
    day: Callable[[datetime], bool]

    @classmethod
    def of(cls, said: str) -> "Meaning":
        split = re.search(r" (on (?!the hour)|every day)", said)
        when, day = (said[: split.start()], said[split.start() + 1 :]) if split else (said, "")
        return cls(sorted(_times(when)), _day(day))


def _first(meaning: Meaning, start: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    day = start.replace(hour=0, minute=0, second=0)
    while len(found) < count:
        if meaning.day(day):
            found += [at for h, m in meaning.times if (at := day.replace(hour=h, minute=m)) > start]
        day += timedelta(days=1)
    return found[:count]


def _times(when: str) -> set[tuple[int, int]]:
    if when == "every hour, on the hour":
        return {(hour, 0) for hour in range(24)}
    if found := re.fullmatch(r"every (?:(\d+) )?minutes?", when):
        return {(h, m) for h in range(24) for m in range(0, 60, int(found[1] or 1))}
    if "from :" in when or " :" in when:
        minutes, hours = re.split(r" of (?=every|the)", when) if " of " in when else (when, "every hour")
        return {(h, m) for h in _hours(hours) for m in _minutes(minutes.removeprefix("every hour "))}
    if when.startswith("at "):
        return {_clock(part) for part in _parts(when.removeprefix("at "))}
    found = re.match(r"every (?:(\d+) )?(minute|hour)s? (?=from)", when)
    assert found, when
    step = int(found[1] or 1) * (60 if found[2] == "hour" else 1)
    times: set[tuple[int, int]] = set()
    for low, high in re.findall(r"from (\d\d:\d\d) to (\d\d:\d\d)", when):
        (h, m), (last_h, last_m) = _clock(low), _clock(high)
        times |= {divmod(at, 60) for at in range(h * 60 + m, last_h * 60 + last_m + 1, step)}
        assert (last_h, last_m) in times  # what is named as the last one is due
    return times


def _minutes(text: str) -> list[int]:
    if text.startswith("at "):
        return [int(part[1:]) for part in _parts(text.removeprefix("at "))]
    found = re.fullmatch(r"every (?:(\d+) )?minutes? from :(\d\d) to :(\d\d)", text)
    assert found, text
    return list(range(int(found[2]), int(found[3]) + 1, int(found[1] or 1)))


def _hours(text: str) -> list[int]:
    if text == "every hour":
        return list(range(24))
    if found := re.fullmatch(r"every (\d+)\w\w hour from (\d\d) to (\d\d)", text):
        return list(range(int(found[2]), int(found[3]) + 1, int(found[1])))
    return _values(re.sub(r"^the hours? ", "", text), int)


def _day(text: str) -> Callable[[datetime], bool]:
    if not text or text == "every day":
        return lambda _: True
    if text.startswith("every day in "):
        months = _months(text.removeprefix("every day in "))
        return lambda at: at.month in months
    text = text.removeprefix("on ")
    for between, join in ((" that fall on ", all), (" and also on ", any)):
        if between in text:
            sides = [_day(side) for side in text.split(between)]
            return lambda at: join([side(at) for side in sides])
    if not text.startswith(("the ", "every ")):
        names, _, within = text.partition(" in ")
        weekdays, months = _values(names, WEEK.index), _months(within)
        return lambda at: (at.weekday() + 1) % 7 in weekdays and at.month in months
    named, _, month = text.partition(" of ")
    days, months = _days(named), _months(re.sub(r"^every month.*", "", month))
    return lambda at: at.day in days and at.month in months


def _days(text: str) -> list[int]:
    if found := re.fullmatch(r"every (\d+)\w\w day from the (\d+)\w\w to the (\d+)\w\w", text):
        return list(range(int(found[2]), int(found[3]) + 1, int(found[1])))
    return _values(text.removeprefix("the "), lambda word: int(word[:-2]))


def _months(text: str) -> list[int]:
    return _values(text, lambda word: MONTHS.index(word) + 1) if text else list(range(1, 13))


def _values(text: str, number: Callable[[str], int]) -> list[int]:
    found: list[int] = []
    for part in _parts(text):
        low, _, high = part.partition(" to ")
        first = number(low)
        last = number(high or low)
        if number == WEEK.index and last < first:
            last += 7  # Fridays to Sundays
        found += [value % 7 if number == WEEK.index else value for value in range(first, last + 1)]
    return found


def _parts(text: str) -> list[str]:
    return re.split(r", | and ", text)


def _clock(text: str) -> tuple[int, int]:
    hour, minute = text.split(":")
    return int(hour), int(minute)
