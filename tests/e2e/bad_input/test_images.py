"""Images that are none, or not the ones that were meant."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..harness import IMAGE, Home
from .archives import MIB, bomb, layer, oci_archive
from .said import FAILURE, error_of

NOBODYS = "sha256:" + "0" * 64


@pytest.fixture(autouse=True)
def nothing_lost(home: Home) -> Iterator[None]:
    """What was accepted before is there afterwards, and a job still runs."""
    images, jobs = home.json("images"), {job["id"]: job["state"] for job in home.json("jobs", "--all")}
    yield
    assert home.json("images") == images
    after = {job["id"]: job["state"] for job in home.json("jobs", "--all")}
    assert {job: after[job] for job in jobs} == jobs
    assert home.swarm("run", IMAGE, "--", "echo", "still here").stdout == b"still here\n"


def test_an_unknown_image_is_no_job(home: Home) -> None:
    error, hint = error_of(home.swarm("run", "nowhere:7", "--", "true", check=FAILURE))
    assert error == "there is no image nowhere:7"
    assert "swarm push nowhere:7" in hint
    error, hint = error_of(home.swarm("push", "nowhere:7", check=FAILURE))
    assert "has no image nowhere:7" in error
    assert "docker images" in hint


def test_an_unknown_digest_is_no_job(home: Home) -> None:
    name = IMAGE.partition(":")[0]
    error, hint = error_of(home.swarm("submit", f"{name}@{NOBODYS}", "--", "true", check=FAILURE))
    assert error == f"there is no image {name}@{NOBODYS}"
    assert "swarm images --json" in hint


def test_bytes_that_are_not_what_their_digest_says(home: Home, tmp_path: Path) -> None:
    good = layer(os.urandom(100_000))
    other = good[:-1024] + b"x" * 1024
    archive = oci_archive(tmp_path / "image.tar", "broken:1", [good], told=[other])
    error, hint = error_of(home.swarm("push", str(archive), check=FAILURE))
    assert "has the digest" in error
    assert "save the image anew" in hint


@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_archive(home: Home, tmp_path: Path, packed: bool) -> None:
    whole = oci_archive(tmp_path / "whole.tar", "cut:1", [layer(os.urandom(300_000))]).read_bytes()
    whole = gzip.compress(whole) if packed else whole
    cut = tmp_path / ("cut.tar.gz" if packed else "cut.tar")
    cut.write_bytes(whole[: len(whole) // 2])
    error, hint = error_of(home.swarm("push", str(cut), check=FAILURE))
    assert "it is cut short" in error
    assert "docker save" in hint


def test_a_bomb_is_not_expanded(home: Home, tmp_path: Path) -> None:
    packed = bomb(tmp_path / "bomb.tar.gz", 2048 * MIB)
    error, hint = error_of(home.swarm("push", str(packed), check=FAILURE))
    assert "as bombs do" in error
    assert "docker save" in hint


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("noise.tar", os.urandom(5000), "it is no tar archive"),
        ("empty.tar", b"", "it is no tar archive"),
        ("other.tar", layer(b"hello"), "neither manifest.json nor index.json"),
    ],
)
def test_a_file_that_is_no_image(home: Home, tmp_path: Path, name: str, content: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    error, hint = error_of(home.swarm("push", name, cwd=tmp_path, check=FAILURE))
    assert error.startswith(f"{name} is no image archive: ")
    assert why in error
    assert "docker save" in hint


def test_a_folder_and_a_file_that_is_not_there(home: Home, tmp_path: Path) -> None:
    (tmp_path / "folder.tar").mkdir()
    error, _ = error_of(home.swarm("push", "folder.tar", cwd=tmp_path, check=FAILURE))
    assert error == "can't read folder.tar: Is a directory"
    error, _ = error_of(home.swarm("push", "missing.tar", cwd=tmp_path, check=FAILURE))
    assert error == "there is no file missing.tar"
