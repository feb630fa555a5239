"""The web face over HTTP, before a real core: who gets in, and what a page of others gets."""

import asyncio
import ssl
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, TCPConnector, WSServerHandshakeError
from tests.fixtures.web_client import Browser, browsing, logins
from tests.fixtures.web_faces import Served, faced
from tests.integration.consumer.fake_core import make_certificates
from tests.integration.core.live_core import PASSWORD, LiveCore

from swarm_commanddeck.web.serve import Wanted, judge
from swarm_protocol.claims import SERVER_NAME

ELSEWHERE = "https://evil.example"


async def test_nothing_is_shown_before_a_sign_in(browser: Browser) -> None:
    for path in ("/", "/?delay=1", "/download/x"):
        answer = await browser.get(path)
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
    with pytest.raises(WSServerHandshakeError):
        async with browser.deck():
            pass
    form = await browser.get("/login")
    assert form.status == 200
    assert 'type="password"' in await form.text()
    for name, value in (("X-Frame-Options", "DENY"), ("Cache-Control", "no-store")):
        assert form.headers[name] == value
    assert (await browser.get("/ping")).status == 200


async def test_a_wrong_password_and_then_too_many(core: LiveCore, browser: Browser) -> None:
    refused = await browser.login(password="guess")
    assert refused.status == 401
    assert "Set-Cookie" not in refused.headers
    text = await refused.text()
    assert "don&#x27;t go together" in text
    assert 'value="ada"' in text
    assert "guess" not in text
    while (refused := await browser.login(password="guess")).status == 401:
        continue
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert "too many failed sign-ins" in await refused.text()
    assert await logins(core) == 0


async def test_from_the_sign_in_to_the_sign_out(core: LiveCore, face: Served, browser: Browser) -> None:
    answer = await browser.login()
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert (await browser.get("/login")).headers["Location"] == "/"
    page = await browser.get("/")
    assert page.status == 200
    assert f'data-session-websocket-url="{face.url.replace("http", "ws")}/ws"' in await page.text()
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    async with browser.deck() as deck:
        await deck.sees("tiny deck of ada as operator, 0 leaks")
        await deck.key("k")
        await deck.sees("the last was k")
        assert await logins(core) == 1
        assert (await browser.post("/logout")).headers["Location"] == "/login"
        await deck.ended()
    assert await logins(core) == 0
    assert face.decks == 0
    assert (await browser.get("/")).headers["Location"] == "/login"


async def test_only_so_many_sign_in_at_once(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarm_commanddeck.web.guests._WAITING", 3)
    answers = await asyncio.gather(*(browser.login() for _ in range(8)))
    assert {answer.status for answer in answers} == {303, 429}
    assert (await browser.login()).status == 303


async def test_a_new_sign_in_ends_the_one_before(core: LiveCore, browser: Browser) -> None:
    await browser.login()
    await browser.login()
    assert await logins(core) == 1
    assert (await browser.get("/")).status == 200


async def test_a_sign_in_that_the_core_ended_is_over_here(core: LiveCore, face: Served, browser: Browser) -> None:
    await browser.login()
    await core.database.api.execute("delete from login_token")
    await core.database.api.execute("update person set generation = generation + 1")
    core.parts.gatekeeper._people.clear()
    assert (await browser.get("/")).headers["Location"] == "/login"
    assert len(face.face._sessions) == 0


async def test_a_core_that_is_away_is_told(core: LiveCore, browser: Browser) -> None:
    await browser.login()
    await core.server.stop(0)
    answer = await browser.get("/")
    assert answer.status == 503
    assert "no answer from the core" in await answer.text()


# Pages of others -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [ELSEWHERE, "null", "", "http://127.0.0.1:1", "https://127.0.0.1"])
async def test_pages_of_others_sign_nobody_in_or_out(core: LiveCore, browser: Browser, origin: str) -> None:
    assert (await browser.login(origin=origin)).status == 403
    assert await logins(core) == 0
    await browser.login()
    assert (await browser.post("/logout", origin)).status == 403
    assert await logins(core) == 1


@pytest.mark.parametrize("origin", [ELSEWHERE, "null", ""])
async def test_pages_of_others_open_no_deck(face: Served, browser: Browser, origin: str) -> None:
    """The cookie is there, as it would be for a page of another port of this machine."""
    await browser.login()
    with pytest.raises(WSServerHandshakeError) as refused:
        async with browser.deck(origin):
            pass
    assert refused.value.status == 403
    assert face.decks == 0


async def test_a_name_that_was_made_to_lead_here_is_not_ours(browser: Browser) -> None:
    answer = await browser.get("/login", headers={"Host": "rebound.example:8900"})
    assert answer.status == 403
    assert "--public-url" in await answer.text()


async def test_behind_a_proxy(core: LiveCore) -> None:
    public = "https://deck.example.org"
    async with faced(core, public=public) as face, browsing(face.url) as browser:
        headers = {"Host": "deck.example.org", "Origin": public}
        form = {"user": "ada", "password": PASSWORD}
        answer = await browser.client.post(f"{face.url}/login", data=form, headers=headers, allow_redirects=False)
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-swarm-deck-")
        assert "Secure" in cookie.split("; ")
        page = await browser.get("/", headers={**headers, "Cookie": cookie.partition(";")[0]})
        assert "wss://deck.example.org/ws" in await page.text()


async def test_over_tls(core: LiveCore, tmp_path: Path) -> None:
    made, cert, key = make_certificates(), tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(made.chain)
    key.write_bytes(made.key)
    ca = tmp_path / "ca.pem"
    ca.write_text(core.cluster.authority.pem)
    _, _, tls = judge(Wanted(listen="127.0.0.1:0", core="c", ca=ca, cert=cert, key=key))
    trust = ClientSession(
        cookie_jar=CookieJar(unsafe=True), connector=TCPConnector(ssl=ssl.create_default_context(cadata=made.ca_pem))
    )
    async with faced(core, tls=tls) as face, trust as client:
        answer = await client.post(
            f"{face.url}/login",
            data={"user": "ada", "password": PASSWORD},
            headers={"Origin": face.url},
            server_hostname=SERVER_NAME,
            allow_redirects=False,
        )
        assert "Secure" in answer.headers["Set-Cookie"].split("; ")
        page = await client.get(face.url, server_hostname=SERVER_NAME)
        assert f"{face.url.replace('https', 'wss')}/ws" in await page.text()
