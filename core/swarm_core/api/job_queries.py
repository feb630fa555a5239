"""What a query says of a list of jobs: which ones, in which order, from where on. All raise SwarmError(bad_request)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from starlette.requests import Request

from swarm_core.api.openapi import PAGE
from swarm_core.api.query import make_cursor, moment, read_cursor, text, wrong
from swarm_core.store.job_lists import ORDERS, Filters, Order, Place
from swarm_protocol.states import FailureKind, JobState

USUAL: Final = "-created"
_MOST_WORDS: Final = 20
_MOST_ID: Final = (1 << 63) - 1
_LONGEST: Final = 512

QUERY: Final[dict[str, Any]] = {
    "state": list[JobState],
    "failure": list[FailureKind],
    **dict.fromkeys(("user", "not_user", "tag", "not_tag", "text"), list[str]),
    **dict.fromkeys(("id", "name", "image", "worker", "schedule", "reason", "project"), str),
    **dict.fromkeys(("before", "after"), datetime),
    "sort": Literal[tuple(ORDERS)],
    **PAGE,
}
_Number = Annotated[int, msgspec.Meta(ge=-_MOST_ID, le=_MOST_ID)]


def filters_of(request: Request) -> Filters:
    """What the list is narrowed to."""
    first, last = _ids(request)
    return Filters(
        states=_each(request, "state", JobState),
        failures=_each(request, "failure", FailureKind),
        users=_words(request, "user"),
        not_users=_words(request, "not_user"),
        name=text(request, "name"),
        texts=_words(request, "text"),
        tags=_words(request, "tag"),
        not_tags=_words(request, "not_tag"),
        image=text(request, "image"),
        worker=text(request, "worker"),
        schedule=text(request, "schedule"),
        reason=text(request, "reason"),
        before=moment(request, "before"),
        after=moment(request, "after"),
        first=first,
        last=last,
    )


def _each(request: Request, name: str, known: Iterable[str]) -> tuple[str, ...]:
    found = tuple(request.query_params.getlist(name))
    if set(found) - set(known):
        raise wrong(name, f"a {name} of a job: {', '.join(known)}")
    return found


def _words(request: Request, name: str) -> tuple[str, ...]:
    found = tuple(request.query_params.getlist(name))
    if len(found) > _MOST_WORDS or any(len(word) > _LONGEST or "\0" in word for word in found):
        raise wrong(name, f"at most {_MOST_WORDS} words of {_LONGEST} characters, none of them zero")
    return found


def _ids(request: Request) -> tuple[int | None, int | None]:
    """`1042`, `1000-1100`, `1000-` or `-1100`."""
    given = text(request, "id")
    if given is None:
        return None, None
    first, dash, last = given.partition("-")
    found = [_id(first), _id(last if dash else first)]
    if found == [None, None]:
        raise wrong("id", "a job's id such as 1042, or a range of them such as 1000-1100")
    return found[0], found[1]


def _id(word: str) -> int | None:
    if not word:
        return None
    if not word.isascii() or not word.isdigit() or int(word[:20]) >= _MOST_ID:
        raise wrong("id", "a job's id such as 1042, or a range of them such as 1000-1100")
    return int(word)


def order_of(request: Request) -> tuple[str, Order]:
    """The order that is asked for, by its word and as such."""
    word = request.query_params.get("sort", USUAL)
    if word not in ORDERS:
        raise wrong("sort", f"one of {', '.join(ORDERS)}")
    return word, ORDERS[word]


def read_place(cursor: str, sort: str) -> Place:
    """Where a page begins; a cursor of another order is none of this one."""
    word, key, job = read_cursor(cursor, tuple[str, _Number, _Number])
    if word != sort:
        raise wrong("cursor", f"a cursor of the list in this order, but by {word[:20]}")
    return Place(key, job)


def write_place(place: Place, sort: str) -> str:
    """The cursor of the next page."""
    return make_cursor((sort, *place))
