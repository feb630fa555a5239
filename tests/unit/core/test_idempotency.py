"""Which key each job of a request has."""

import pytest

from swarm_core.idempotency import earlier_job, keys_of
from swarm_core.store.jobs import Key, KnownKey
from swarm_protocol.errors import SwarmError

A, B = b'{"image":"a"}', b'{"image":"b"}'


def test_without_a_key_no_job_has_one() -> None:
    assert keys_of([A, B], (), 1, None) == [None, None]
    assert keys_of([A], [None], 3, None) == [None, None, None]


def test_a_lone_job_has_the_same_key_however_it_is_given() -> None:
    assert keys_of([A], ["k"], 1, None) == keys_of([A], (), 1, "k")


def test_the_first_job_of_many_has_the_key_itself_and_all_the_hash_of_the_whole() -> None:
    keys = [key for key in keys_of([A, B], (), 2, "k") if key]
    assert len({key.text for key in keys}) == 4
    assert keys[0].text == "k"
    assert {key.body_hash for key in keys} == {keys[0].body_hash}
    other = keys_of([A + B], (), 4, "k")[0]
    assert other
    assert other.body_hash != keys[0].body_hash


@pytest.mark.parametrize(
    ("keys", "count", "key"), [(["k"], 1, None), (["k", "k"], 1, None), (["k", None], 2, None), (["a", "b"], 1, "k")]
)
def test_keys_that_fit_no_request_are_refused(keys: list[str | None], count: int, key: str | None) -> None:
    with pytest.raises(SwarmError) as refused:
        keys_of([A, B], keys, count, key)
    assert (refused.value.code, refused.value.field) == ("bad_request", "keys")


def test_a_taken_key_gives_its_job_or_says_why_not() -> None:
    key = Key("k\x1f000001", b"h")
    assert earlier_job(key, KnownKey(7, b"h", "running")) == (7, "running")
    assert earlier_job(key, KnownKey(7, b"h", None)) == (7, "removed")
    with pytest.raises(SwarmError, match="'k' was used for another job"):
        earlier_job(key, KnownKey(7, b"other", "running"))
    with pytest.raises(SwarmError) as refused:
        earlier_job(key, None)
    assert refused.value.code == "unavailable"
