"""The web face in a real browser, headless: by its own pages and by those of others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.fixtures.chromium import Page, chromium
from tests.fixtures.tiny_deck import FILE
from tests.fixtures.web_faces import Served
from tests.integration.core.live_core import PASSWORD

OPENED = """new Promise(done => {
    const socket = new WebSocket(%r)
    socket.onopen = () => done("opened")
    socket.onerror = () => done("refused")
})"""
POSTED = """fetch(%r, {method: "POST", mode: "no-cors", credentials: "include"})
    .catch(() => null).then(() => "sent")"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as made:
        await made.look(1000, 600)
        yield made


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """A page of another port of this machine: for cookies that is the same site."""

    async def empty(request: web.Request) -> web.Response:
        return web.Response(text="<!DOCTYPE html><p>hello", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def sign_in(page: Page, face: Served, password: str = PASSWORD) -> None:
    """By the keyboard alone, from the first page on."""
    await page.open(face.url)
    await page.until("location.pathname === '/login' && document.activeElement.id === 'user'")
    await page.type(f"ada\t{password}\r")


async def test_from_the_sign_in_to_the_sign_out(face: Served, page: Page) -> None:
    await sign_in(page, face, "guess")
    await page.until("document.querySelector('[role=alert]')?.innerText.includes('go together')")
    await page.until("document.activeElement.id === 'password'")
    assert await page.js("document.cookie") == ""
    await page.type(f"{PASSWORD}\r")
    await page.until("document.body.classList.contains('-first-byte')")
    await page.draws("tiny deck of ada as operator, 0 leaks")
    assert await page.js("document.cookie") == ""  # no script sees it

    before = await page.picture()
    await page.type("k")  # nothing has to be clicked on first
    await page.draws("the last was k")
    await page.until("document.fonts.check('14px \"Roboto Mono\"')")
    assert await page.picture() != before

    await page.js("document.querySelector('header button').click()")
    await page.until("location.pathname === '/login' && document.getElementById('user') !== null")
    await page.open(face.url)
    assert await page.js("location.pathname") == "/login"
    assert page.complaints() == []
    assert face.decks == 0


async def test_a_deck_that_was_left_is_opened_again(face: Served, page: Page) -> None:
    await sign_in(page, face)
    await page.draws("tiny deck of ada")
    await page.type("q")
    await page.until("document.body.classList.contains('-closed')")
    page.heard.clear()
    await page.type("\r")
    await page.draws("tiny deck of ada")


async def test_a_file_comes_without_a_window(face: Served, page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    await page.downloads_to(folder)
    await sign_in(page, face)
    await page.draws("tiny deck of ada")
    await page.type("d")
    await page.downloaded()
    [file] = folder.iterdir()
    assert file.name.endswith(".bin")
    assert file.read_bytes() == FILE
    assert await page.js("location.pathname") == "/"
    assert page.complaints() == []


async def test_pages_of_others_get_nowhere(face: Served, page: Page, elsewhere: str) -> None:
    await sign_in(page, face)
    await page.draws("tiny deck of ada")
    own = await page.js(OPENED % f"{face.url.replace('http', 'ws')}/ws")
    assert own == "opened"  # the same line of script, from our own page
    await page.open(elsewhere)
    assert await page.js(OPENED % f"{face.url.replace('http', 'ws')}/ws") == "refused"
    assert await page.js(POSTED % f"{face.url}/logout") == "sent"
    await page.open(face.url)
    await page.until("location.pathname === '/' && document.body.classList.contains('-first-byte')")


async def test_no_page_frames_it(face: Served, page: Page, elsewhere: str) -> None:
    await page.open(elsewhere)
    framed = (
        "new Promise(done => {const f = document.createElement('iframe'); f.src = %r; f.onload = () => done('loaded');"
    )
    assert await page.js(framed % f"{face.url}/login" + " document.body.append(f)})") == "loaded"
    tree = (await page.call("Page.getFrameTree"))["frameTree"]
    assert [child["frame"]["url"] for child in tree["childFrames"]] == ["chrome-error://chromewebdata/"]
