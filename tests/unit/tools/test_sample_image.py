"""The sample image is the same bytes every time, and holds what a job needs."""

import hashlib
import io
import json
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from swarm_consumer.jobfile import read_job_file
from tools.busybox import applets, find_busybox, is_static
from tools.sample_image import NAME, Image, build

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def busybox(tmp_path: Path) -> Path:
    """A program that answers as busybox does."""
    program = tmp_path / "busybox"
    program.write_text("#!/bin/sh\nprintf 'sh\\ncat\\nbusybox\\n'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def image(busybox: Path) -> Image:
    return build(busybox, "amd64")


def names(image: Image) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as archive:
        return {entry.name: entry for entry in archive}


def test_the_same_busybox_gives_the_same_image(busybox: Path, image: Image) -> None:
    busybox.touch()
    assert build(busybox, "amd64") == image
    busybox.write_text(busybox.read_text() + "# newer\n")
    assert build(busybox, "amd64").id != image.id


def test_each_tool_is_a_link_to_the_one_program(image: Image) -> None:
    found = names(image)
    assert found["bin/sh"].linkname == found["bin/cat"].linkname == "busybox"
    assert found["bin/busybox"].isfile()
    assert found["bin/busybox"].mode == 0o755


def test_nothing_of_this_machine_is_in_it(image: Image) -> None:
    for entry in names(image).values():
        assert (entry.uid, entry.gid, entry.mtime) == (0, 0, 0)


def test_the_configuration_names_the_layer_by_its_digest(image: Image) -> None:
    config = json.loads(image.config)
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(image.layer).hexdigest()}"]
    assert image.id == f"sha256:{hashlib.sha256(image.config).hexdigest()}"


def test_a_static_program_is_told_from_one_that_needs_libraries(busybox: Path) -> None:
    assert is_static(find_busybox())
    assert not is_static(Path(sys.executable))
    assert not is_static(busybox)
    assert "sh" in applets(find_busybox())


def test_the_sample_job_is_a_good_job_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    read = read_job_file("docker/sample/job.yaml", datetime.now(UTC))
    assert read.draft.spec.image == NAME
    assert all(Path(path).is_file() for path in read.draft.inputs)
