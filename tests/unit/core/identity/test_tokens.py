"""Access tokens: whatever the header says, only EdDSA with our key counts; times are those of the injected clock."""

import base64
from typing import Any
from uuid import UUID, uuid4

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.core.identity.clock import ManualClock

from swarm_core.identity import tokens as module
from swarm_core.identity.tokens import Granted, Tokens, make_signing_key
from swarm_protocol.claims import AUD_ASSERTION, AUD_USER, AUD_WORKER, b64url
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT

KEY = make_signing_key()
PERSON = uuid4()


def made(clock: ManualClock, **more: Any) -> Tokens:
    return Tokens(KEY, clock.time, **more)


def user_token(tokens: Tokens) -> Granted:
    return tokens.issue_user(PERSON, DEFAULT_PROJECT, "operator", 3)


def refusal(tokens: Tokens, token: str, *audiences: str) -> str:
    with pytest.raises(SwarmError) as caught:
        tokens.verify(token, *(audiences or (AUD_USER,)))
    return caught.value.code


def test_a_token_says_who_and_for_how_long() -> None:
    clock = ManualClock()
    tokens = made(clock)
    granted = user_token(tokens)
    claims = tokens.verify(granted.token, AUD_USER)
    assert (UUID(claims.sub), claims.role, claims.gen, claims.aud) == (PERSON, "operator", 3, AUD_USER)
    assert claims.exp == clock.now + 900 == clock.now + granted.expires_in
    assert tokens.verify(tokens.issue_worker(PERSON, 1).token, AUD_USER, AUD_WORKER).aud == AUD_WORKER


def test_no_token_lives_longer_than_15_minutes() -> None:
    assert user_token(made(ManualClock(), life=lambda: 86400)).expires_in == 900


def test_a_token_ends_even_where_it_is_remembered() -> None:
    clock = ManualClock()
    tokens = made(clock, life=lambda: 60)
    token = user_token(tokens).token
    tokens.verify(token, AUD_USER)
    clock.now += 59.9
    tokens.verify(token, AUD_USER)
    clock.now += 0.1
    assert refusal(tokens, token) == "token_expired"
    assert refusal(made(clock), token) == "token_expired"


def test_the_audience_is_looked_at_each_time() -> None:
    tokens = made(ManualClock())
    token = user_token(tokens).token
    tokens.verify(token, AUD_USER)
    assert refusal(tokens, token, AUD_WORKER) == "unauthenticated"
    assert refusal(tokens, token, AUD_ASSERTION) == "unauthenticated"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é" * 40, "x" * 5000, "..", "\x00"])
def test_what_is_no_token_is_refused(text: str) -> None:
    assert refusal(made(ManualClock()), text) == "unauthenticated"


def test_no_other_algorithm_is_taken() -> None:
    clock = ManualClock()
    tokens = made(clock)
    claims = jwt.decode(user_token(tokens).token, options={"verify_signature": False})
    body = b64url(msgspec.json.encode(claims))
    for head in ({"alg": "none"}, {"alg": "None"}, {}, {"alg": "ES256"}, {"alg": "HS512"}):
        assert refusal(tokens, f"{b64url(msgspec.json.encode(head))}.{body}.") == "unauthenticated"
    public = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
    forged = jwt.encode(claims, public, "HS256")
    assert refusal(tokens, forged) == "unauthenticated"


def test_a_changed_bit_anywhere_is_noticed() -> None:
    tokens = made(ManualClock())
    token = user_token(tokens).token
    for part in range(3):
        words = token.split(".")
        data = bytearray(base64.urlsafe_b64decode(words[part] + "=" * (-len(words[part]) % 4)))
        data[len(data) // 2] ^= 1
        words[part] = b64url(bytes(data))
        assert refusal(tokens, ".".join(words)) == "unauthenticated"


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "iat", "exp", "jti"])
def test_every_claim_has_to_be_there(missing: str) -> None:
    tokens = made(ManualClock())
    claims = jwt.decode(user_token(tokens).token, options={"verify_signature": False})
    del claims[missing]
    signed = jwt.encode(claims, Ed25519PrivateKey.from_private_bytes(KEY), "EdDSA")
    assert refusal(tokens, signed) == "unauthenticated"


def test_the_memory_of_verified_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 3)
    tokens = made(ManualClock())
    for _ in range(10):
        tokens.verify(user_token(tokens).token, AUD_USER)
    assert len(tokens._verified) == 3
