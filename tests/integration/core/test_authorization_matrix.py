"""Every route × every kind of caller that must be turned away (F23), made from the route table.

A route that is added later is in here by itself; one that is open to all has to be named in OPEN.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.spine import SilentLog

from swarm_core.api.app import create_app
from swarm_core.api.auth import ROLES, Access, access_of
from swarm_core.clock import SystemClock
from swarm_protocol.claims import AUD_ASSERTION, AUD_USER, AUD_WORKER, SERVER_NAME, b64url
from swarm_protocol.ids import uuid7

OPEN = {
    ("GET", "/api/v1/ca.pem"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/health"),
    ("GET", "/ping"),
    ("GET", "/ready"),
    ("POST", "/api/v1/join"),
    ("POST", "/api/v1/login"),
    ("POST", "/api/v1/logout"),
    ("POST", "/api/v1/token"),
    ("POST", "/api/v1/worker-token"),
}
"""What anyone may call: a credential is in the body, or nothing is worth one."""


@dataclass(frozen=True)
class Door:
    """A method and a path to be tried, and who may pass."""

    method: str
    path: str
    access: Access

    @property
    def target(self) -> str:
        """The path with something in place of each parameter."""
        return re.sub(r"{[^}]*}", "1", self.path)


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path) as made:
        yield made


def doors(routes: list[BaseRoute]) -> list[Door]:
    """The whole table; `WS` stands for a websocket."""
    found: list[Door] = []
    for route in routes:
        access = access_of(route)
        assert access is not None, f"{route} declares no role"
        assert isinstance(route, Route | WebSocketRoute)
        methods = sorted((route.methods or set()) - {"HEAD"}) if isinstance(route, Route) else ["WS"]
        found += [Door(method, route.path, access) for method in methods]
    return found


async def knock(core: LiveCore, door: Door, token: str, project: str = "", at_most: str = "") -> int:
    """The status that a caller with this token gets, in a project (none: their own), as one of this role at most."""
    named = {"Swarm-Project": project} if project else {}
    named |= {"Swarm-Role": at_most} if at_most else {}
    if door.method != "WS":
        answer = await core.call(door.method, door.target, token, headers=named, content=b"{}")
        if answer.status_code >= 400 and answer.status_code != 416:
            problem(answer)
        return answer.status_code
    headers = named | ({"Authorization": f"Bearer {token}"} if token else {})
    url = f"wss://127.0.0.1:{core.server.port}{door.target}"
    try:
        async with websockets.connect(
            url, ssl=core.trust, server_hostname=SERVER_NAME, additional_headers=headers, proxy=None
        ):
            return 101
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


# Bad tokens ----------------------------------------------------------------------------------------------


async def good_claims(core: LiveCore, audience: str) -> dict[str, Any]:
    """The claims of a token that would open every door of its audience."""
    if audience == AUD_WORKER:
        token = core.parts.tokens.issue_worker(await core.worker("w-good"), 0).token
    else:
        token = await core.token_of(await core.person("ada", "admin"))
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def signing_key(core: LiveCore) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(core.cluster.signing_key)


def by_hand(head: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A JWT as no library would make it."""
    text = f"{b64url(msgspec.json.encode(head))}.{b64url(msgspec.json.encode(claims))}"
    return f"{text}.{b64url(sign(text.encode()))}"


def confused(core: LiveCore, claims: dict[str, Any], encoding: Encoding, form: PublicFormat) -> str:
    """Signed by HMAC with our public key for its secret: what a verifier that trusts the header would take."""
    public = signing_key(core).public_key().public_bytes(encoding, form)
    return by_hand({"alg": "HS256"}, claims, lambda text: hmac.digest(public, text, hashlib.sha256))


def tampered(token: str) -> str:
    """The same signature under other claims."""
    head, body, signature = token.split(".")
    claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{head}.{b64url(msgspec.json.encode(claims | {'role': 'admin', 'jti': 'x'}))}.{signature}"


