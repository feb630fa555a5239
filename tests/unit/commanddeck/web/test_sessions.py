"""Sessions of the web face: bounded in number, life and decks."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from swarm_commanddeck.web import sessions as bounds
from swarm_commanddeck.web.sessions import Session, Sessions
from swarm_consumer.credentials import Credentials
from swarm_protocol.errors import SwarmError

ADA = Credentials(url="https://c:1", user="ada", ca_pem="", refresh_token="r")


class FakeDeck:
    """A deck that is only counted."""

    async def stop(self) -> None:
        raise AssertionError

    def file_name(self, key: str) -> str | None:
        raise AssertionError

    def read(self, key: str) -> AsyncGenerator[bytes, None]:
        raise AssertionError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock)


def begin(sessions: Sessions) -> Session:
    return sessions.begin(ADA, Path("/nowhere"))[0]


def test_a_session_is_known_by_a_key_that_nobody_guesses(sessions: Sessions) -> None:
    one, other = begin(sessions), begin(sessions)
    assert one.key != other.key
    assert len(one.key) >= 43
    assert sessions.find(one.key) is one
    assert sessions.find("") is sessions.find("x") is None
    assert sessions.end(one.key) is one
    assert sessions.find(one.key) is sessions.end(one.key) is None


def test_it_ends_when_nobody_is_there(sessions: Sessions, clock: Clock) -> None:
    session = begin(sessions)
    clock.now += bounds.IDLE - 1
    assert sessions.find(session.key)
    clock.now += bounds.IDLE - 1
    assert sessions.over() == []
    clock.now += 1
    assert sessions.find(session.key) is None
    assert sessions.over() == [session]
    assert len(sessions) == 0


def test_an_open_deck_is_somebody(sessions: Sessions, clock: Clock) -> None:
    session, deck = begin(sessions), FakeDeck()
    sessions.open(session, deck)
    clock.now += bounds.IDLE * 3
    assert sessions.find(session.key)
    sessions.close(session, deck)
    clock.now += bounds.IDLE - 1
    assert sessions.over() == []
    clock.now += 1
    assert sessions.over() == [session]


def test_nobody_stays_for_ever(sessions: Sessions, clock: Clock) -> None:
    session = begin(sessions)
    sessions.open(session, FakeDeck())
    clock.now += bounds.LONGEST
    assert sessions.find(session.key) is None
    assert sessions.over() == [session]


def test_the_newest_is_let_in_for_the_one_that_was_idle_for_longest(sessions: Sessions, clock: Clock) -> None:
    first = begin(sessions)
    sessions.open(first, FakeDeck())
    clock.now += 1
    second = begin(sessions)
    clock.now += 1
    while len(sessions) < bounds.MOST:
        begin(sessions)
    made, gone = sessions.begin(ADA, Path("/nowhere"))
    assert gone is second
    assert len(sessions) == bounds.MOST
    assert sessions.find(first.key) is first
    assert sessions.find(made.key) is made


def test_decks_are_counted_for_each_and_for_all(sessions: Sessions) -> None:
    assert bounds.DECKS < bounds.MOST  # else `begin` might find nobody to let go
    one = begin(sessions)
    for _ in range(bounds.DECKS_EACH):
        sessions.open(one, FakeDeck())
    with pytest.raises(SwarmError, match="you have 5 decks open"):
        sessions.open(one, FakeDeck())
    while sessions.decks < bounds.DECKS:
        sessions.open(begin(sessions), FakeDeck())
    with pytest.raises(SwarmError, match="20 decks are open here"):
        sessions.open(begin(sessions), FakeDeck())
    sessions.close(one, one.decks[0])
    sessions.open(one, FakeDeck())
    assert set(sessions.all()) >= {one}
    assert len(sessions) == 0
