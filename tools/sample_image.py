"""`make image`: swarm-sample:1, made from nothing but a static busybox, without a registry.

The archive is written here and loaded through the engine's API. The same busybox gives the same bytes, so the
same image id, on every machine and every time.
"""

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tools.busybox import applets, find_busybox
from tools.engine_api import EngineApi, socket_path
from tools.failure import Failure, exit_with, say

NAME = "swarm-sample:1"
CREATED = "2000-01-01T00:00:00Z"
"""A fixed time: the image's id must not depend on when it was made."""
FILES = {
    "etc/passwd": b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
}
FOLDERS = {"bin": 0o755, "etc": 0o755, "in": 0o755, "out": 0o755, "tmp": 0o1777}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Image:
    """What is loaded: one layer and its configuration."""

    layer: bytes
    config: bytes

    @property
    def id(self) -> str:
        """The engine's name for it: the digest of its configuration."""
        return _digest(self.config)


def main() -> int:
    """Build and load it, unless the engine has it already."""
    api = EngineApi(socket_path())
    image = build(find_busybox(), ARCHITECTURES.get(platform.machine(), platform.machine()))
    found = api.get(f"/images/{NAME}/json")
    if found is None or found["Id"] != image.id:
        load(api, image)
        say(f"{NAME} was built: {image.id[:19]}")
    return 0


def build(busybox: Path, architecture: str) -> Image:
    """The image around one busybox; the same input gives the same bytes."""
    layer = _layer(busybox.read_bytes(), applets(busybox))
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        "history": [{"created": CREATED, "created_by": "tools/sample_image.py"}],
    }
    return Image(layer, json.dumps(config, sort_keys=True).encode())


def _layer(busybox: bytes, names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder, mode in FOLDERS.items():
            archive.addfile(_entry(folder, tarfile.DIRTYPE, mode))
        for name, content in FILES.items():
            _add_file(archive, name, 0o644, content)
        _add_file(archive, "bin/busybox", 0o755, busybox)
        for name in names:
            if name != "busybox":
                link = _entry(f"bin/{name}", tarfile.SYMTYPE, 0o777)
                link.linkname = "busybox"
                archive.addfile(link)
    return buffer.getvalue()


def _add_file(archive: tarfile.TarFile, name: str, mode: int, content: bytes) -> None:
    entry = _entry(name, tarfile.REGTYPE, mode)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)  # owned by root, of the year 1970: TarInfo's own defaults
    entry.type, entry.mode = kind, mode
    return entry


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def load(api: EngineApi, image: Image) -> None:
    """Hand it to the engine. Raises Failure with the engine's words, or when the engine made something else of it."""
    status, body = api.call("POST", "/images/load?quiet=1", _archive(image), timeout=120.0)
    if status != 200 or b'"error"' in body:
        raise Failure(f"the Docker Engine did not take {NAME} ({status}): {body.decode(errors='replace').strip()}")
    if api.get(f"/images/{NAME}/json") is None:
        raise Failure(f"the Docker Engine took the archive, but has no {NAME}: {body.decode(errors='replace').strip()}")


def _archive(image: Image) -> bytes:
    """The layout of `docker save`, which engines of all ages read."""
    config, layer = f"{image.id.removeprefix('sha256:')}.json", "layer.tar"
    manifest = json.dumps([{"Config": config, "RepoTags": [NAME], "Layers": [layer]}]).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in ((config, image.config), (layer, image.layer), ("manifest.json", manifest)):
            _add_file(archive, name, 0o644, content)
    return buffer.getvalue()


if __name__ == "__main__":
    exit_with(main)
