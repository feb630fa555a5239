"""Image archives as `docker save`, podman and skopeo write them: both docker formats and the OCI layout.

The archive is never unpacked. Its headers are read, the few small documents in it are parsed within limits, and
layers stay where they are: an upload reads their stretch of the file. Archives compressed as a whole are first
expanded into a temporary file, within limits.
"""

import hashlib
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from swarm_consumer import tarball
from swarm_consumer.tarball import Member, TarError
from swarm_consumer.uploads import Bytes, FileSlice, Source
from swarm_protocol import oci
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import DIGEST

T = TypeVar("T")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


@dataclass(frozen=True)
class Limits:
    """What an archive may hold, so that a hostile one can't fill memory or disk."""

    entries: int = 100_000
    total: int = 256 * 1024**3
    """Bytes of the archive, expanded."""
    document: int = oci.MAX_MANIFEST
    """Bytes of a manifest, an index or a config."""
    layers: int = 1000
    ratio: int = 400
    """How many times larger it may become when it is expanded, past the first GiB."""


@dataclass(frozen=True)
class ImageParts:
    """An image in an archive: its manifest, and what an upload needs to bring each blob."""

    name: str | None
    """`name:tag` as the archive has it."""
    manifest: bytes
    config: Source
    layers: list[Source]

    @property
    def digest(self) -> str:
        """The manifest's digest, which is the image's."""
        return "sha256:" + hashlib.sha256(self.manifest).hexdigest()


class _Config(msgspec.Struct):
    class RootFs(msgspec.Struct):
        diff_ids: list[str] = []

    rootfs: RootFs
    os: str = ""
    architecture: str = ""


class _Saved(msgspec.Struct, rename="pascal"):
    """One image in the manifest.json of `docker save`."""

    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


class _Pointer(msgspec.Struct, rename="camel"):
    digest: str
    size: int
    media_type: str = ""
    platform: oci.Platform | None = None
    annotations: dict[str, str] | None = None


class _Index(msgspec.Struct):
    manifests: list[_Pointer]


def not_an_image(where: object, why: str) -> SwarmError:
    """The error for a file that can't be pushed."""
    hint = "make one with `docker save IMAGE -o image.tar`"
    return SwarmError("not_an_image", f"{where} is no image archive: {why}", hint=hint)


