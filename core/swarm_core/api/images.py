"""Routes of images and manifests."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, read
from swarm_core.api.openapi import PAGE, Media, documented
from swarm_core.api.query import listing, make_cursor, page, read_cursor, text
from swarm_core.images import Images, ImageUse, Resolved
from swarm_core.store.images import TagRow
from swarm_protocol.oci import MAX_MANIFEST

_MANIFEST: Final = Media("application/*")
"""A manifest or an index, of OCI or of Docker: its own media type."""


class ImageList(msgspec.Struct):
    """A part of the images."""

    items: list[TagRow]
    next: str | None


class ImageRoutes:
    """Handlers over the images."""

    def __init__(self, images: Images) -> None:
        self._images = images

    @needs("consumer")
    @documented(body=_MANIFEST, answer=Resolved, status=201, query={"tag": str})
    async def put(self, request: Request) -> Response:
        """Name a manifest, whose blobs are all here."""
        data = await read(request, MAX_MANIFEST)
        name, tag = request.path_params["name"], text(request, "tag") or "latest"
        return answer(await self._images.put(identity_of(request), name, tag, data), 201)

    @needs("observer")
    @documented(answer=ImageList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List images by name and tag."""
        part = page(request)
        after = read_cursor(part.cursor, tuple[str, str]) if part.cursor else ("", "")
        found = await self._images.tags(identity_of(request).project, after, part.limit + 1)
        items = found[: part.limit]
        more = make_cursor((items[-1].name, items[-1].tag)) if len(found) > part.limit else None
        return listing(items, more)

    @needs("observer")
    @documented(answer=Resolved, query={"tag": str, "digest": str})
    async def resolve(self, request: Request) -> Response:
        """What a name and a tag or digest stand for."""
        project, name = identity_of(request).project, request.path_params["name"]
        return answer(await self._images.find(project, name, text(request, "tag"), text(request, "digest")))

    @needs("observer")
    @documented(answer=ImageUse, query={"tag": str})
    async def use(self, request: Request) -> Response:
        """A tag, and who uses its image."""
        tag = text(request, "tag") or "latest"
        return answer(await self._images.use(identity_of(request).project, request.path_params["name"], tag))

    @needs("consumer")
    @documented(answer=ImageUse, query={"tag": str})
    async def delete(self, request: Request) -> Response:
        """Forget a tag; tells what it was, and who used it."""
        tag = text(request, "tag") or "latest"
        return answer(await self._images.delete(identity_of(request), request.path_params["name"], tag))

    @needs("observer", workers=True)
    @documented(answer=_MANIFEST)
    async def manifest(self, request: Request) -> Response:
        """The bytes of a manifest."""
        digest = request.path_params["digest"]
        media_type, body = await self._images.manifest(identity_of(request), digest)
        headers = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache", "Content-Type": media_type}
        return StreamingResponse(body, headers=headers)


def routes(images: Images) -> list[Route]:
    """All routes of images. A name may hold slashes."""
    handlers = ImageRoutes(images)
    at = "/api/v1"
    return [
        Route(f"{at}/images", handlers.list, methods=["GET"]),
        Route(f"{at}/images/{{name:path}}/resolve", handlers.resolve, methods=["GET"]),
        Route(f"{at}/images/{{name:path}}/use", handlers.use, methods=["GET"]),
        Route(f"{at}/images/{{name:path}}", handlers.put, methods=["PUT"]),
        Route(f"{at}/images/{{name:path}}", handlers.delete, methods=["DELETE"]),
        Route(f"{at}/manifests/{{digest}}", handlers.manifest, methods=["GET"]),
    ]
