"""Routes of blobs and uploads. People and workers use the same ones; a worker names its attempt in a header."""

from functools import partial
from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, read
from swarm_core.api.errors import problem_response
from swarm_core.api.openapi import OCTETS, RANGE, RANGED, documented
from swarm_core.api.query import path_uuid
from swarm_core.api.ranges import ranged
from swarm_core.library import MAX_SMALL, Inventory, Library
from swarm_core.store.blobs import Owner
from swarm_core.uploads import OffsetMismatch, Uploads
from swarm_protocol.errors import SwarmError

_ASK_BYTES: Final = 256 * 1024
_BYTES: Final = OCTETS.kind
_ATTEMPT: Final = {"Swarm-Attempt": str}


class DigestsForm(msgspec.Struct):
    """Blobs that are asked for."""

    digests: list[str]


class UploadForm(msgspec.Struct):
    """What is to be uploaded."""

    digest: str
    size: int


class BlobAnswer(msgspec.Struct):
    """A blob that counts."""

    digest: str
    size: int


class UploadAnswer(msgspec.Struct):
    """An upload, and how many of its bytes are here."""

    id: UUID
    offset: int
    size: int


class OffsetAnswer(msgspec.Struct):
    """How many bytes of an upload are here."""

    offset: int


class BlobRoutes:
    """Handlers over the library and the uploads."""

    def __init__(self, library: Library, uploads: Uploads) -> None:
        self._library = library
        self._uploads = uploads

    async def _owner(self, request: Request) -> Owner:
        return await self._library.owner(identity_of(request), request.headers.get("swarm-attempt"))

    @needs("consumer", workers=True)
    @documented(body=DigestsForm, answer=Inventory, headers=_ATTEMPT)
    async def missing(self, request: Request) -> Response:
        """Which of these blobs have to be uploaded."""
        ask = await decode(request, DigestsForm, _ASK_BYTES)
        return answer(await self._library.inventory(await self._owner(request), ask.digests))

    @needs("consumer", workers=True)
    @documented(body=OCTETS, answer=BlobAnswer, status=201, headers=_ATTEMPT)
    async def put(self, request: Request) -> Response:
        """Add a small blob in one request."""
        owner, digest = await self._owner(request), request.path_params["digest"]
        data = await read(request, MAX_SMALL)
        await self._library.put(owner, digest, data)
        return answer(BlobAnswer(digest, len(data)), 201)

    @needs("observer", workers=True)
    @documented(answer=OCTETS, also=RANGED, headers=RANGE)
    async def get(self, request: Request) -> Response:
        """The bytes of a blob, or a range of them."""
        digest = request.path_params["digest"]
        size = await self._library.size(identity_of(request), digest)
        return await ranged(request, digest, size, partial(self._library.read, digest), {}, _BYTES)

    @needs("consumer", workers=True)
    @documented(body=UploadForm, answer=UploadAnswer, status=201, headers=_ATTEMPT)
    async def open(self, request: Request) -> Response:
        """Begin an upload, or take up an unfinished one."""
        ask = await decode(request, UploadForm)
        upload, offset = await self._uploads.open(await self._owner(request), ask.digest, ask.size)
        return answer(UploadAnswer(upload, offset, ask.size), 201)

    @needs("consumer", workers=True)
    @documented(answer=UploadAnswer)
    async def status(self, request: Request) -> Response:
        """How far an upload is."""
        upload = path_uuid(request)
        offset, size = await self._uploads.status(identity_of(request), upload)
        return answer(UploadAnswer(upload, offset, size))

    @needs("consumer", workers=True)
    @documented(body=OCTETS, answer=OffsetAnswer, headers={"Upload-Offset": int})
    async def append(self, request: Request) -> Response:
        """Add bytes to an upload, at the offset that the header Upload-Offset names."""
        text = request.headers.get("upload-offset", "")
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise SwarmError("bad_request", "the header Upload-Offset must be a number", field="Upload-Offset")
        try:
            offset = await self._uploads.append(identity_of(request), path_uuid(request), int(text), request.stream())
        except OffsetMismatch as error:
            return _mismatch(error)
        return answer(OffsetAnswer(offset))

    @needs("consumer", workers=True)
    @documented(answer=BlobAnswer, status=201)
    async def finish(self, request: Request) -> Response:
        """Check an upload's digest and make its bytes count."""
        try:
            digest, size = await self._uploads.finish(identity_of(request), path_uuid(request))
        except OffsetMismatch as error:
            return _mismatch(error)
        return answer(BlobAnswer(digest, size), 201)


def _mismatch(error: OffsetMismatch) -> Response:
    response = problem_response(error)
    response.headers["Upload-Offset"] = str(error.offset)
    return response


def routes(library: Library, uploads: Uploads) -> list[Route]:
    """All routes of blobs and uploads."""
    handlers = BlobRoutes(library, uploads)
    at = "/api/v1"
    return [
        Route(f"{at}/blobs/missing", handlers.missing, methods=["POST"]),
        Route(f"{at}/blobs/{{digest}}", handlers.put, methods=["PUT"]),
        Route(f"{at}/blobs/{{digest}}", handlers.get, methods=["GET"]),
        Route(f"{at}/uploads", handlers.open, methods=["POST"]),
        Route(f"{at}/uploads/{{id}}", handlers.append, methods=["PATCH"]),
        Route(f"{at}/uploads/{{id}}", handlers.status, methods=["GET"]),
        Route(f"{at}/uploads/{{id}}/finish", handlers.finish, methods=["POST"]),
    ]
