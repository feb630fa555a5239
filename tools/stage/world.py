"""The staged client: requests are answered from `answers`, the event stream tells `EVENTS` and then nothing more."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.preferences import Preferences
from swarm_consumer.client import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.models import Event, WhoAmI
from swarm_consumer.wire import Answer
from swarm_core.identity.authority import load_authority, make_authority
from tools.stage import answers
from tools.stage.answers import MISSING, NEVER, NOW, Request, Table

CA_PEM: Final = load_authority(make_authority(NOW.timestamp())).pem
WHO: Final = WhoAmI(user="ana", project="lab", role="admin", own_role="admin", user_id="0", terminals=True)


class StageClock:
    """Stands at `NOW`; sleeps are short, and real, so that things gather and settle as they do."""

    def now(self) -> float:
        """Always the same."""
        return NOW.timestamp()

    def monotonic(self) -> float:
        """As it is."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """A tenth of it: nothing happens on the stage that had to be waited for."""
        await asyncio.sleep(seconds / 10)


class StageWire:
    """Answers from a table by method and path."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.asked: list[Request] = []

    async def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        """The staged answer; one that is missing is a 404 that says so."""
        parts = urlsplit(target)
        request = Request(method, parts.path.removeprefix("/api/v1"), tuple(parse_qsl(parts.query)), body)
        self.asked.append(request)
        found = self._table.find(request)
        if found is NEVER:
            await asyncio.Event().wait()
        if isinstance(found, bytes):
            return Answer(200, {}, found)
        status = 404 if found is MISSING else 200
        return Answer(status, {"content-type": "application/json"}, msgspec.json.encode(found))

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Mapping[str, str], seconds: float
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """The same, in one piece."""
        answer = await self.send(method, target, headers, None, seconds)

        async def pieces() -> AsyncIterator[bytes]:
            yield answer.body

        yield answer, pieces()

    async def close(self) -> None:
        """Nothing to close."""


class StagedClient(Client):
    """The SDK on a stage."""

    def __init__(self, table: Table, project: str | None = None) -> None:
        held = Credentials(
            url="https://stage", user="ana", ca_pem=CA_PEM, refresh_token="-", access_token="-", expires_at=float("inf")
        )
        wire = StageWire(table)
        super().__init__(held, wire=wire, clock=StageClock(), project=project)
        self._transport._streaming = wire
        self._table = table

    async def events(self, *which: Any, back: Any = None, **more: Any) -> AsyncIterator[Event]:
        """What happens on the stage, then nothing; without `follow` what has happened before."""
        if back is not None:
            back()
        follow = more.get("follow", True)
        for event in self._table.events if follow else self._table.past:
            yield event
        if follow:
            await asyncio.Event().wait()

    async def logs(self, job: int, **more: Any) -> AsyncIterator[Any]:
        """A job's log as it is on the stage, which ends where the job has."""
        for event in self._table.logs.get(job, ()):
            yield event
        if job not in self._table.ended:
            await asyncio.Event().wait()


def table() -> Table:
    """All areas' answers."""
    whole = Table()
    for area in iter_modules(answers.__path__):
        import_module(f"tools.stage.answers.{area.name}").fill(whole)
    return whole


def staged(
    *,
    at: str = "overview",
    theme: str = "dark",
    role: str = "admin",
    answers: Table | None = None,
    kind: type[DeckApp] = DeckApp,
) -> DeckApp:
    """The deck on the stage, at a screen, in a theme, as somebody of a role; `kind` may be one with more screens."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    given = answers or table()
    who = msgspec.structs.replace(WHO, role=role, own_role=role)
    return kind(
        lambda project: StagedClient(given, project),
        who,
        start=at,
        clock=StageClock(),
        keep=Preferences(theme=theme),
    )
