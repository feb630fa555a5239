"""Images: manifests over blobs that are all there, and the tags that name them."""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.blobs import BlobStore, Staged
from swarm_core.clock import Clock
from swarm_core.library import Caller, Library, check_digest
from swarm_core.store import blobs as blob_rows
from swarm_core.store import events, keys
from swarm_core.store import images as rows
from swarm_core.store.database import Connection, Database, transaction
from swarm_core.store.events import Event
from swarm_core.store.images import ManifestRow, TagRow, Users
from swarm_protocol import oci
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId
from swarm_protocol.spec import DIGEST

_NAME: Final = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._:/-]{0,253}[A-Za-z0-9])?$")
_TAG: Final = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")
_MAX_PARTS: Final = 1000
_FRESH_SECONDS: Final = 1.0
"""How long a reference's digest may be answered from memory: another core may have seen a push meanwhile."""
MAX_USERS: Final = 100
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Resolved:
    """An image reference and the digest it stands for."""

    name: str
    tag: str | None
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class ImageUse:
    """A tag, and who uses its image: the first MAX_USERS of each kind."""

    image: TagRow
    used_by: Users


class Pusher(Caller, Protocol):
    """Who pushes."""

    @property
    def name(self) -> str: ...


class _RootFs(msgspec.Struct):
    diff_ids: list[str]


class _Config(msgspec.Struct):
    """What makes a JSON document an image's configuration."""

    architecture: str
    os: str
    rootfs: _RootFs
    variant: str = ""


