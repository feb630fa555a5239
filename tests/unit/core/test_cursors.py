"""Cursors of the event stream: they come back as they were, and are of one cluster."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_core.cursors import Cursor, Cursors, era_of
from swarm_core.store.stream import Place
from swarm_protocol.errors import SwarmError

OURS = Cursors("0193f6a0-0000-7000-8000-000000000000")


@given(st.text(max_size=50), st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 63) - 1))
def test_a_cursor_comes_back_as_it_was(era: str, xact: int, number: int) -> None:
    cursor = Cursor(era_of(era), Place(xact, number))
    assert OURS.read(OURS.write(cursor)) == cursor
    assert OURS.write(cursor).isascii()


@given(st.text(max_size=50))
def test_nothing_else_is_one(text: str) -> None:
    with pytest.raises(SwarmError) as refused:
        OURS.read(text)
    assert (refused.value.code, refused.value.field) == ("cursor_invalid", "after")


def test_another_cluster_and_another_version_are_told_apart() -> None:
    text = OURS.write(Cursor(era_of("a"), Place(1, 2)))
    with pytest.raises(SwarmError, match="of another cluster") as refused:
        Cursors("another").read(text)
    assert refused.value.hint == "go on without a cursor: that begins now"
    later = b"\2" + base64.urlsafe_b64decode(text + "==")[1:]
    with pytest.raises(SwarmError, match="of another version"):
        OURS.read(base64.urlsafe_b64encode(later).decode())
