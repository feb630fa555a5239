"""Images: brought from the core blob by blob, verified, loaded into the engine, and removed again when room is needed.

An image is kept under a tag of this worker's own, so that no other worker and no person loses one by its sweep.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from swarm_protocol import oci
from swarm_protocol.messages import HeldImage, ImageRef, Ref
from swarm_protocol.states import FailureKind
from swarm_worker.archive import docker_archive
from swarm_worker.failures import AttemptFailed, of_disk
from swarm_worker.runtimes.engine import Engine, EngineError, EngineGone, EngineRefused
from swarm_worker.runtimes.profile import ImageConfig
from swarm_worker.sysinfo import architecture
from swarm_worker.transfer import Transfer, TransferError

_LOAD = 1800.0
_BRING = 3600.0
"""Bound on one image, for a load whose attempts have all given up."""


class Loaded(msgspec.Struct, kw_only=True):
    """An image that this worker has put into its engine."""

    digest: str
    tag: str
    diff_ids: list[str]
    user: str
    volumes: list[str]
    size: int
    used_at: float

    def config(self) -> ImageConfig:
        """What the profile needs of it."""
        return ImageConfig(user=self.user, volumes=tuple(self.volumes))


@dataclass(frozen=True)
class Ready:
    """An image to run, and the seconds it took."""

    image: Loaded
    pull: float = 0.0
    load: float = 0.0


class _Inner(msgspec.Struct):
    user: str = msgspec.field(default="", name="User")
    volumes: dict[str, Any] | None = msgspec.field(default=None, name="Volumes")


class _RootFs(msgspec.Struct):
    diff_ids: list[str]


class _Config(msgspec.Struct):
    rootfs: _RootFs
    config: _Inner = msgspec.field(default_factory=_Inner)


@contextmanager
def _told_of_zstd(manifest: oci.Manifest) -> Iterator[None]:
    """What an engine says of a layer that it can't unpack tells nobody what to do about it."""
    try:
        yield
    except (EngineRefused, TransferError) as error:
        if all(not layer.media_type.endswith("zstd") for layer in manifest.layers):
            raise
        way_out = "upgrade that engine to 23 or later, or push what `docker save` makes of the image"
        text = f"{str(error)[:200]}; it has layers of zstd, which older engines can't unpack: {way_out}"
        raise TransferError(text) from error


