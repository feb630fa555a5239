"""An image archive with next to nothing in it, for jobs that no engine will see."""

import hashlib
import io
import json
import tarfile
from pathlib import Path


def noop_archive(file: Path) -> Path:
    """Write an archive as `docker save` does; returns its path."""
    layer = _tar({"etc/hostname": b"noop\n"})
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["true"]}, "rootfs": rootfs}
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": ["noop:latest"], "Layers": ["layer.tar"]}]).encode()
    file.write_bytes(_tar({name: config, "layer.tar": layer, "manifest.json": manifest}))
    return file


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
