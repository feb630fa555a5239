"""Image archives of every kind, whole and hostile."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swarm_consumer.archive import Archive, ImageParts, Limits
from swarm_consumer.expand import uncompressed
from swarm_protocol import oci
from swarm_protocol.errors import SwarmError

Entry = tuple[str, bytes | str]
LAYER = b"a layer, opaque to all but an engine" * 40


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def config(*diff_ids: str) -> bytes:
    body = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": list(diff_ids)}}
    return json.dumps(body).encode()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(entries: dict[str, bytes], links: dict[str, str] | None = None, kind: bytes = tarfile.SYMTYPE) -> Path:
        path = tmp_path / "image.tar"
        with tarfile.open(path, "w") as archive:
            for name, data in entries.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            for name, target in (links or {}).items():
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, target
                archive.addfile(info)
        return path

    return make


def saved(*layers: bytes, tags: list[str] | None = None) -> dict[str, bytes]:
    """As `docker save` of an old engine writes it."""
    made = config(*(digest(layer) for layer in layers))
    name = digest(made)[7:] + ".json"
    paths = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": name, "RepoTags": tags or ["name:tag"], "Layers": paths}]
    files = dict(zip(paths, layers, strict=True))
    return {**files, name: made, "manifest.json": json.dumps(manifest).encode()}


def layout(*layers: bytes, media: str = oci.LAYER_TAR, **changes: Any) -> dict[str, bytes]:
    """As `docker save` of a new engine, skopeo and podman write it."""
    made = config(*(digest(layer) for layer in layers))
    manifest = oci.encode_manifest(
        oci.Manifest(
            schema_version=2,
            media_type=oci.MANIFEST,
            config=oci.Descriptor(media_type=oci.CONFIG, digest=digest(made), size=len(made)),
            layers=[oci.Descriptor(media_type=media, digest=digest(x), size=len(x)) for x in layers],
        )
    )
    pointer: dict[str, Any] = {"mediaType": oci.MANIFEST, "digest": digest(manifest), "size": len(manifest)}
    pointer["annotations"] = {"org.opencontainers.image.ref.name": "name:tag"}
    blobs = {f"blobs/sha256/{digest(x)[7:]}": x for x in (*layers, made, manifest)}
    return {
        **blobs,
        "index.json": json.dumps({"manifests": [pointer | changes]}).encode(),
        "oci-layout": b"{}",
    }


def read(path: Path, **limits: int) -> ImageParts:
    return Archive(path, limits=Limits(**limits)).image()


def refused(path: Path, match: str, code: str = "not_an_image", **limits: int) -> None:
    with pytest.raises(SwarmError, match=match) as caught:
        read(path, **limits)
    assert caught.value.code == code
    assert caught.value.hint is not None


def test_both_formats_are_read(write: Callable[..., Path]) -> None:
    for entries in (saved(LAYER, b"other"), layout(LAYER, b"other")):
        parts = read(write(entries))
        assert parts.name == "name:tag"
        assert [layer.digest for layer in parts.layers] == [digest(LAYER), digest(b"other")]
        assert parts.layers[0].read(5, 10) == LAYER[5:15]
        manifest = oci.parse_manifest(parts.manifest)
        assert manifest.config is not None
        assert manifest.config.digest == parts.config.digest
        assert [layer.media_type for layer in manifest.layers] == [oci.LAYER_TAR] * 2


def test_the_two_formats_of_one_image_have_one_digest(write: Callable[..., Path]) -> None:
    assert read(write(saved(LAYER))).digest == read(write(layout(LAYER))).digest


def test_layers_that_are_links_and_compressed_ones(write: Callable[..., Path]) -> None:
    entries = saved(LAYER, LAYER)
    del entries["1/layer.tar"]
    parts = read(write(entries, {"1/layer.tar": "../0/layer.tar"}))
    assert [layer.digest for layer in parts.layers] == [digest(LAYER)] * 2
    entries = saved(LAYER)
    entries["0/layer.tar"] = gzip.compress(LAYER)
    parts = read(write(entries))
    assert oci.parse_manifest(parts.manifest).layers[0].media_type == oci.LAYER_GZIP
    assert parts.layers[0].digest == digest(entries["0/layer.tar"])


def test_an_index_in_the_index_picks_the_platform_that_is_there(write: Callable[..., Path]) -> None:
    inner = layout(LAYER)
    pointer = json.loads(inner["index.json"])["manifests"][0]
    missing = {**pointer, "digest": "sha256:" + "0" * 64}
    attest = {**pointer, "platform": {"os": "unknown", "architecture": "unknown"}}
    nested = json.dumps({"schemaVersion": 2, "manifests": [missing, pointer, attest]}).encode()
    outer = {"manifests": [{"mediaType": oci.INDEX, "digest": digest(nested), "size": len(nested)}]}
    inner |= {f"blobs/sha256/{digest(nested)[7:]}": nested, "index.json": json.dumps(outer).encode()}
    assert read(write(inner)).layers[0].digest == digest(LAYER)


def test_an_engine_s_digest_must_be_the_config_s(write: Callable[..., Path]) -> None:
    archive = Archive(write(saved(LAYER)))
    with pytest.raises(SwarmError, match="has the digest"):
        archive.image("sha256:" + "0" * 64)


def test_changed_layers_are_noticed(write: Callable[..., Path]) -> None:
    refused(write(saved(LAYER) | {"0/layer.tar": LAYER + b"!"}), "has the digest", "digest_mismatch")
    name = f"blobs/sha256/{digest(LAYER)[7:]}"
    refused(write(layout(LAYER) | {name: bytes(len(LAYER))}), "has the digest", "digest_mismatch")
    refused(write(layout(LAYER) | {name: b""}), "has 0 bytes, not")


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "a/../../b", ".."])
def test_names_that_lead_outside_are_refused(write: Callable[..., Path], name: str) -> None:
    refused(write({**saved(LAYER), name: b""}), "leads outside")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside"])
def test_links_that_lead_outside_are_refused(write: Callable[..., Path], target: str, kind: bytes) -> None:
    refused(write(saved(LAYER), {"a/link": target}, kind), "is a link that leads outside")


def test_links_in_a_circle_are_refused(write: Callable[..., Path]) -> None:
    entries = saved(LAYER)
    del entries["0/layer.tar"]
    refused(write(entries, {"0/layer.tar": "b", "0/b": "layer.tar"}), "in a circle")


def test_devices_are_refused(write: Callable[..., Path]) -> None:
    refused(write(saved(LAYER), {"dev": ""}, tarfile.CHRTYPE), "is a device")


def test_limits_hold(write: Callable[..., Path]) -> None:
    path = write(saved(LAYER))
    refused(path, "more than 2 entries", entries=2)
    refused(path, "over 1000 bytes", total=1000)
    refused(path, "in it is .* bytes large", document=10)
    refused(write(saved(LAYER, b"2", b"3")), "over 2 layers", layers=2)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"manifest.json": b"[]"}, "holds 0 images"),
        ({"manifest.json": b"{"}, "can't be read"),
        ({"manifest.json": b"[" * 100_000}, "can't be read"),
        ({"manifest.json": b'[{"Config": "gone.json", "Layers": []}]'}, "has no gone.json"),
        ({"manifest.json": b'[{"Config": "../x", "Layers": []}]'}, "has no ../x"),
        ({"manifest.json": b'[{"Config": 1}]'}, "can't be read"),
    ],
)
def test_broken_documents_are_refused(write: Callable[..., Path], changes: dict[str, bytes], match: str) -> None:
    refused(write({**saved(LAYER), **changes}), match)


def test_layouts_that_do_not_fit_together_are_refused(write: Callable[..., Path]) -> None:
    refused(write({"file": b"text"}), "neither manifest.json nor index.json")
    refused(write(layout(LAYER, digest="sha256:" + "0" * 64)), "is not in it")
    refused(write(layout(LAYER, digest="md5:0")), "is not in it")
    two = layout(LAYER)
    two["index.json"] = json.dumps({"manifests": json.loads(two["index.json"])["manifests"] * 2}).encode()
    refused(write(two), "holds 2 images")
    entries = saved(LAYER)
    manifest = json.loads(entries["manifest.json"])
    manifest[0]["Layers"] = []
    refused(write(entries | {"manifest.json": json.dumps(manifest).encode()}), "do not fit one another")


def test_a_compressed_archive_is_expanded_and_gone_afterwards(tmp_path: Path, write: Callable[..., Path]) -> None:
    packed = tmp_path / "image.tar.gz"
    packed.write_bytes(gzip.compress(write(saved(LAYER)).read_bytes()))
    with uncompressed(packed) as plain:
        assert Archive(plain, shown=packed).image().name == "name:tag"
    assert not plain.exists()


def test_bombs_and_cut_archives_are_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tar.gz"
    bomb.write_bytes(gzip.compress(bytes(3 << 20)))
    with pytest.raises(SwarmError, match="as bombs do"), uncompressed(bomb, Limits(total=2 << 20)):
        pass
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(gzip.compress(bytes(range(256)) * 4000)[:500])
    with pytest.raises(SwarmError, match="cut short or damaged"), uncompressed(cut):
        pass
    zstd = tmp_path / "image.tar.zst"
    zstd.write_bytes(b"\x28\xb5\x2f\xfd")
    with pytest.raises(SwarmError, match="zstd"), uncompressed(zstd):
        pass
