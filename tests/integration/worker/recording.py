"""An engine that says that it can give NVIDIA cards to containers, before the real one, which can't.

It notes the bodies of all containers that are created, and leaves the cards out of what it passes on.
"""

import io
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web


class RecordingEngine:
    """Between a worker and its engine, on a socket of its own."""

    def __init__(self, path: Path, engine: str, *, default_runtime: str = "runc") -> None:
        self.path = path
        self.created: list[dict[str, Any]] = []
        self._engine = engine
        self._default = default_runtime
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "RecordingEngine":
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=self._engine, limit=0))
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.path)).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        body: bytes = await request.read()
        if request.path.endswith("/containers/create"):
            body = self._without_cards(body)
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        call = self._session.request(
            request.method,
            f"http://engine{request.path_qs}",
            data=io.BytesIO(body) if body else None,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        async with call as answer:
            if request.path.endswith("/info"):
                return web.json_response(self._info(await answer.json()))
            return await _pass_on(request, answer)

    def _info(self, told: dict[str, Any]) -> dict[str, Any]:
        return {**told, "Runtimes": {**told["Runtimes"], "nvidia": {}}, "DefaultRuntime": self._default}

    def _without_cards(self, body: bytes) -> bytes:
        wanted = msgspec.json.decode(body)
        self.created.append(msgspec.json.decode(body))
        wanted["HostConfig"].pop("DeviceRequests", None)
        return msgspec.json.encode(wanted)


async def _pass_on(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    passed = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.headers.get("Content-Type", "")})
    if answer.status != 204:
        passed.enable_chunked_encoding()
    await passed.prepare(request)
    async for data in answer.content.iter_any():
        await passed.write(data)
    await passed.write_eof()
    return passed
