"""Decks behind the web face: when they end, how many there are, and what they give to a browser."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError
from tests.fixtures.tiny_deck import FILE
from tests.fixtures.web_client import Browser, browsing, logins
from tests.fixtures.web_faces import Served, faced
from tests.integration.core.live_core import LiveCore

from swarm_commanddeck.web import sessions as bounds

ROOT = Path(__file__).parents[4]


def children(parent: int | None = None) -> set[int]:
    """The tiny decks of a process, of this one at first; 0 is any."""
    of = f"PPid:\t{os.getpid() if parent is None else parent}\n"
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
                status = (entry / "status").read_text()
            except OSError:
                continue
            if b"tiny_deck.py" in words and of in status:
                found.add(int(entry.name))
    return found


async def until_gone(found: Callable[[], set[int]] = children) -> None:
    async with asyncio.timeout(20):
        while found():
            await asyncio.sleep(0.02)


async def test_a_deck_ends_with_its_page(face: Served, browser: Browser) -> None:
    await browser.login()
    async with browser.deck() as deck:
        await deck.sees("tiny deck of ada")
        assert len(children()) == 1
    await until_gone()
    assert face.decks == 0


@pytest.mark.parametrize("key", ["q", "x"])
async def test_a_page_ends_with_its_deck(face: Served, browser: Browser, key: str) -> None:
    """Whether it is left or dies."""
    await browser.login()
    async with browser.deck() as deck:
        await deck.sees("tiny deck of ada")
        await deck.key(key)
        await deck.ended()
    assert (await browser.get("/")).status == 200


async def test_decks_end_with_the_web_face(core: LiveCore) -> None:
    async with faced(core) as face, browsing(face.url) as browser:
        await browser.login()
        [home] = [session.home for session in face.face._sessions._all.values()]
        assert home.is_dir()
        async with browser.deck() as deck:
            await deck.sees("tiny deck of ada")
            await face.face._guests.leave_all()
            await deck.ended()
    assert children() == set()
    assert await logins(core) == 0
    assert not home.exists()


async def test_decks_end_where_the_web_face_was_killed(core: LiveCore, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(core.cluster.authority.pem)
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fixtures.web_faces", f"https://127.0.0.1:{core.server.port}", str(ca)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert server.stdout is not None
        url = (await asyncio.wait_for(server.stdout.readline(), 30)).decode().strip()
        async with browsing(url) as browser:
            await browser.login()
            async with browser.deck() as deck:
                await deck.sees("tiny deck of ada")
                [pid] = children(server.pid)
                server.kill()
                await deck.ended()
        await until_gone(lambda: {pid} if Path(f"/proc/{pid}").exists() else set())
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.kill()
        await server.wait()


async def test_what_is_no_message_ends_the_deck(face: Served, browser: Browser) -> None:
    await browser.login()
    async with browser.deck() as deck:
        await deck.sees("tiny deck of ada")
        await deck.socket.send_str('["resize", {"width": 100000000, "height": 10}]')
        await deck.key("k")
        await deck.sees("the last was k")
        await deck.socket.send_str("{}")
        await deck.ended()
    await until_gone()


async def test_there_are_only_so_many(
    core: LiveCore, face: Served, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "DECKS_EACH", 1)
    await browser.login()
    async with browser.deck() as deck:
        await deck.sees("tiny deck of ada")
        page = await browser.get("/")
        assert page.status == 503
        assert "which is the most" in await page.text()
        with pytest.raises(WSServerHandshakeError) as refused:
            async with browser.deck():
                pass
        assert refused.value.status == 503
        assert face.decks == 1
    await until_gone()
    assert (await browser.get("/")).status == 200


async def test_observing_is_the_cores_word(core: LiveCore) -> None:
    async with faced(core, observing=True) as face, browsing(face.url) as browser:
        await browser.login()
        assert "ada (observing)" in await (await browser.get("/")).text()
        async with browser.deck() as deck:
            await deck.sees("tiny deck of ada as observer")


async def test_files_come_to_who_asked_for_them(core: LiveCore, face: Served, browser: Browser) -> None:
    await core.person("eve", "admin")
    await browser.login()
    async with browser.deck() as deck, browsing(face.url) as other:
        await deck.sees("tiny deck of ada")
        await deck.key("d")
        key = await deck.hears("deliver_file_start")
        await other.login("eve")
        assert (await other.get(f"/download/{key}")).status == 404
        answer = await browser.get(f"/download/{key}")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert "filename*=UTF-8''m%C3%B6del%22.bin" in answer.headers["Content-Disposition"]
        reading = asyncio.create_task(answer.read())
        await deck.key("k")
        await deck.sees("the last was k")
        assert await reading == FILE
        assert (await browser.get(f"/download/{key}")).status == 404


async def test_links_lead_to_pages_alone(browser: Browser) -> None:
    await browser.login()
    async with browser.deck() as deck:
        await deck.sees("tiny deck of ada")
        await deck.key("l")
        assert (await deck.hears("open_url"))["url"] == "https://example.org/"
        assert [told[1]["url"] for told in deck.told if told[0] == "open_url"] == ["https://example.org/"]
