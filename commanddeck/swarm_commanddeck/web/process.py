"""A deck's process for one page in a browser: started with the sign-in of who looks, and ended whatever happens."""

import asyncio
import json
import os
import signal
import site
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiohttp import web
from textual_serve.app_service import AppService

from swarm_commanddeck.web import handed
from swarm_commanddeck.web.offers import Offers
from swarm_consumer.credentials import Credentials

GRACE: Final = 3.0
"""Seconds for a deck to leave when it is asked, and again when it is told."""
DRIVER: Final = "swarm_commanddeck.web.driver:DeckDriver"
_LINKS: Final = ("http://", "https://")


class DeckProcess(AppService):
    """One of them. What it says goes to the socket, which sets its pace."""

    def __init__(
        self, command: Sequence[str], credentials: Credentials, home: Path, socket: web.WebSocketResponse
    ) -> None:
        """`home` is where it keeps choices and works; it never sees the sign-in of who serves it."""
        self._offers = Offers()
        super().__init__(
            "",
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=_closer(socket),
            download_manager=self._offers,
        )
        self._words = command
        self._credentials = credentials
        self._home = home
        self._stopping: asyncio.Task[None] | None = None

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        reader = handed.offer(self._credentials)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=PIPE,
                stdout=PIPE,
                env={**self._build_environment(width, height), handed.VARIABLE: str(reader)},
                cwd=self._home,
                pass_fds=(reader,),
                start_new_session=True,  # Ctrl-C is for who serves, and ends decks in order
            )
        finally:
            os.close(reader)
        self._process = process
        self._stdin = process.stdin
        process.stderr = _nothing()  # what goes wrong is said where the server says things, and kept nowhere
        return process

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return environment(super()._build_environment(width, height), self._home)

    async def on_meta(self, data: bytes) -> None:
        """Take what the deck wants of the browser; links lead to pages only."""
        told = json.loads(data)
        if told.get("type") != "open_url" or str(told.get("url")).lower().startswith(_LINKS):
            await super().on_meta(data)

    async def ended(self) -> None:
        """Return once it has."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def stop(self) -> None:
        """End it: it is asked, then told, then made to; idempotent."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        process, task = self._process, self._task
        if process is None:
            return
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(GRACE):
                await self.send_meta({"type": "quit"})
                await process.wait()
        for how in (signal.SIGTERM, signal.SIGKILL):
            if process.returncode is None:
                os.killpg(process.pid, how)  # with whatever it started
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), GRACE)
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        await self._offers.cancel_app_downloads(self.app_service_id)

    def file_name(self, key: str) -> str | None:
        """What a file is called that it offers; None where it offers none by this key."""
        return self._offers.file_name(key)

    def read(self, key: str) -> AsyncGenerator[bytes, None]:
        """That file. Raises SwarmError(unavailable) where it breaks off."""
        return self._offers.read(key)


def environment(given: Mapping[str, str], home: Path) -> dict[str, str]:
    """What a deck's process is started with: nothing that says who serves it is signed in as, or what is their own."""
    kept = {name: value for name, value in given.items() if not name.startswith(("SWARM_", "XDG_"))}
    own = dict.fromkeys(("HOME", "TMPDIR", "SWARM_HOME"), str(home))
    # Python looks for packages in a person's home too, where this may be installed.
    packages = {"PYTHONUSERBASE": site.getuserbase()}
    # Half of what the library asks for: 30 pictures a second are a smooth list on half the bytes.
    return {**kept, **own, **packages, "TEXTUAL_DRIVER": DRIVER, "TEXTUAL_FPS": "30"}


def _closer(socket: web.WebSocketResponse) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await socket.close()

    return close


def _nothing() -> asyncio.StreamReader:
    found = asyncio.StreamReader()
    found.feed_eof()
    return found