class Images:
    """Takes, names and finds images."""

    def __init__(
        self, database: Database, store: BlobStore, library: Library, clock: Clock, *, noted: Callable[[], None]
    ) -> None:
        """`noted` is called after a commit that the event stream tells of."""
        self._database = database
        self._store = store
        self._library = library
        self._clock = clock
        self._noted = noted
        self._recent: OrderedDict[tuple[UUID, str], tuple[float, Resolved]] = OrderedDict()

    # Pushing ---------------------------------------------------------------------------------------------

    async def put(self, who: Pusher, name: str, tag: str, data: bytes) -> Resolved:
        """Keep a manifest under a name and tag.

        Raises SwarmError: bad_request, too_large, not_an_image, blob_missing (naming the digests), disk_full.
        """
        check_name(name, tag)
        manifest = parse(data)
        staged = await self._store.stage(data)
        try:
            platform = "" if manifest.is_index else await self._platform(who.project, manifest)
            row = await self._commit(who, name, tag, manifest, staged, platform)
        except BaseException:
            await self._store.discard(staged)
            raise
        self._forget(who.project)
        self._noted()
        return Resolved(name, tag, row.digest, row.size)

    async def _commit(
        self, who: Pusher, name: str, tag: str, manifest: oci.Manifest, staged: Staged, platform: str
    ) -> ManifestRow:
        """All in one transaction: the blobs are held from the check until the rows that refer to them are there."""
        async with transaction(self._database.api) as connection:
            row = await self._checked(connection, who.project, manifest, staged, platform)
            await blob_rows.lock_digest(connection, staged.digest)
            await self._store.keep(staged)
            await blob_rows.commit(connection, staged.digest, staged.size, who.project)
            await rows.put(connection, who.project, row, name, tag, who.name)
            await events.record(connection, [_change(who, name, tag, "pushed", row.digest)])
            await keys.audit(
                connection, f"user:{who.name}", "push_image", f"{name}:{tag}", who.project, digest=row.digest
            )
        return row

    async def _checked(
        self, connection: Connection, project: ProjectId, manifest: oci.Manifest, staged: Staged, platform: str
    ) -> ManifestRow:
        parts = {part.digest: part.size for part in manifest.descriptors()}
        present = await blob_rows.touch(connection, project, list(parts))
        _need_all(parts, present)
        size = sum(parts.values())
        if manifest.is_index:
            known = await rows.manifests(connection, project, list(parts))
            if len(known) < len(parts):
                raise _missing(sorted(set(parts) - set(known)))
            size = sum(found for found, _ in known.values())
            platform = ",".join(sorted({text for _, text in known.values() if text}))
        media_type = manifest.media_type or (oci.INDEX if manifest.is_index else oci.MANIFEST)
        return ManifestRow(staged.digest, media_type, platform, size + staged.size, tuple(parts))

    async def _platform(self, project: ProjectId, manifest: oci.Manifest) -> str:
        """The platform that the configuration names; it must be there and be one of an image."""
        config = manifest.config
        assert config is not None
        if await blob_rows.size_for_project(self._database.api, project, config.digest) is None:
            raise _missing([config.digest])
        try:
            data = await self._library.read_all(config.digest, oci.MAX_CONFIG)
            found = msgspec.json.decode(data, type=_Config)
        except (msgspec.DecodeError, SwarmError) as error:
            raise _no_image(f"its configuration can't be read: {error}") from None
        if len(found.rootfs.diff_ids) != len(manifest.layers):
            raise _no_image(
                f"its configuration names {len(found.rootfs.diff_ids)} layers, its manifest {len(manifest.layers)}"
            )
        return "/".join(text for text in (found.os, found.architecture, found.variant) if text)

    # Finding ---------------------------------------------------------------------------------------------

    async def resolve(self, project: ProjectId, reference: str) -> Resolved:
        """What `name`, `name:tag` or `name@digest` stands for. Raises SwarmError(image_unknown).

        Answered from memory for up to a second, so that a crowd of submits asks the database once.
        """
        key, now = (project, reference), self._clock.monotonic()
        recent = self._recent.get(key)
        if recent is not None and now - recent[0] < _FRESH_SECONDS:
            return recent[1]
        found = await self.find(project, *split_reference(reference), use=True)
        self._recent[key] = (now, found)
        self._recent.move_to_end(key)
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return found

    async def find(
        self, project: ProjectId, name: str, tag: str | None, digest: str | None, *, use: bool = False
    ) -> Resolved:
        """The same, asked of the database; `use`: a job is to be made of it. Raises SwarmError(image_unknown)."""
        if digest is not None:
            row = await rows.by_digest(self._database.api, project, digest, use)
        else:
            tag = tag or "latest"
            row = await rows.by_tag(self._database.api, project, name, tag, use)
        if row is None:
            raise _unknown(name, tag, digest)
        return Resolved(name, tag, *row)

    def _forget(self, project: UUID) -> None:
        for key in [key for key in self._recent if key[0] == project]:
            del self._recent[key]

    async def tags(self, project: ProjectId, after: tuple[str, str], most: int) -> list[TagRow]:
        """Tags of a project in order, after a name and tag."""
        return await rows.tags(self._database.api, project, after, most)

    async def use(self, project: ProjectId, name: str, tag: str) -> ImageUse:
        """One tag, and who uses it. Raises SwarmError(image_unknown)."""
        found = await rows.one_tag(self._database.api, project, name, tag)
        if found is None:
            raise _no_tag(name, tag)
        return ImageUse(found, await rows.users(self._database.api, project, found, MAX_USERS))

    async def delete(self, who: Pusher, name: str, tag: str) -> ImageUse:
        """Forget a tag; what nobody needs is reclaimed later. Tells what it was, and who used it.

        Jobs that were submitted with it keep it until they have ended; schedules that name it by the tag find no
        image any more. Raises SwarmError(image_unknown).
        """
        async with transaction(self._database.api) as connection:
            found = await rows.one_tag(connection, who.project, name, tag)
            digest = await rows.drop_tag(connection, who.project, name, tag)
            if digest is None or found is None:
                raise _no_tag(name, tag)
            users = await rows.users(connection, who.project, found, MAX_USERS)
            await events.record(connection, [_change(who, name, tag, "removed", digest)])
            await keys.audit(
                connection, f"user:{who.name}", "remove_image", f"{name}:{tag}", who.project, digest=digest
            )
        self._forget(who.project)
        self._noted()
        return ImageUse(found, users)

    async def manifest(self, who: Caller, digest: str) -> tuple[str, AsyncIterator[bytes]]:
        """(media type, bytes) of a manifest that the caller may read. Raises SwarmError(not_found)."""
        check_digest(digest)
        if who.kind == "worker":
            media_type = await rows.media_type_for_worker(self._database.api, who.id, digest)
        else:
            media_type = await rows.media_type_for_project(self._database.api, who.project, digest)
        if media_type is None:
            raise SwarmError("not_found", f"there is no manifest {digest}")
        return media_type, await self._library.read(digest)


