"""The filter language of lists of jobs: `state:failed owner:me image:train tag:nightly after:2h`. Pure.

A word without a key is text in the name or the image. All words are to fit; of several states, owners or failures one
is to: `state:failed,timed_out`. A `-` before state, owner or tag leaves those out. Values with blanks or commas are
quoted. What can't be understood raises FilterError with the place of the word.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from swarm_consumer.filter_tokens import FilterError, Token, quote, tokens
from swarm_consumer.job_filter import SORTS, USUAL_SORT, JobFilter
from swarm_consumer.times import past_time
from swarm_protocol.quantities import QuantityError
from swarm_protocol.states import TERMINAL, WAITING, FailureKind, JobState

KEYS: Final = {
    "state": "running, failed, live, ended, …",
    "owner": "whose: a name, or me",
    "image": "a name, a name with its tag, or a digest",
    "tag": "with this tag",
    "name": "of this name",
    "worker": "on this worker, by name or id",
    "schedule": "made by this schedule",
    "failure": "why it failed: oom_killed, run_timeout, …",
    "reason": "what it waits for: quarantined",
    "after": "created since then: 2h (ago), today, 2026-11-25",
    "before": "created before then",
    "id": "1042, or a range: 1000-1100",
    "project": "another project; * for all of yours",
    "sort": "by created, started, ended or priority; - turns it round",
}
"""The words of the language, and what they mean."""
STATES: Final[Mapping[str, tuple[str, ...]]] = {
    **{state.value: (state.value,) for state in JobState},
    "live": tuple(state.value for state in JobState if state not in TERMINAL),
    "ended": tuple(state.value for state in JobState if state in TERMINAL),
    "waiting": tuple(state.value for state in JobState if state in WAITING),
}
"""What may stand after `state:`."""
FAILURES: Final = tuple(kind.value for kind in FailureKind)
ME: Final = "me"
"""Instead of one's own name."""
NEGATABLE: Final = ("state", "owner", "tag")
ALIASES: Final = {"user": "owner", "status": "state", "since": "after", "until": "before"}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_IDS: Final = re.compile(r"(\d{1,18})?(-|\.\.)?(\d{1,18})?")


def parse(line: str, *, me: str, now: datetime) -> JobFilter:
    """The filter that a line means for who is called `me`. `now` is aware. Raises FilterError."""
    reading = _Reading(me, now)
    for token in tokens(line):
        reading.take(token)
    return reading.filter()


@dataclass
class _Reading:
    """A filter while it is read."""

    me: str
    now: datetime
    many: dict[str, list[str]] = field(default_factory=dict)
    one: dict[str, Any] = field(default_factory=dict)

    def take(self, token: Token) -> None:
        """Add what a word says."""
        if token.open:
            raise _wrong(token, "a quote is not closed", 'write it like name:"two words"')
        if not token.key:
            self._take_text(token)
            return
        key = _known(token)
        if token.negated and key not in NEGATABLE:
            raise _not_negatable(token, key)
        if not all(token.values):
            raise _wrong(token, f"{key}: has no value", f"{key}: {KEYS[key]}")
        self._take_value(key, token)

    def _take_text(self, token: Token) -> None:
        if token.negated:
            raise _not_negatable(token, "text")
        if not token.value:
            raise _wrong(token, "there is nothing in the quotes", None)
        self._add("texts", [token.value])

    def _take_value(self, key: str, token: Token) -> None:
        if key == "state":
            self._add("-state" if token.negated else "state", _states(token))
        elif key == "owner":
            self._add("not_users" if token.negated else "users", [self._person(token, name) for name in token.values])
        elif key == "tag":
            self._add("not_tags" if token.negated else "tags", [token.value])
        elif key == "failure":
            self._add("failures", [_one_of(token, "failure", word, FAILURES) for word in token.values])
        else:
            self._set(key, token)

    def _set(self, key: str, token: Token) -> None:
        if key in self.one:
            raise _wrong(token, f"{key}: is said twice", "a job has only one; leave one of them out")
        self.one[key] = _READERS.get(key, _as_it_is)(token, self.now)

    def _add(self, name: str, values: Iterable[str]) -> None:
        self.many[name] = list(dict.fromkeys([*self.many.get(name, []), *values]))

    def _person(self, token: Token, name: str) -> str:
        if name != ME:
            return name
        if not self.me:
            raise _wrong(token, "it is not known who you are", "write owner: with your name")
        return self.me

    def filter(self) -> JobFilter:
        """What all the words together mean."""
        one = dict(self.one)
        first, last = one.pop("id", (None, None))
        many: dict[str, Any] = {
            name: tuple(values) for name, values in self.many.items() if name not in ("state", "-state")
        }
        return JobFilter(**many, **one, states=self._states(), first=first, last=last)

    def _states(self) -> tuple[str, ...]:
        left_out = self.many.get("-state", [])
        wanted = self.many.get("state", [state.value for state in JobState] if left_out else [])
        left = tuple(state for state in wanted if state not in left_out)
        if left_out and not left:
            raise FilterError("no state is left", hint="leave out fewer")
        return left


