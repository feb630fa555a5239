"""The parts of the OCI image format that client, core and worker share.

Source: OCI image-spec 1.1 (image manifest, image index, config) and Docker's schema 2, which differs in media
types only.
"""

from typing import Final

import msgspec

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER_TAR: Final = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"

MAX_MANIFEST: Final = 4 * 1024 * 1024
MAX_CONFIG: Final = 4 * 1024 * 1024


class Platform(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which machines a manifest of an index is for."""

    architecture: str
    os: str
    variant: str | None = None


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Points to a blob by digest and size."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An image of one platform, or an index of several: `config` and `layers`, or `manifests`."""

    schema_version: int
    media_type: str = ""
    config: Descriptor | None = None
    layers: list[Descriptor] = []
    manifests: list[Descriptor] = []

    @property
    def is_index(self) -> bool:
        """Whether this lists manifests rather than layers."""
        return bool(self.manifests)

    def descriptors(self) -> list[Descriptor]:
        """All that this document needs to be whole."""
        return [*([self.config] if self.config else []), *self.layers, *self.manifests]


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest or index. Raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(data, type=Manifest, strict=True)


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes whose sha256 is the image's digest; stable for equal content."""
    return msgspec.json.encode(manifest)
