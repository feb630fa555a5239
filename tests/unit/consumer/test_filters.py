"""The filter language: what it means, what it says of mistakes, and that a filter is written as it is read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_consumer.filter_help import complete, suggest
from swarm_consumer.filter_tokens import FilterError
from swarm_consumer.filters import FAILURES, KEYS, STATES, parse, show
from swarm_consumer.job_filter import SORTS, JobFilter
from swarm_protocol.states import TERMINAL, JobState

NOW = datetime(2026, 11, 29, 11, 0, tzinfo=UTC)


def read(line: str) -> JobFilter:
    return parse(line, me="ana", now=NOW)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("", JobFilter()),
        ("   ", JobFilter()),
        (
            "state:failed owner:me image:train tag:nightly after:2h",
            JobFilter(
                states=("failed",), users=("ana",), image="train", tags=("nightly",), after=NOW - timedelta(hours=2)
            ),
        ),
        ("STATE:Failed,timed-out state:failed", JobFilter(states=("failed", "timed_out"))),
        ("owner:ana,ben -owner:me", JobFilter(users=("ana", "ben"), not_users=("ana",))),
        ("user:ben status:held reason:quarantined", JobFilter(users=("ben",), states=("held",), reason="quarantined")),
        ("tag:a tag:b -tag:c !tag:d", JobFilter(tags=("a", "b"), not_tags=("c", "d"))),
        ("image:lab/train:2 worker:rack-7", JobFilter(image="lab/train:2", worker="rack-7")),
        ('name:"two words" schedule:nightly', JobFilter(name="two words", schedule="nightly")),
        (r'name:"say \"a\\b\""', JobFilter(name=r'say "a\b"')),
        ('name:"a,b" name2', JobFilter(name="a,b", texts=("name2",))),
        ('train "a b" "x:y"', JobFilter(texts=("train", "a b", "x:y"))),
        ("failure:oom_killed,run-timeout", JobFilter(failures=("oom_killed", "run_timeout"))),
        ("id:1042", JobFilter(first=1042, last=1042)),
        ("id:1000-1100", JobFilter(first=1000, last=1100)),
        ("id:1000..", JobFilter(first=1000)),
        ("id:-1100", JobFilter(last=1100)),
        ("project:* sort:-ended", JobFilter(project="*", sort="-ended")),
        ("state:ended", JobFilter(states=tuple(s for s in JobState if s in TERMINAL))),
        ("state:live", JobFilter(states=tuple(s for s in JobState if s not in TERMINAL))),
        ("-state:succeeded,cancelled state:ended", JobFilter(states=("failed", "timed_out"))),
        ("-state:ended", JobFilter(states=tuple(s for s in JobState if s not in TERMINAL))),
        ("after:2026-11-25T08:30:00Z", JobFilter(after=datetime(2026, 11, 25, 8, 30, tzinfo=UTC))),
        ("since:90m until:1h", JobFilter(after=NOW - timedelta(minutes=90), before=NOW - timedelta(hours=1))),
        ("- a-b !", JobFilter(texts=("-", "a-b", "!"))),
    ],
)
def test_a_line_means(line: str, meant: JobFilter) -> None:
    assert read(line) == meant


def test_a_day_begins_at_midnight_here() -> None:
    today = read("after:today").after
    assert today is not None
    local = today.astimezone()
    assert (local.date(), local.hour, local.minute) == (NOW.astimezone().date(), 0, 0)
    assert read("after:yesterday").after == today - timedelta(days=1)
    day = read("before:2026-11-25").before
    assert day is not None
    assert day.astimezone().isoformat()[:16] == "2026-11-25T00:00"


@pytest.mark.parametrize(
    ("line", "at", "message", "hint"),
    [
        ("stat:failed", (0, 11), "stat: is no word of the filter", "did you mean state:?"),
        ("a zzzz:1", (2, 8), "zzzz: is no word of the filter", "there are state, owner"),
        ("tag:a state:faild", (6, 17), "state: 'faild' is none", "did you mean state:failed?"),
        ("state:xyzzy", (0, 11), "state: 'xyzzy' is none", "one of sleeping"),
        ("failure:oom", (0, 11), "failure: 'oom' is none", "did you mean failure:oom_killed?"),
        ("owner:", (0, 6), "owner: has no value", "owner: whose"),
        ("state:failed,", (0, 13), "state: has no value", "state: running"),
        ("name:a name:b", (7, 13), "name: is said twice", "leave one of them out"),
        ("-image:train", (0, 12), "image can't be left out", "only -state:, -owner:, -tag: can"),
        ("-train", (0, 6), "text can't be left out", "is quoted"),
        ('name:"a b', (0, 9), "a quote is not closed", 'name:"two words"'),
        ('""', (0, 2), "there is nothing in the quotes", ""),
        ("after:soon", (0, 10), "after: 'soon' is no time", "90m (ago)"),
        ("after:99999999999d", (0, 18), "is no time", "90m"),
        ("after:2026-13-45", (0, 16), "is no time", "90m"),
        ("id:abc", (0, 6), "id: 'abc' is no id", "1000-1100"),
        ("id:-", (0, 4), "id: '-' is no id", "1000-1100"),
        ("sort:-end", (0, 9), "sort: '-end' is no order", "did you mean sort:-ended?"),
        ("state:failed -state:failed", (0, 0), "no state is left", "leave out fewer"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_possible(
    line: str, at: tuple[int, int], message: str, hint: str
) -> None:
    with pytest.raises(FilterError) as error:
        read(line)
    assert (error.value.start, error.value.end) == at
    assert message in str(error.value)
    assert hint in (error.value.hint or "")


def test_me_needs_to_be_known() -> None:
    with pytest.raises(FilterError, match="who you are"):
        parse("owner:me", me="", now=NOW)


WORDS = st.text(min_size=1, max_size=20).filter(str.strip)
NAMES = WORDS.filter(lambda name: name != "me")
SEVERAL = st.lists(WORDS, unique=True, max_size=3).map(tuple)
PEOPLE = st.lists(NAMES, unique=True, max_size=3).map(tuple)
TIMES = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
IDS = st.none() | st.integers(1, 10**15)
FILTERS = st.builds(
    JobFilter,
    states=st.lists(st.sampled_from(list(map(str, JobState))), unique=True, max_size=3).map(tuple),
    users=PEOPLE,
    not_users=PEOPLE,
    name=st.none() | WORDS,
    texts=SEVERAL,
    tags=SEVERAL,
    not_tags=SEVERAL,
    image=st.none() | WORDS,
    worker=st.none() | WORDS,
    schedule=st.none() | WORDS,
    failures=st.lists(st.sampled_from(FAILURES), unique=True, max_size=2).map(tuple),
    reason=st.none() | WORDS,
    before=TIMES,
    after=TIMES,
    first=IDS,
    last=IDS,
    project=st.none() | WORDS,
    sort=st.sampled_from(list(SORTS)),
)


@given(FILTERS)
def test_a_filter_is_read_as_it_is_written(which: JobFilter) -> None:
    assert read(show(which)) == which


@given(st.text(max_size=60))
def test_any_line_is_read_or_refused_in_words(line: str) -> None:
    try:
        which = read(line)
    except FilterError as error:
        refused = error
    else:
        assert read(show(which)) == which
        return
    assert str(refused)
    assert 0 <= refused.start <= refused.end <= len(line)


@given(st.text(max_size=40), st.integers(0, 40))
def test_what_is_suggested_stands_in_the_line(line: str, at: int) -> None:
    at = min(at, len(line))
    found = suggest(line, at, {"tag": ["a b", "x"]})
    assert found.start <= found.end == at
    for each in found.items:
        text, cursor = complete(line, found, each)
        assert text[found.start :].startswith(each.text)
        assert cursor <= len(text)


def offered(line: str, **known: list[str]) -> list[str]:
    return [each.text for each in suggest(line, len(line), known).items]


def test_keys_and_values_are_suggested_as_one_types() -> None:
    assert offered("") == [f"{key}:" for key in KEYS]
    assert offered("st") == ["state:"]
    assert offered("tag:a -") == ["state:", "owner:", "tag:"]
    assert offered("-o") == ["owner:"]
    assert offered("state:") == [*STATES][:12]
    assert offered("state:fa") == ["failed"]
    assert offered("state:failed,") == [state for state in STATES if state != "failed"][:12]
    assert offered("sort:-e") == ["-ended"]
    assert offered("worker:ra", worker=["a", "rack-1", "rack-2", "b-rack"]) == ["rack-1", "rack-2", "b-rack"]
    assert offered("user:", owner=["ana"]) == ["me", "ana"]
    assert offered("tag:", tag=["two words"]) == ['"two words"']
    assert offered("zzz:") == []


def test_a_suggestion_that_is_taken_goes_on_with_the_next_word() -> None:
    found = suggest("tag:a st", 8, {})
    assert complete("tag:a st", found, found.items[0]) == ("tag:a state:", 12)
    found = suggest("state:failed,ru", 15, {})
    assert complete("state:failed,ru", found, found.items[0]) == ("state:failed,running ", 21)
    found = suggest("state:ru tag:a", 8, {})
    assert complete("state:ru tag:a", found, found.items[0]) == ("state:running tag:a", 13)
