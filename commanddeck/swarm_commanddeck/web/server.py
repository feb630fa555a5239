"""Answers browsers: a sign-in first, then a page with a terminal, and behind it a deck of one's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import textual_serve
from aiohttp import web

from swarm_commanddeck.web import envelope, pages
from swarm_commanddeck.web.address import Listen, Site
from swarm_commanddeck.web.guests import LOG, SIGN_IN_SECONDS, Guests
from swarm_commanddeck.web.process import DeckProcess
from swarm_commanddeck.web.relay import cells, first_to_end, listen
from swarm_commanddeck.web.sessions import LONGEST, Session
from swarm_consumer.cli.text import clean
from swarm_protocol.errors import SwarmError

_FORM_BYTES: Final = 16 * 1024
_TERMINAL: Final = Path(textual_serve.__file__).parent / "static"
_OWN: Final = Path(__file__).parent / "static"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Told:
    """What the web face was told when it was started."""

    listen: Listen
    site: Site
    core: str
    """The core's address."""
    command: Sequence[str]
    """Of a deck's process."""
    observing: bool = False


class WebFace:
    """The application."""

    def __init__(self, told: Told, guests: Guests) -> None:
        self._told = told
        self._guests = guests
        self._sessions = guests.sessions
        # Cookies know no ports: two web faces of one machine would take each other's.
        self._cookie = f"{'__Host-' if told.site.secure else ''}swarm-deck-{told.listen.port}"

    def app(self) -> web.Application:
        """What aiohttp serves."""
        made = web.Application(middlewares=[self._own_pages_only], client_max_size=_FORM_BYTES)
        made.add_routes(
            [
                web.get("/", self._index),
                web.get("/login", self._form),
                web.post("/login", self._login),
                web.post("/logout", self._logout),
                web.get("/ws", self._socket),
                web.get("/download/{key}", self._download),
                web.get("/ping", self._ping),
                web.get(r"/static/{name:pages\.css|page\.js}", self._own),
                web.static("/static/terminal", _TERMINAL),
            ]
        )
        made.cleanup_ctx.append(self._watched)
        made.on_shutdown.append(self._leave_all)
        return made

    async def _watched(self, app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._guests.watch())
        yield
        task.cancel()
        await asyncio.wait((task,))

    async def _leave_all(self, app: web.Application) -> None:
        await self._guests.leave_all()

    # Who may ask -----------------------------------------------------------------------------------------

    @web.middleware
    async def _own_pages_only(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer under our own names, and let our own pages alone sign in, sign out and open sockets."""
        try:
            self._check_origin(request)
            response = await handler(request)
        except SwarmError as error:
            response = pages.told(error)
        except web.HTTPException as error:
            error.headers.update(pages.HEADERS)
            raise
        if not response.prepared:
            response.headers.update(pages.HEADERS)
        return response

    def _check_origin(self, request: web.Request) -> None:
        own = self._origin(request)
        changes = request.method not in ("GET", "HEAD") or request.path == "/ws"
        if changes and request.headers.get("Origin") != own:
            LOG.warning("turned away a request from %s", clean(request.headers.get("Origin", "no page")))
            raise SwarmError("forbidden", "that comes from a page of somebody else's", hint=f"open {own}/")

    def _origin(self, request: web.Request) -> str:
        host = request.headers.get("Host", "")
        own = self._told.site.origin(host)
        if own is None:
            hint = "where a proxy stands before it, start it with --public-url and the address in the browser"
            raise SwarmError("forbidden", f"this is not known as {clean(host)}", hint=hint)
        return own

    def _session(self, request: web.Request) -> Session:
        """Whose request it is. Raises a redirection to the sign-in."""
        found = self._sessions.find(self._key(request))
        if found is None:
            raise web.HTTPSeeOther("/login")
        return found

    def _key(self, request: web.Request) -> str:
        return request.cookies.get(self._cookie, "")

    # Signing in ------------------------------------------------------------------------------------------

    async def _form(self, request: web.Request) -> web.StreamResponse:
        if self._sessions.find(self._key(request)):
            raise web.HTTPSeeOther("/")
        return pages.login(self._told.core)

    async def _login(self, request: web.Request) -> web.StreamResponse:
        user, password = await _read_form(request)
        try:
            session = await self._guests.enter(user, password)
        except SwarmError as error:
            LOG.warning("a sign-in as %s from %s failed: %s", clean(user), request.remote, error.message)
            return pages.login(self._told.core, user=user, error=error)
        LOG.info("%s signed in from %s", session.credentials.user, request.remote)
        await self._guests.leave(self._key(request))
        return self._redirect("/", session.key)

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        await self._guests.leave(self._key(request))
        return self._redirect("/login", "")

    def _redirect(self, to: str, key: str) -> web.StreamResponse:
        """Elsewhere, with the cookie that goes with it; an empty key takes it away."""
        answer = web.Response(status=303, headers={"Location": to, "Cache-Control": "no-store"})
        life, secure = (int(LONGEST) if key else 0), self._told.site.secure
        answer.set_cookie(self._cookie, key, max_age=life, httponly=True, samesite="Strict", secure=secure)
        return answer

    # The deck --------------------------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        if request.query:  # the terminal's script would act on some
            raise web.HTTPSeeOther("/")
        self._sessions.check_room(session)
        if not await self._guests.welcome(session):
            raise web.HTTPSeeOther("/login")
        socket = f"ws{self._origin(request).removeprefix('http')}/ws"
        told, user = self._told, session.credentials.user
        return pages.deck(socket=socket, user=user, core=told.core, observing=told.observing)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        socket = web.WebSocketResponse(heartbeat=15, max_msg_size=envelope.MAX_BYTES)
        deck = DeckProcess(self._told.command, session.credentials, session.home, socket)
        self._sessions.open(session, deck)
        try:
            await socket.prepare(request)
            await deck.start(cells(request, "width", 80), cells(request, "height", 24))
            await first_to_end(listen(socket, deck), deck.ended())
        finally:
            self._sessions.close(session, deck)
            await deck.stop()
            await socket.close()
        return socket

    async def _download(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        for deck in self._session(request).decks:
            if (name := deck.file_name(key)) is not None:
                answer = web.StreamResponse(headers={**pages.HEADERS, **pages.file_headers(name)})
                await answer.prepare(request)
                try:
                    async for piece in deck.read(key):
                        await answer.write(piece)
                except SwarmError:
                    _cut(request)  # half a file must not look whole
                return answer
        raise SwarmError("not_found", "no open deck of yours offers that file", hint="ask the deck for it again")

    # The rest --------------------------------------------------------------------------------------------

    async def _ping(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="pong")

    async def _own(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_OWN / request.match_info["name"])


async def _read_form(request: web.Request) -> tuple[str, str]:
    """Name and password. Raises SwarmError(too_slow)."""
    try:
        async with asyncio.timeout(SIGN_IN_SECONDS):
            form = await request.post()
    except TimeoutError:
        raise SwarmError("too_slow", "the form came too slowly", hint="try again") from None
    user, password = form.get("user"), form.get("password")
    return (user.strip() if isinstance(user, str) else ""), (password if isinstance(password, str) else "")


def _cut(request: web.Request) -> None:
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
