"""This very installation as a wheel, made without build tool and package index.

It is the same for the same files, so that its digest says whether a machine has it already.
"""

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path
from typing import Final

NAME: Final = "swarm-sync"
_PACKAGES: Final = (
    "swarm_protocol",
    "swarm_consumer",
    "swarm_worker",
    "swarm_core",
    "swarm_migrations",
    "swarm_commanddeck",
)
_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: swarm-sync\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def pack(folder: Path) -> Path:
    """Write the wheel into a folder; its path. Raises OSError, PackageNotFoundError."""
    here = metadata.distribution(NAME)
    base = f"{NAME.replace('-', '_')}-{here.version}"
    path = folder / f"{base}-py3-none-any.whl"
    files = dict(_files())
    files |= {f"{base}.dist-info/{name}": data for name, data in _metadata(here)}
    record = "".join(f"{name},sha256={_hash(data)},{len(data)}\n" for name, data in sorted(files.items()))
    own = f"{base}.dist-info/RECORD"
    files[own] = f"{record}{own},,\n".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return path


def build_of(wheel: Path) -> str:
    """What an installation of exactly this wheel is called: version and digest."""
    version = wheel.name.split("-")[1]
    return f"{version}-{hashlib.sha256(wheel.read_bytes()).hexdigest()[:12]}"


def _files() -> Iterator[tuple[str, bytes]]:
    for package in _PACKAGES:
        spec = util.find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            root = Path(place)
            for path in root.rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield f"{package}/{path.relative_to(root).as_posix()}", path.read_bytes()


def _metadata(here: metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    yield "WHEEL", _WHEEL.encode()
    for name in ("METADATA", "entry_points.txt"):
        if text := here.read_text(name):
            yield name, text.encode()


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