class Archive:
    """An uncompressed image archive, its headers read."""

    def __init__(self, path: Path, *, shown: object = None, limits: Limits | None = None) -> None:
        """`shown` is what errors call it. Raises SwarmError(not_an_image)."""
        self._path = path
        self._shown = shown or path
        self._limits = limits or Limits()
        self._members: dict[str, Member] = {}
        with path.open("rb") as file:
            length = file.seek(0, 2)
            self._need(length <= self._limits.total, f"it is over {self._limits.total} bytes")
            try:
                self._read_headers(file, length)
            except TarError as error:
                raise not_an_image(self._shown, str(error)) from None

    def _read_headers(self, file: BinaryIO, length: int) -> None:
        for member in tarball.members(file, length, self._limits.entries):
            name = self._safe(member.name)
            self._need(member.kind != "other", f"{member.name!r} is a device or the like")
            if member.link:
                target = posixpath.join(posixpath.dirname(name) if member.kind == "symlink" else "", member.link)
                self._safe(target, f"{member.name!r} is a link that leads outside")
            self._members[name] = member

    def _safe(self, name: str, why: str | None = None) -> str:
        normal = posixpath.normpath(name)
        bad = name.startswith("/") or normal == ".." or normal.startswith("../") or "\0" in name
        self._need(
            not bad and (why is not None or ".." not in name.split("/")),
            why or f"{name!r} leads outside of it",
        )
        return normal

    def _need(self, ok: bool, why: str) -> None:
        if not ok:
            raise not_an_image(self._shown, why)

    def _find(self, name: str) -> Member:
        """The file of this name, through links within the archive."""
        for _ in range(8):
            member = self._members.get(posixpath.normpath(name))
            self._need(member is not None, f"it has no {name}")
            assert member is not None
            if member.kind == "file":
                return member
            self._need(bool(member.link), f"{name} in it is a folder")
            base = posixpath.dirname(posixpath.normpath(member.name)) if member.kind == "symlink" else ""
            name = posixpath.join(base, member.link)
        raise not_an_image(self._shown, f"{name} is a link that leads in a circle")

    def _document(self, name: str) -> bytes:
        member = self._find(name)
        self._need(member.size <= self._limits.document, f"{name} in it is {member.size} bytes large")
        with self._path.open("rb") as file:
            file.seek(member.offset)
            return file.read(member.size)

    def _parsed(self, data: bytes, kind: type[T], name: str) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise not_an_image(self._shown, f"{name} in it can't be read: {error}") from None

    def image(self, expected: str | None = None) -> ImageParts:
        """The one image in it (blocking: layers are hashed). `expected`: the config's digest that an engine
        told. Raises SwarmError(not_an_image, digest_mismatch)."""
        if "manifest.json" in self._members:
            return self._docker_format(expected)
        self._need("index.json" in self._members, "it has neither manifest.json nor index.json")
        return self._oci_layout()

    def _docker_format(self, expected: str | None) -> ImageParts:
        saved = self._parsed(self._document("manifest.json"), list[_Saved], "manifest.json")
        self._need(len(saved) == 1, f"it holds {len(saved)} images; save one at a time")
        self._need(len(saved[0].layers) <= self._limits.layers, f"it has over {self._limits.layers} layers")
        data = self._document(saved[0].config)
        config = Bytes.of(data)
        named = posixpath.basename(saved[0].config).removesuffix(".json")
        told = expected or (f"sha256:{named}" if DIGEST.match(f"sha256:{named}") else config.digest)
        self._same(config.digest, told, saved[0].config)
        diff_ids = self._parsed(data, _Config, saved[0].config).rootfs.diff_ids
        self._need(len(diff_ids) == len(saved[0].layers), "its config and its layers do not fit one another")
        pairs = [self._layer(name, diff_id) for name, diff_id in zip(saved[0].layers, diff_ids, strict=True)]
        layers = [source for source, _ in pairs]
        manifest = build_manifest(config.digest, config.size, [(s.digest, s.size, kind) for s, kind in pairs])
        name = next(iter(saved[0].repo_tags or []), None)
        return ImageParts(name, manifest, config, list(layers))

    def _layer(self, name: str, diff_id: str) -> tuple[FileSlice, str]:
        member = self._find(name)
        head, digest = self._hash(member)
        kind = layer_kind(head)
        if kind == oci.LAYER_TAR:
            self._same(digest, diff_id, name)
        return FileSlice(self._path, digest, member.size, member.offset), kind

    def _hash(self, member: Member) -> tuple[bytes, str]:
        """The first bytes and the digest of a file in the archive."""
        digest, left = hashlib.sha256(), member.size
        with self._path.open("rb") as file:
            file.seek(member.offset)
            head = file.read(min(8, left))
            digest.update(head)
            left -= len(head)
            while left:
                piece = file.read(min(1 << 20, left))
                self._need(bool(piece), "it is cut short")
                digest.update(piece)
                left -= len(piece)
        return head, "sha256:" + digest.hexdigest()

    def _same(self, actual: str, told: str, name: str) -> None:
        if actual != told:
            hint = "save the image anew: the archive was changed or damaged"
            message = f"{self._shown}: {name} has the digest {actual[:19]}…, where {told[:19]}… is written"
            raise SwarmError("digest_mismatch", message, hint=hint)

    def _oci_layout(self) -> ImageParts:
        index = self._parsed(self._document("index.json"), _Index, "index.json")
        pointer, name = self._pick(index.manifests, None), None
        name = next((v for k in _NAMES if (v := (pointer.annotations or {}).get(k))), None)
        for _ in range(4):
            data = self._blob(pointer)
            manifest = self._parsed(data, oci.Manifest, "its manifest")
            if not manifest.is_index:
                return self._oci_image(data, manifest, name)
            pointer = self._pick(self._parsed(data, _Index, "its index").manifests, pointer)
        raise not_an_image(self._shown, "its indexes are nested too deep")

    def _pick(self, pointers: list[_Pointer], parent: _Pointer | None) -> _Pointer:
        """The one image: of several platforms, the one that is really in the archive."""
        images = [p for p in pointers if p.platform is None or p.platform.os != "unknown"]
        here = [p for p in images if _blob_name(p.digest) in self._members]
        kinds = "platforms" if parent else "images"
        self._need(bool(here), "the image that its index names is not in it")
        self._need(len(here) == 1, f"it holds {len(here)} {kinds}; save one at a time")
        return here[0]

    def _blob(self, pointer: _Pointer) -> bytes:
        self._need(bool(DIGEST.match(pointer.digest)), f"{pointer.digest!r} in it is no digest")
        data = self._document(_blob_name(pointer.digest))
        self._same(Bytes.of(data).digest, pointer.digest, _blob_name(pointer.digest))
        return data

    def _oci_image(self, data: bytes, manifest: oci.Manifest, name: str | None) -> ImageParts:
        self._need(manifest.config is not None, "its manifest names no config")
        self._need(len(manifest.layers) <= self._limits.layers, f"it has over {self._limits.layers} layers")
        assert manifest.config is not None
        config = self._blob(_Pointer(manifest.config.digest, manifest.config.size))
        self._parsed(config, _Config, "its config")
        layers: list[Source] = [self._oci_layer(layer) for layer in manifest.layers]
        return ImageParts(name, data, Bytes.of(config), layers)

    def _oci_layer(self, layer: oci.Descriptor) -> FileSlice:
        self._need(bool(DIGEST.match(layer.digest)), f"{layer.digest!r} in it is no digest")
        member = self._find(_blob_name(layer.digest))
        self._need(member.size == layer.size, f"{layer.digest[:19]}… has {member.size} bytes, not {layer.size}")
        self._same(self._hash(member)[1], layer.digest, _blob_name(layer.digest))
        return FileSlice(self._path, layer.digest, member.size, member.offset)


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def layer_kind(head: bytes) -> str:
    """The media type of a layer by its first bytes."""
    if head.startswith(_GZIP):
        return oci.LAYER_GZIP
    return oci.LAYER_ZSTD if head.startswith(_ZSTD) else oci.LAYER_TAR


def build_manifest(config: str, config_size: int, layers: list[tuple[str, int, str]]) -> bytes:
    """The manifest of an image from its parts (digest, size, media type); equal parts give equal bytes."""
    return oci.encode_manifest(
        oci.Manifest(
            schema_version=2,
            media_type=oci.MANIFEST,
            config=oci.Descriptor(media_type=oci.CONFIG, digest=config, size=config_size),
            layers=[oci.Descriptor(media_type=kind, digest=digest, size=size) for digest, size, kind in layers],
        )
    )