def _change(who: Pusher, name: str, tag: str, what: str, digest: str) -> Event:
    return Event(
        kind="image",
        subject=f"{name}:{tag}",
        what=what,
        actor=f"user:{who.name}",
        project=who.project,
        detail={"digest": digest},
    )


def parse(data: bytes) -> oci.Manifest:
    """Read a manifest or index with sane parts. Raises SwarmError: too_large, not_an_image."""
    if len(data) > oci.MAX_MANIFEST:
        raise SwarmError("too_large", f"a manifest of {len(data)} bytes is over {oci.MAX_MANIFEST}")
    try:
        manifest = oci.parse_manifest(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no_image(f"its manifest can't be read: {error}") from None
    parts = manifest.descriptors()
    if manifest.schema_version != 2 or manifest.is_index == (manifest.config is not None):
        raise _no_image("its manifest is neither one of an image (version 2) nor an index of several")
    if len(parts) > _MAX_PARTS:
        raise _no_image(f"its manifest lists {len(parts)} parts, over {_MAX_PARTS}")
    if not all(DIGEST.match(part.digest) and 0 <= part.size < 1 << 50 for part in parts):
        raise _no_image("its manifest lists a part without a sha256 digest and size")
    return manifest


def _no_tag(name: str, tag: str) -> SwarmError:
    return SwarmError("image_unknown", f"there is no image {name}:{tag}", hint="`swarm images` lists them")


def _unknown(name: str, tag: str | None, digest: str | None) -> SwarmError:
    if digest is None:
        hint = f"`swarm push {name}:{tag}` brings it; `swarm images` lists those that are there"
        return SwarmError("image_unknown", f"there is no image {name}:{tag}", hint=hint, field="image")
    hint = "`swarm images --json` lists those that are there with their digests; `swarm push` brings others"
    return SwarmError("image_unknown", f"there is no image {name}@{digest}", hint=hint, field="image")


def check_name(name: str, tag: str) -> None:
    """Refuse names and tags that a reference could not hold. Raises SwarmError(bad_request)."""
    if not _NAME.match(name) or "//" in name:
        raise SwarmError(
            "bad_request",
            f"{name[:100]!r} is no name for an image: letters, digits and . _ - / :",
            hint="give another with --as NAME[:TAG]",
            field="name",
        )
    if not _TAG.match(tag):
        raise SwarmError("bad_request", f"{tag[:100]!r} is no tag: letters, digits and . _ -, at most 128", field="tag")


def split_reference(reference: str) -> tuple[str, str | None, str | None]:
    """(name, tag, digest) of a reference; a colon before a slash belongs to a registry's port."""
    name, at, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    base, colon, tag = last.partition(":")
    return head + slash + base, tag if colon else None, digest if at else None


def _need_all(parts: dict[str, int], present: dict[str, int]) -> None:
    """Every part must be there, in the size that the manifest names. Raises SwarmError."""
    missing = sorted(set(parts) - set(present))
    if missing:
        raise _missing(missing)
    for digest, size in parts.items():
        if present[digest] != size:
            raise _no_image(f"its manifest gives {digest} {size} bytes, which has {present[digest]}")


def _missing(digests: list[str]) -> SwarmError:
    return SwarmError(
        "blob_missing",
        f"{len(digests)} parts of the image are not on the core, the first {digests[0]}",
        hint="upload them, then the manifest again; `swarm push` does both",
        errors=[{"field": digest, "message": "not on the core"} for digest in digests],
    )


def _no_image(why: str) -> SwarmError:
    return SwarmError("not_an_image", f"that is no image: {why}", hint="push what `docker save` or an OCI layout holds")
