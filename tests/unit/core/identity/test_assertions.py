"""A worker's proof of its key: fresh, its own, and good once."""

from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarm_core.identity.assertions import Assertions, claimed_worker
from swarm_protocol.claims import AUD_ASSERTION, AUD_WORKER
from swarm_protocol.errors import SwarmError

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
WORKER = uuid4()
NOW = 1_000_000.0


def sign(key: Ed25519PrivateKey = KEY, at: float = NOW, **more: Any) -> str:
    claims: dict[str, Any] = {
        "iss": str(WORKER),
        "sub": str(WORKER),
        "aud": AUD_ASSERTION,
        "iat": int(at),
        "exp": int(at) + 60,
        "jti": uuid4().hex,
    }
    return jwt.encode(claims | more, key, "EdDSA")


def refused(assertion: str, assertions: Assertions | None = None, now: float = NOW) -> SwarmError:
    with pytest.raises(SwarmError) as caught:
        (assertions or Assertions()).check(assertion, PUBLIC, now)
    assert caught.value.code == "unauthenticated"
    return caught.value


def test_a_fresh_one_is_good_once() -> None:
    assertions, text = Assertions(), sign()
    assertions.check(text, PUBLIC, NOW)
    assert "used before" in refused(text, assertions).message
    assertions.check(sign(), PUBLIC, NOW)


def test_it_stays_used_for_as_long_as_it_could_be_fresh_on_any_clock() -> None:
    assertions, text = Assertions(), sign(at=NOW + 59)
    assertions.check(text, PUBLIC, NOW)
    for later in (1, 60, 118):
        for _ in range(3):
            assertions.check(sign(at=NOW + later), PUBLIC, NOW + later)
        refused(text, assertions, NOW + later)


def test_the_memory_forgets_what_has_ended_and_has_a_limit() -> None:
    assertions = Assertions(most=2)
    for later in (0, 300, 600):
        assertions.check(sign(at=NOW + later), PUBLIC, NOW + later)
    assert len(assertions._used) == 1
    assertions.check(sign(at=NOW + 600), PUBLIC, NOW + 600)
    with pytest.raises(SwarmError) as caught:
        assertions.check(sign(at=NOW + 600), PUBLIC, NOW + 600)
    assert caught.value.code == "too_many_requests"


@pytest.mark.parametrize(("off", "words"), [(3600, "3600 s ahead of"), (-3600, "3600 s behind"), (61, "61 s ahead of")])
def test_a_clock_that_is_off_is_named(off: int, words: str) -> None:
    assert words in (refused(sign(at=NOW + off)).hint or "")


@pytest.mark.parametrize("off", [-58, 0, 58])
def test_a_clock_that_is_a_little_off_will_do(off: int) -> None:
    Assertions().check(sign(at=NOW + off), PUBLIC, NOW)


@pytest.mark.parametrize(
    "more",
    [
        {"aud": AUD_WORKER},
        {"iss": str(uuid4())},
        {"exp": int(NOW) + 61},
        {"exp": int(NOW)},
        {"exp": int(NOW) - 1},
    ],
)
def test_wrong_claims_are_refused(more: dict[str, Any]) -> None:
    refused(sign(**more))


def test_another_key_is_refused() -> None:
    refused(sign(Ed25519PrivateKey.generate()))
    refused(jwt.encode(jwt.decode(sign(), options={"verify_signature": False}), PUBLIC, "HS256"))


def test_who_claims_is_read_before_anything_is_verified() -> None:
    assert claimed_worker(sign()) == UUID(str(WORKER))
    for text in ("", "x.y.z", sign(sub="ana"), "é" * 30):
        with pytest.raises(SwarmError):
            claimed_worker(text)
