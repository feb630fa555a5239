"""The worker's proofs and its access token's life."""

import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from swarm_protocol import claims
from swarm_worker.identity import Identity, new_key, public_key
from swarm_worker.tokens import Tokens, assertion

WHO = Identity(worker_id=uuid.uuid4(), cluster="c", name="n", url="wss://h:1", ca_pem="p", key=new_key())


def test_an_assertion_is_a_jwt_that_the_public_key_verifies() -> None:
    public: Ed25519PublicKey = WHO.private_key().public_key()
    read = jwt.decode(
        assertion(WHO, 1000.5),
        public,
        algorithms=["EdDSA"],
        audience=claims.AUD_ASSERTION,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (read["iss"], read["sub"], read["iat"], read["exp"]) == (str(WHO.worker_id), str(WHO.worker_id), 1000, 1060)
    assert len(public_key(WHO.key)) == 43


def test_a_token_is_refreshed_before_it_ends_and_not_used_at_its_very_end() -> None:
    now = [0.0]
    tokens = Tokens(WHO, clock=lambda: now[0])
    assert tokens.current == ""
    tokens.grant("t", 900.0)
    assert (tokens.current, tokens.refresh_in) == ("t", 600.0)
    now[0] = 600.0
    assert (tokens.current, tokens.refresh_in) == ("t", 0.0)
    now[0] = 811.0
    assert tokens.current == ""
    tokens.grant("u", 900.0)
    tokens.drop()
    assert tokens.current == ""