async def bad_tokens(core: LiveCore, audience: str) -> dict[str, str]:
    """Tokens that no door of this audience takes, by what is wrong with them."""
    claims, key = await good_claims(core, audience), signing_key(core)
    good = jwt.encode(claims, key, "EdDSA")
    return {
        "none": "",
        "no token at all": "nonsense",
        "an API token that nobody made": "SSAT1-" + "A" * 43,
        "expired": jwt.encode(claims | {"iat": 1, "exp": 2}, key, "EdDSA"),
        "wrong audience": jwt.encode(claims | {"aud": AUD_ASSERTION}, key, "EdDSA"),
        "several audiences": jwt.encode(claims | {"aud": [AUD_USER, AUD_WORKER]}, key, "EdDSA"),
        "wrong issuer": jwt.encode(claims | {"iss": "somebody"}, key, "EdDSA"),
        "alg none": by_hand({"alg": "none"}, claims, lambda text: b""),
        "HS256 with the raw public key": confused(core, claims, Encoding.Raw, PublicFormat.Raw),
        "HS256 with the public key in PEM": confused(core, claims, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "another key": jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA"),
        "tampered": tampered(good),
        "older generation": jwt.encode(claims | {"gen": 7}, key, "EdDSA"),
        "nobody": jwt.encode(claims | {"sub": "0193f6a0-0000-7000-8000-000000000000"}, key, "EdDSA"),
        "no id": jwt.encode(claims | {"sub": "ada"}, key, "EdDSA"),
    }


# The matrix ----------------------------------------------------------------------------------------------


async def test_the_open_routes_are_the_ones_that_are_meant_to_be(core: LiveCore) -> None:
    assert {(door.method, door.path) for door in doors(core.parts.app.routes) if door.access.anyone} == OPEN


@pytest.mark.parametrize("audience", [AUD_USER, AUD_WORKER])
async def test_bad_tokens_open_no_door(core: LiveCore, audience: str) -> None:
    guarded = [door for door in doors(core.parts.app.routes) if not door.access.anyone]
    assert len(guarded) > 20
    tokens = await bad_tokens(core, audience)
    passed = [
        (door.method, door.path, what, status)
        for door in guarded
        for what, token in tokens.items()
        if (status := await knock(core, door, token)) not in (401, 403)
    ]
    assert passed == []


async def test_a_role_that_is_too_low_is_forbidden(core: LiveCore) -> None:
    tokens = {role: await core.token_of(await core.person(f"p-{role}", role)) for role in ROLES}
    wrong = []
    for door in doors(core.parts.app.routes):
        if door.access.role is not None:
            for role in ROLES[: ROLES.index(door.access.role)]:
                if (status := await knock(core, door, tokens[role])) != 403:
                    wrong.append((door, role, status))
    assert wrong == []


async def test_the_role_that_is_asked_for_passes(core: LiveCore) -> None:
    """Without it a core that refuses everybody would pass the rest."""
    tokens = {role: await core.token_of(await core.person(f"p-{role}", role)) for role in ROLES}
    wrong = []
    for door in doors(core.parts.app.routes):
        if door.access.role is not None and (status := await knock(core, door, tokens[door.access.role])) in (401, 403):
            wrong.append((door, status))
    assert wrong == []


async def in_lab(core: LiveCore, name: str, own: str, role: str | None) -> str:
    """The token of somebody with a role in the project `lab`, or with none there."""
    person = await core.person(name, own)
    pool = core.database.api
    await pool.execute("insert into project (id, name) values ($1, 'lab') on conflict do nothing", uuid7())
    if role is not None:
        await pool.execute(
            "insert into member select id, $1, $2, swarm_now(), '' from project where name = 'lab'", person, role
        )
    return await core.token_of(person)


def of_projects(core: LiveCore) -> list[Door]:
    """The doors to what belongs to a project."""
    return [door for door in doors(core.parts.app.routes) if door.access.role is not None and not door.access.cluster]


async def test_another_project_is_not_there(core: LiveCore) -> None:
    token = await in_lab(core, "ben", "operator", None)
    found = of_projects(core)
    assert len(found) > 20
    wrong = [(door, status) for door in found if (status := await knock(core, door, token, "lab")) != 404]
    assert wrong == []


async def test_the_role_in_the_project_counts(core: LiveCore) -> None:
    """Not one's own, be it higher or lower."""
    low = await in_lab(core, "low", "operator", "observer")
    high = await in_lab(core, "high", "observer", "operator")
    wrong = []
    for door in of_projects(core):
        allowed = door.access.role == "observer"
        for token, ok in ((low, allowed), (high, True)):
            status = await knock(core, door, token, "lab")
            if (status == 403) is ok:
                wrong.append((door, ok, status))
    assert wrong == []


async def test_workers_and_people_dont_take_each_others_doors(core: LiveCore) -> None:
    worker = core.parts.tokens.issue_worker(await core.worker("w"), 0).token
    admin = await core.token_of(await core.person("ada", "admin"))
    wrong = []
    for door in doors(core.parts.app.routes):
        if door.access.anyone:
            continue
        if not door.access.workers and (status := await knock(core, door, worker)) != 401:
            wrong.append((door, "worker", status))
        if door.access.role is None and (status := await knock(core, door, admin)) != 401:
            wrong.append((door, "person", status))
    assert wrong == []


@pytest.mark.parametrize("how", ["revoked worker", "revoked person", "disabled person"])
async def test_who_was_shut_out_passes_no_door(core: LiveCore, how: str) -> None:
    if how == "revoked worker":
        worker = await core.worker("w")
        token = core.parts.tokens.issue_worker(worker, 0).token
        await core.parts.workers.revoke(str(worker), "user:ada")
    else:
        person = await core.person("ada", "admin")
        token = await core.token_of(person)
        if how == "revoked person":
            await core.parts.people.revoke(person, "user:ada")
        else:
            await core.database.api.execute("update person set disabled_at = swarm_now()")
    guarded = [door for door in doors(core.parts.app.routes) if not door.access.anyone]
    passed = [(door, status) for door in guarded if (status := await knock(core, door, token)) not in (401, 403)]
    assert passed == []


# The table itself ----------------------------------------------------------------------------------------


async def test_a_route_that_declares_nothing_is_refused() -> None:
    async def forgotten(request: Request) -> Response:
        return Response()

    class Nobody:
        async def identify(self, authorization: str, kinds: Any, project: str = "", *, grace: float = 0.0) -> Any:
            raise AssertionError

    with pytest.raises(RuntimeError, match="/api/v1/forgotten doesn't say who may call it"):
        create_app([Route("/api/v1/forgotten", forgotten)], gatekeeper=Nobody(), clock=SystemClock(), log=SilentLog())
