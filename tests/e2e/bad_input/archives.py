"""Image archives, good and bad, made of random bytes."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

MIB = 1 << 20


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(content: bytes, name: str = "file") -> bytes:
    """One layer with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, name, content)
    return buffer.getvalue()


def oci_archive(path: Path, name: str, layers: Sequence[bytes], *, told: Sequence[bytes] | None = None) -> Path:
    """An OCI layout in a tar. `told`: what the digests are taken of, where the layers' bytes are to differ from it."""
    told = layers if told is None else told
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["true"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(each) for each in told]},
        }
    ).encode()
    tar_layer = "application/vnd.oci.image.layer.v1.tar"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor(tar_layer, each) for each in told],
        }
    ).encode()
    pointer = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    pointer["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": [pointer]}).encode())
        for content, key in [(manifest, manifest), (config, config), *zip(layers, told, strict=True)]:
            _add(tar, f"blobs/sha256/{digest(key).removeprefix('sha256:')}", content)
    return path


def bomb(path: Path, size: int) -> Path:
    """A small file that expands to `size` bytes of nothing."""
    member = gzip.compress(bytes(64 * MIB))
    path.write_bytes(member * (size // (64 * MIB)))
    return path


def _descriptor(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