# One word ------------------------------------------------------------------------------------------------


def _known(token: Token) -> str:
    key = ALIASES.get(token.key.lower(), token.key.lower())
    if key in KEYS:
        return key
    near = _nearest(key, [*KEYS, *ALIASES])
    message = f"{token.key}: is no word of the filter"
    hint = f"did you mean {near}:?" if near else f"there are {', '.join(KEYS)}; text with a colon stands in quotes"
    raise _wrong(token, message, hint)


def _states(token: Token) -> list[str]:
    words = [_one_of(token, "state", word, STATES) for word in token.values]
    return [state for word in words for state in STATES[word]]


def _one_of(token: Token, key: str, word: str, known: Iterable[str]) -> str:
    """A word of a closed list, however it is spelled."""
    every, plain = list(known), word.lower().replace("-", "_")
    if plain in every:
        return plain
    near = _nearest(plain, every)
    hint = f"did you mean {key}:{near}?" if near else f"one of {', '.join(every)}"
    raise _wrong(token, f"{key}: {word!r} is none", hint)


def _as_it_is(token: Token, now: datetime) -> str:
    return token.value


def _time(token: Token, now: datetime) -> datetime:
    """`2h` ago, `today`, a day, or a time; days begin at midnight here."""
    word = token.value
    midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"today": midnight, "yesterday": midnight - timedelta(days=1)}
    if word in days:
        return days[word].astimezone(UTC)
    try:
        return past_time(f"{word}T00:00" if _DAY.fullmatch(word) else word, now).astimezone(UTC)
    except (QuantityError, OverflowError):
        hint = "write it like 90m (ago), today, 2026-11-25 or 2026-11-25T08:30"
        raise _wrong(token, f"{token.key}: {word!r} is no time", hint) from None


def _ids(token: Token, now: datetime) -> tuple[int | None, int | None]:
    match = _IDS.fullmatch(token.value)
    if match is None or not (match[1] or match[3]):
        raise _wrong(token, f"id: {token.value!r} is no id", "a number such as 1042, or a range such as 1000-1100")
    first, last = (int(each) if each else None for each in (match[1], match[3]))
    return first, last if match[2] else first


def _sort(token: Token, now: datetime) -> str:
    word = token.value
    if word in SORTS:
        return word
    near = _nearest(word.lower(), SORTS)
    raise _wrong(token, f"sort: {word!r} is no order", f"did you mean sort:{near}?" if near else f"{', '.join(SORTS)}")


_READERS: Final[Mapping[str, Callable[[Token, datetime], Any]]] = {
    "before": _time,
    "after": _time,
    "id": _ids,
    "sort": _sort,
}


def _not_negatable(token: Token, what: str) -> FilterError:
    possible = ", ".join(f"-{key}:" for key in NEGATABLE)
    return _wrong(token, f"{what} can't be left out", f"only {possible} can; text that begins with a dash is quoted")


def _wrong(token: Token, message: str, hint: str | None) -> FilterError:
    return FilterError(message, token.start, token.end, hint)


def _nearest(word: str, known: Iterable[str]) -> str | None:
    every = list(known)
    begun = [each for each in every if word and each.startswith(word)]
    return next(iter([*begun, *difflib.get_close_matches(word, every, 1, 0.5)]), None)


# A filter as text ----------------------------------------------------------------------------------------


def show(which: JobFilter) -> str:
    """The line that means a filter: `parse` makes it again of this."""
    one = {
        "name": which.name, "image": which.image, "worker": which.worker, "schedule": which.schedule,
        "reason": which.reason, "after": which.after and _moment(which.after),
        "before": which.before and _moment(which.before), "project": which.project,
    }  # fmt: skip
    words = [
        *_joined("state", which.states),
        *_joined("owner", which.users),
        *_joined("-owner", which.not_users),
        *_joined("failure", which.failures),
        *(f"tag:{quote(tag)}" for tag in which.tags),
        *(f"-tag:{quote(tag)}" for tag in which.not_tags),
        *(f"{key}:{quote(value)}" for key, value in one.items() if value),
        *([f"id:{which.ids}"] if which.ids else []),
        *([f"sort:{which.sort}"] if which.sort != USUAL_SORT else []),
        *(quote(text, alone=True) for text in which.texts),
    ]
    return " ".join(words)


def _joined(key: str, values: Sequence[str]) -> list[str]:
    return [f"{key}:{','.join(map(quote, values))}"] if values else []


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
