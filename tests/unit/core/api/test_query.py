"""Bodies, words of a query, cursors: what is wrong is named."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from swarm_core.api import query
from swarm_core.api.body import decode_bytes
from swarm_protocol.errors import SwarmError


class Inner(msgspec.Struct):
    size: int


class Form(msgspec.Struct):
    name: str
    items: list[Inner] = []


def request(words: str, **path: str) -> Request:
    return Request({"type": "http", "query_string": words.encode(), "headers": [], "path_params": path})


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"name": 1}', "name"),
        (b'{"name": "a", "items": [{"size": 1}, {"size": "x"}]}', "items[1].size"),
        (b"{}", None),
        (b"[]", None),
        (b"", None),
        (b"{", None),
        (b'{"name": "\xff"}', None),
        (b"[" * 100_000, None),
    ],
)
def test_a_wrong_body_names_its_field(data: bytes, field: str | None) -> None:
    with pytest.raises(SwarmError) as caught:
        decode_bytes(data, Form)
    assert (caught.value.code, caught.value.field) == ("bad_request", field)


@pytest.mark.parametrize("words", ["n=x", "n=-1", "n=1.5", "n=101", "n=", "n=٣", "n=" + "9" * 30, "n=+1"])
def test_a_number_has_bounds(words: str) -> None:
    with pytest.raises(SwarmError) as caught:
        query.integer(request(words), "n", 5, 0, 100)
    assert caught.value.field == "n"


def test_words_of_a_query() -> None:
    asked = request("n=100&t=1e9&at=2026-12-24T18:00:00%2B01:00&on=true&word=a")
    assert query.integer(asked, "n", 5, 0, 100) == 100
    assert query.integer(asked, "m", 5) == 5
    assert query.seconds(asked, "t", 1.0, 60.0) == 60.0
    assert query.flag(asked, "on")
    assert not query.flag(asked, "off")
    assert query.text(asked, "word") == "a"
    moment = query.moment(asked, "at")
    assert moment is not None
    assert moment.isoformat() == "2026-12-24T17:00:00+00:00"


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("t=nan", lambda r: query.seconds(r, "t", 1, 2)),
        ("t=-1", lambda r: query.seconds(r, "t", 1, 2)),
        ("t=x", lambda r: query.seconds(r, "t", 1, 2)),
        ("t=2026-12-24", lambda r: query.moment(r, "t")),
        ("t=2026-12-24T18:00:00", lambda r: query.moment(r, "t")),
        ("t=%00", lambda r: query.text(r, "t")),
        ("limit=501", query.page),
        ("limit=0", query.page),
    ],
)
def test_what_isnt_right_is_refused(words: str, read: Any) -> None:
    with pytest.raises(SwarmError) as caught:
        read(request(words))
    assert caught.value.code == "bad_request"


def test_ids_in_a_path() -> None:
    assert query.path_integer(request("", id="42")) == 42
    for text in ("0", "-1", "x", str(1 << 63)):
        with pytest.raises(SwarmError):
            query.path_integer(request("", id=text))
    with pytest.raises(SwarmError):
        query.path_uuid(request("", id="x"))


@given(st.one_of(st.text(), st.integers(0, 1 << 62), st.tuples(st.integers(0, 9), st.text())))
def test_a_cursor_brings_back_what_was_put_in(key: Any) -> None:
    cursor = query.make_cursor(key)
    assert query.read_cursor(cursor, type(key) if not isinstance(key, tuple) else tuple[int, str]) == key


@given(st.text(max_size=40))
def test_a_cursor_of_somebody_elses_making_is_refused_or_read(text: str) -> None:
    with contextlib.suppress(SwarmError):
        assert isinstance(query.read_cursor(text, int), int)