class Images:
    """The images of one worker."""

    def __init__(
        self,
        data: Path,
        engine: Engine,
        transfer: Transfer,
        worker: str,
        budget: int,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._folder = data / "images"
        self._blobs = self._folder / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._engine = engine
        self._transfer = transfer
        self._repo = f"swarm-image-{worker.replace('-', '')}"
        self._budget = budget
        self._wall = wall
        self._loading: dict[str, asyncio.Task[Ready]] = {}
        self._known = self._read_records()
        self._checked: set[str] = set()
        self._users: dict[str, int] = {}

    def _read_records(self) -> dict[str, Loaded]:
        known = {}
        for path in self._folder.glob("*.json"):
            try:
                loaded = msgspec.json.decode(path.read_bytes(), type=Loaded)
                known[loaded.digest] = loaded
            except (OSError, msgspec.DecodeError):
                path.unlink(missing_ok=True)
        return known

    async def ensure(self, image: ImageRef, ref: Ref) -> Ready:
        """Have the image in the engine, once for all that ask at a time. Raises AttemptFailed, EngineGone."""
        self._users[image.digest] = self._users.get(image.digest, 0) + 1
        try:
            known = self._known.get(image.digest)
            if known is not None and await self._is_there(known):
                known.used_at = self._wall()
                return Ready(known)
            return await self._shared(image, ref)
        except BaseException:
            self.give_back(image.digest)
            raise

    def give_back(self, digest: str) -> None:
        """An attempt that had it needs it no more."""
        self._users[digest] = self._users.get(digest, 1) - 1
        if self._users[digest] <= 0:
            del self._users[digest]

    def held(self) -> list[HeldImage]:
        """All of them, the most recently used first."""
        known = sorted(self._known.values(), key=lambda image: image.used_at, reverse=True)
        return [HeldImage(digest=image.digest, size=image.size) for image in known]

    def forget_checks(self) -> None:
        """The engine was away: look again whether images are still there."""
        self._checked.clear()

    async def _is_there(self, loaded: Loaded) -> bool:
        if loaded.digest in self._checked:
            return True
        there = await self._diff_ids(loaded.tag) == loaded.diff_ids
        if there:
            self._checked.add(loaded.digest)
        return there

    async def _shared(self, image: ImageRef, ref: Ref) -> Ready:
        task = self._loading.get(image.digest)
        if task is None:
            task = self._loading[image.digest] = asyncio.create_task(self._bring(image, ref))
            task.add_done_callback(lambda _: self._loading.pop(image.digest, None))
        # One that is cancelled leaves the load to the others, and to the next that asks.
        return await asyncio.shield(task)

    async def _bring(self, image: ImageRef, ref: Ref) -> Ready:
        try:
            async with asyncio.timeout(_BRING):
                return await self._fetch_and_load(image, ref)
        except TimeoutError as error:
            raise AttemptFailed(FailureKind.PULL_FAILED, f"image {image.name}: not here within an hour") from error
        except TransferError as error:
            raise AttemptFailed(FailureKind.PULL_FAILED, f"image {image.name}: {error}") from error
        except msgspec.DecodeError as error:
            text = f"image {image.name}: its manifest or configuration can't be read: {error}"
            raise AttemptFailed(FailureKind.PULL_FAILED, text) from error
        except EngineGone:
            raise
        except EngineError as error:
            raise AttemptFailed(FailureKind.PULL_FAILED, f"image {image.name}: the engine: {error}") from error
        except OSError as error:
            raise of_disk(error, FailureKind.PULL_FAILED, f"image {image.name}") from error

    async def _fetch_and_load(self, image: ImageRef, ref: Ref) -> Ready:
        begun = time.monotonic()
        manifest = await self._manifest(image.digest, ref)
        if manifest.config is None:
            raise TransferError("its manifest names no configuration")
        raw = await self._transfer.small_blob(manifest.config.digest, ref)
        config = msgspec.json.decode(raw, type=_Config)
        tag = f"{self._repo}:{image.digest.removeprefix('sha256:')}"
        loaded = Loaded(
            digest=image.digest,
            tag=tag,
            diff_ids=config.rootfs.diff_ids,
            user=config.config.user,
            volumes=list(config.config.volumes or {}),
            size=sum(layer.size for layer in manifest.layers),
            used_at=self._wall(),
        )
        pulled = begun
        if not await self._take_over(manifest.config.digest, loaded):
            folder = self._blobs / image.digest.removeprefix("sha256:")
            folder.mkdir(exist_ok=True)
            layers = [await self._layer(folder, layer, ref) for layer in manifest.layers]
            pulled = time.monotonic()
            with _told_of_zstd(manifest):
                await self._load(raw, manifest.config.digest, layers, loaded)
            shutil.rmtree(folder, ignore_errors=True)
        self._note(loaded)
        await self._reclaim()
        return Ready(loaded, pulled - begun, time.monotonic() - pulled)

    async def _manifest(self, digest: str, ref: Ref) -> oci.Manifest:
        manifest = oci.parse_manifest(await self._transfer.manifest(digest, ref))
        if not manifest.is_index:
            return manifest
        arch = architecture()
        for item in manifest.manifests:
            if item.platform is not None and (item.platform.os, item.platform.architecture) == ("linux", arch):
                return oci.parse_manifest(await self._transfer.manifest(item.digest, ref))
        offered = ", ".join(f"{m.platform.os}/{m.platform.architecture}" for m in manifest.manifests if m.platform)
        raise TransferError(f"it is not for linux/{arch}, only for {offered or 'nothing named'}")

    async def _take_over(self, config_digest: str, loaded: Loaded) -> bool:
        """An engine that has an image of this very configuration has its layers too: a tag is enough."""
        if await self._diff_ids(config_digest) != loaded.diff_ids:
            return False
        repo, _, tag = loaded.tag.partition(":")
        try:
            await self._engine.call("POST", f"/images/{config_digest}/tag", params={"repo": repo, "tag": tag})
        except EngineRefused:
            return False
        return await self._is_there(loaded)

    async def _layer(self, folder: Path, layer: oci.Descriptor, ref: Ref) -> Path:
        path = folder / layer.digest.removeprefix("sha256:")
        await self._transfer.fetch(layer.digest, layer.size, path, ref)
        return path

    async def _load(self, config: bytes, config_digest: str, layers: list[Path], loaded: Loaded) -> None:
        archive = docker_archive(config, config_digest.removeprefix("sha256:"), layers, loaded.tag)
        answer = await self._engine.call("POST", "/images/load", params={"quiet": "1"}, data=archive, deadline=_LOAD)
        if not await self._is_there(loaded):
            said = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
            raise TransferError(f"the engine did not load it as its configuration says: {said.strip()[:300]}")

    async def _diff_ids(self, name: str) -> list[str] | None:
        try:
            seen = await self._engine.call("GET", f"/images/{name}/json")
        except EngineRefused:
            return None
        return list((seen.get("RootFS") or {}).get("Layers") or [])

    def _record(self, loaded: Loaded) -> Path:
        return self._folder / f"{loaded.digest.removeprefix('sha256:')}.json"

    def _note(self, loaded: Loaded) -> None:
        self._known[loaded.digest] = loaded
        self._record(loaded).write_bytes(msgspec.json.encode(loaded))

    async def _reclaim(self) -> None:
        """Remove the longest unused images until the rest is within the budget; never one in use."""
        total = sum(image.size for image in self._known.values())
        for image in sorted(self._known.values(), key=lambda image: image.used_at):
            if total <= self._budget:
                return
            if image.digest not in self._users:
                await self._remove(image)
                total -= image.size

    async def _remove(self, image: Loaded) -> None:
        try:
            await self._engine.call("DELETE", f"/images/{image.tag}", deadline=120.0)
        except EngineRefused as error:
            if error.status == 409:
                return  # a container still uses it; the next time, then
        self._known.pop(image.digest, None)
        self._checked.discard(image.digest)
        self._record(image).unlink(missing_ok=True)

    async def remove_all(self) -> None:
        """Remove every image of this worker's from the engine. Raises EngineGone."""
        for image in list(self._known.values()):
            await self._remove(image)
