"""Images from the real Docker Engine and from archives, to a core that counts what travels."""

import gzip
import io
import os
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.images import Image

from swarm_consumer.client import Client
from swarm_protocol.errors import SwarmError

from .conftest import Run
from .fake_core import FakeCore

SHARED = os.urandom(3 << 20)
"""A layer of its own in each image below; larger than what goes in one request."""


def _context(files: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), 1
            archive.addfile(entry, io.BytesIO(data))
    buffer.seek(0)
    return buffer


class Builder:
    """Makes images of a shared layer and one of their own."""

    def __init__(self) -> None:
        self.engine = docker.from_env()
        self.made: list[str] = []

    def build(self, own: bytes) -> str:
        name = f"swarm-test-{uuid.uuid4().hex[:8]}:v1"
        recipe = b"FROM scratch\nCOPY shared /shared\nCOPY own /own\n"
        files = {"Dockerfile": recipe, "shared": SHARED, "own": own}
        image, _ = self.engine.images.build(fileobj=_context(files), custom_context=True, tag=name, rm=True)
        assert isinstance(image, Image)
        self.made.append(name)
        return name

    def save(self, name: str, to: Path) -> None:
        with to.open("wb") as file:
            for piece in self.engine.images.get(name).save(named=True):
                file.write(piece)

    def close(self) -> None:
        for name in self.made:
            self.engine.images.remove(name, force=True)
        self.engine.close()


@pytest.fixture
def builder() -> Iterator[Builder]:
    made = Builder()
    yield made
    made.close()


async def test_a_shared_layer_travels_once(core: FakeCore, client: Client, builder: Builder) -> None:
    first = await client.push(builder.build(b"one"))
    assert first.sent > len(SHARED)
    assert core.chunk_bytes == first.sent
    second = await client.push(builder.build(b"two"))
    assert second.sent < 20_000
    assert core.chunk_bytes == first.sent + second.sent
    assert second.digest != first.digest
    assert (second.name, second.tag) in core.store.images


async def test_an_unchanged_image_costs_two_requests(core: FakeCore, client: Client, builder: Builder) -> None:
    name = builder.build(b"one")
    first = await client.push(name)
    core.requests.clear()
    again = await client.push(name)
    assert [method for method, _ in core.requests] == ["POST", "PUT"]
    assert (again.digest, again.sent) == (first.digest, 0)
    renamed = await client.push(name, rename="other/name:v2")
    assert (renamed.name, renamed.tag, renamed.digest) == ("other/name", "v2", first.digest)
    assert ("other/name", "v2") in core.store.images


@pytest.mark.parametrize("packed", [False, True])
async def test_an_archive_gives_the_same_image(
    core: FakeCore, client: Client, builder: Builder, tmp_path: Path, packed: bool
) -> None:
    name = builder.build(b"one")
    archive = tmp_path / "image.tar"
    builder.save(name, archive)
    if packed:
        archive.write_bytes(gzip.compress(archive.read_bytes(), 1))
    pushed = await client.push(archive)
    assert f"{pushed.name}:{pushed.tag}" == name
    assert (await client.push(name)).digest == pushed.digest


async def test_an_image_by_its_id_needs_a_name_when_it_has_none(client: Client, builder: Builder) -> None:
    name = builder.build(b"one")
    image = builder.engine.images.get(name)
    assert (await client.push(str(image.id))).name == name.partition(":")[0]
    untagged = builder.engine.images.build(
        fileobj=_context({"Dockerfile": b"FROM scratch\nCOPY own /own\n", "own": os.urandom(8)}),
        custom_context=True,
        rm=True,
    )[0]
    builder.made.append(str(untagged.id))
    with pytest.raises(SwarmError, match="the image has no name") as caught:
        await client.push(str(untagged.id))
    assert "--as" in (caught.value.hint or "")
    assert (await client.push(str(untagged.id), rename="named")).tag == "latest"


def test_the_command_pushes_and_lists(swarm: Run, builder: Builder, core: FakeCore, tmp_path: Path) -> None:
    name = builder.build(b"one")
    assert swarm("push", name).stdout.startswith(f"{name} sha256:")
    assert name.partition(":")[0] in swarm("images").stdout
    [head, line] = swarm("images", "--long").stdout.splitlines()
    assert head.endswith("OWN  SHARED  USED  JOBS  SCHEDULES  WORKERS")
    assert name.partition(":")[0] in line
    said = swarm("images", name).stdout.splitlines()
    assert {"jobs      7, 8 and 1 more", "schedules nightly"} <= set(said)
    assert swarm("rmi", name).stderr.splitlines()[1:] == [
        "2K are freed, 0 are needed by other images",
        "it stays until 3 jobs have ended",
        "schedules find it no more: nightly",
    ]
    assert "there is no image" in swarm("rmi", name, check=125).stderr
    builder.save(name, tmp_path / "image.tar")
    assert "sent 0 of" in swarm("push", "image.tar", "--as", "again").stderr


def test_what_can_not_be_pushed_is_said_in_one_line(swarm: Run, tmp_path: Path, environment: dict[str, str]) -> None:
    def error(*words: str) -> list[str]:
        lines = swarm("push", *words, check=125).stderr.splitlines()
        assert len(lines) == 2
        assert lines[1].startswith("hint: ")
        return lines

    assert error("swarm-test-nowhere")[0] == "error: the engine on this machine has no image swarm-test-nowhere"
    (tmp_path / "text.tar").write_text("not a tar" * 200)
    assert error("text.tar")[0] == "error: text.tar is no image archive: it is no tar archive"
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(os.urandom(100_000))[:5000])
    assert "it is cut short or damaged" in error("cut.tar.gz")[0]
    bomb = _context({"manifest.json": bytes(5 << 20)}).getvalue()
    (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(bomb))
    assert "manifest.json in it is 5242880 bytes large" in error("bomb.tar.gz")[0]
    assert error("missing.tar")[0] == "error: there is no file missing.tar"
    environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    assert "no container engine answers at unix:///nowhere/docker.sock" in error("busybox")[0]
    environment["DOCKER_HOST"] = "npipe:////./pipe/docker_engine"
    assert "can't be reached from here" in error("busybox")[0]
