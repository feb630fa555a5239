"""Images: push from the engine or an archive, list, look up."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from swarm_consumer.archive import Archive, ImageParts, Limits, build_manifest
from swarm_consumer.engine import Engine, LocalImage
from swarm_consumer.expand import temporary, uncompressed
from swarm_consumer.models import Image, ImageUse
from swarm_consumer.pages import Page, every
from swarm_consumer.progress import Progress, Silent
from swarm_consumer.transport import Call, Transport, part
from swarm_consumer.uploads import Inventory, Source, Uploads
from swarm_protocol import oci
from swarm_protocol.errors import SwarmError


@dataclass(frozen=True)
class Reference:
    """A name and a tag; the name may hold slashes and a registry's port."""

    name: str
    tag: str = "latest"

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"


@dataclass(frozen=True)
class Pushed:
    """What a push did."""

    name: str
    tag: str
    digest: str
    size: int
    sent: int
    """Bytes of blobs that had to travel."""


def reference(text: str) -> Reference:
    """Read `name`, `name:tag`, `registry:5000/name:tag`. Raises SwarmError."""
    head, _, last = text.rpartition("/")
    base, colon, tag = last.partition(":")
    name = f"{head}/{base}" if head else base
    if not base or (colon and not tag) or "@" in text or text.startswith("sha256:"):
        hint = "give it one with --as NAME[:TAG]"
        raise SwarmError("bad_request", f"{text!r} is no name for an image in the swarm", hint=hint)
    return Reference(name, tag or "latest")


class Images:
    """The verbs about images."""

    def __init__(self, transport: Transport, uploads: Uploads, engine: Callable[[], Engine] = Engine) -> None:
        self._transport = transport
        self._uploads = uploads
        self._engine = engine

    async def push(self, image: str, *, rename: str | None = None, progress: Progress | None = None) -> Pushed:
        """Bring an image of the local engine by its name. Raises SwarmError.

        Only layers that the core lacks are read from the engine; an unchanged image costs two short requests.
        """
        engine, shown = self._engine(), progress or Silent()
        try:
            local = await engine.inspect(image)
            name = _name(rename, image, local.repo_tags)
            return await self._known(local, name) or await self._saved(engine, image, local, name, shown)
        finally:
            await engine.close()

    async def push_archive(
        self,
        path: Path,
        *,
        rename: str | None = None,
        progress: Progress | None = None,
        limits: Limits | None = None,
    ) -> Pushed:
        """Bring the image of an archive, compressed or not. Raises SwarmError."""
        async with _uncompressed(path, limits) as plain:
            parts = await asyncio.to_thread(lambda: Archive(plain, shown=path, limits=limits).image())
            return await self._bring(parts, _name(rename, parts.name), progress or Silent())

    async def _known(self, local: LocalImage, name: Reference) -> Pushed | None:
        """Where the core has all blobs: the manifest alone."""
        have = await self._uploads.inventory([local.id, *local.diff_ids])
        if have.missing or not local.diff_ids:
            return None
        try:
            return await self._put(name, _manifest_of(local, have), 0)
        except SwarmError as error:
            # A blob was reclaimed in between: then the image travels as if it were new.
            if error.code != "blob_missing":
                raise
            return None

    async def _saved(
        self, engine: Engine, image: str, local: LocalImage, name: Reference, progress: Progress
    ) -> Pushed:
        with temporary() as target:
            progress.begin("read from engine", local.size)
            await engine.save(image, target, progress)
            expected = local.id if local.diff_ids else None
            parts = await asyncio.to_thread(lambda: Archive(target, shown=image).image(expected))
            return await self._bring(parts, name, progress)

    async def _bring(self, parts: ImageParts, name: Reference, progress: Progress) -> Pushed:
        sources: Sequence[Source] = [parts.config, *parts.layers]
        sent = await self._uploads.upload(sources, progress)
        return await self._put(name, parts.manifest, sent)

    async def _put(self, name: Reference, manifest: bytes, sent: int) -> Pushed:
        headers = {"Content-Type": oci.MANIFEST}
        call = Call("PUT", f"/images/{part(name.name)}", [("tag", name.tag)], body=manifest, headers=headers)
        image = await self._transport.get(Image, call)
        return Pushed(name.name, name.tag, image.digest, image.size, sent)

    async def all(self) -> list[Image]:
        """All images of the project. Raises SwarmError."""
        return await every(self._transport, "/images", Page[Image])

    async def use(self, text: str) -> ImageUse:
        """One image by `name:tag`, and who uses it. Raises SwarmError(image_unknown)."""
        name = reference(text)
        return await self._transport.get(ImageUse, Call("GET", f"/images/{part(name.name)}/use", [("tag", name.tag)]))

    async def remove(self, text: str) -> ImageUse:
        """Forget a tag; returns what it was, and who used it. Raises SwarmError(image_unknown).

        Its own bytes are reclaimed later, once the jobs that were submitted with it have ended; schedules that name it
        find no image any more.
        """
        name = reference(text)
        return await self._transport.get(ImageUse, Call("DELETE", f"/images/{part(name.name)}", [("tag", name.tag)]))


@asynccontextmanager
async def _uncompressed(path: Path, limits: Limits | None) -> AsyncIterator[Path]:
    """`uncompressed` with its work in threads."""
    expanding = uncompressed(path, limits)
    plain = await asyncio.to_thread(expanding.__enter__)
    try:
        yield plain
    finally:
        await asyncio.to_thread(expanding.__exit__, None, None, None)


def _name(rename: str | None, *candidates: str | Sequence[str] | None) -> Reference:
    """What to call the image in the swarm: the name given, else the first that is one."""
    if rename:
        return reference(rename)
    for candidate in candidates:
        for text in [candidate] if isinstance(candidate, str) else candidate or []:
            try:
                return reference(text)
            except SwarmError:
                continue
    hint = "name it: `swarm push … --as NAME[:TAG]`"
    raise SwarmError("bad_request", "the image has no name", hint=hint)


def _manifest_of(local: LocalImage, have: Inventory) -> bytes:
    layers = [(digest, have.present[digest], oci.LAYER_TAR) for digest in local.diff_ids]
    return build_manifest(local.id, have.present[local.id], layers)
