"""An image as the engine loads it: a tar in the `docker save` format, put together while it is sent."""

import asyncio
import tarfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

_READ = 1024 * 1024


async def docker_archive(config: bytes, config_hex: str, layers: Sequence[Path], tag: str) -> AsyncIterator[bytes]:
    """The pieces of the archive; layers go in as they are, compressed or not. Raises OSError."""
    names = [f"{index}-{layer.name}.tar" for index, layer in enumerate(layers)]
    manifest = [{"Config": f"{config_hex}.json", "RepoTags": [tag], "Layers": names}]
    yield _member(f"{config_hex}.json", config)
    yield _member("manifest.json", msgspec.json.encode(manifest))
    for name, layer in zip(names, layers, strict=True):
        size = layer.stat().st_size
        yield _header(name, size)
        with layer.open("rb") as file:
            while data := await asyncio.to_thread(file.read, _READ):
                yield data
        yield _padding(size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, data: bytes) -> bytes:
    return _header(name, len(data)) + data + _padding(len(data))


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
