"""Files and folders for /in."""

import hashlib
import os
from pathlib import Path

import pytest

from swarm_consumer.artifacts import place
from swarm_consumer.inputs import gather, hash_file
from swarm_protocol.errors import SwarmError
from swarm_protocol.sources import JobOutputs
from swarm_protocol.spec import JobSpec


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("b")
    monkeypatch.chdir(tmp_path)
    return folder


def names(*arguments: str) -> list[str]:
    return [file.name for file in gather(arguments).files]


def test_files_and_their_names(data: Path) -> None:
    assert names("data/a.txt") == ["a.txt"]
    assert names("data/a.txt:deep/x") == ["deep/x"]
    (data / "with:colon").write_text("")
    assert names("data/with:colon") == ["with:colon"]
    assert names("data/with:colon:plain") == ["plain"]


def test_folders_keep_relative_names(data: Path) -> None:
    assert names("data") == ["data/a.txt", "data/deep/b.txt"]
    assert names("data/") == ["data/a.txt", "data/deep/b.txt"]
    assert names("data:other") == ["other/a.txt", "other/deep/b.txt"]
    assert names("data:.") == ["a.txt", "deep/b.txt"]
    assert names("./data/../data/deep") == ["deep/b.txt"]


def test_links_stay_within_their_folder(data: Path, tmp_path: Path) -> None:
    (data / "link").symlink_to("deep/b.txt")
    assert names("data") == ["data/a.txt", "data/link", "data/deep/b.txt"]
    (tmp_path / "outside").write_text("secret")
    (data / "deep" / "out").symlink_to(tmp_path / "outside")
    with pytest.raises(SwarmError, match="outside the folder"):
        gather(["data"])
    (data / "deep" / "out").unlink()
    (data / "folder").symlink_to("deep")
    with pytest.raises(SwarmError, match="is a link to"):
        gather(["data"])
    (tmp_path / "direct").symlink_to(tmp_path / "outside")
    assert names("direct") == ["direct"]


def test_what_can_not_travel_is_said(data: Path, tmp_path: Path) -> None:
    for argument, match in [
        ("nowhere", "can't read nowhere"),
        ("n" * 300, "File name too long"),
        ("n" * 300 + ":name", "File name too long"),
        ("data/a.txt:../x", "must stay below /in"),
        ("data/a.txt:/x", "must stay below /in"),
        ("data/a.txt:", "write PATH or PATH:NAME"),
    ]:
        with pytest.raises(SwarmError, match=match):
            gather([argument])
    os.mkfifo(data / "pipe")
    with pytest.raises(SwarmError, match="neither a file nor a folder"):
        gather(["data"])


def test_a_name_that_is_not_utf8_travels_as_text(data: Path) -> None:
    Path(os.fsdecode(os.fsencode(data) + b"/caf\xe9")).write_text("")
    found = gather(["data"])
    odd = next(file for file in found.files if file.name.startswith("data/caf"))
    told = hash_file(odd).file
    assert (told.name, told.escaped) == (r"data/caf\xe9", True)
    assert os.fsencode(told.path) == b"data/caf\xe9"
    assert [hash_file(file).file.escaped for file in found.files if file is not odd] == [False, False]


def test_empty_folders_and_hidden_files_travel(data: Path) -> None:
    (data / ".hidden").write_text("")
    (data / "empty" / "deep").mkdir(parents=True)
    found = gather(["data"])
    assert [file.name for file in found.files] == ["data/.hidden", "data/a.txt", "data/deep/b.txt"]
    assert found.folders == ["data/empty/deep"]
    assert gather(["data/empty"]).folders == ["empty/deep"]
    assert gather(["data/empty/deep:x"]).folders == ["x"]
    assert gather(["data/empty/deep:."]).folders == []
    assert gather(["data:."]).folders == ["empty/deep"]
    spec = found.into(JobSpec(image="i", folders=["old"]))
    assert spec.folders == ["old", "data/empty/deep"]


def test_outputs_of_jobs_are_the_cores_to_find(data: Path) -> None:
    found = gather(["job:7/model.bin", "data/a.txt", "job:8/d/:x"])
    assert found.sources == [JobOutputs(job=7, path="model.bin"), JobOutputs(job=8, path="d/", name="x")]
    assert [file.name for file in found.files] == ["a.txt"]
    assert found.into(JobSpec(image="i")).inputs_from == found.sources
    (data.parent / "job:7").mkdir()
    (data.parent / "job:7" / "x").write_text("")
    assert names("./job:7/x") == ["x"]


def test_more_files_than_a_job_takes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarm_consumer.inputs.MAX_INPUTS", 2)
    (data / "empty").mkdir()
    with pytest.raises(SwarmError, match="more than 2 files") as caught:
        gather(["data"])
    assert caught.value.hint == "pack them into one archive"


def test_hashing(data: Path) -> None:
    hashed = hash_file(gather(["data/a.txt"]).files[0])
    assert hashed.file.digest == "sha256:" + hashlib.sha256(b"a").hexdigest()
    assert (hashed.file.size, hashed.source.read(0, 10)) == (1, b"a")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "a//b", "a\0b"])
def test_nothing_is_placed_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(SwarmError, match="can't be written"):
        place(tmp_path, name)


def test_a_file_is_not_put_over_a_folder_or_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(SwarmError, match="is a folder"):
        place(tmp_path, "folder")
    with pytest.raises(SwarmError, match="can't make the folder"):
        place(tmp_path, "file/x")
    assert place(tmp_path, "new/deep/x") == tmp_path / "new/deep/x"


@pytest.mark.parametrize("text", [r"..\x2fout", r"a\x00", r"\x2e\x2e/out"])
def test_an_escape_leads_nowhere_else(tmp_path: Path, text: str) -> None:
    assert os.fsencode(place(tmp_path, text)) == os.fsencode(tmp_path / text)


def test_a_name_that_is_no_text_gets_its_bytes_back(tmp_path: Path) -> None:
    assert os.fsencode(place(tmp_path, r"caf\xe9/\x5cxff")) == os.fsencode(tmp_path) + b"/caf\xe9/\\xff"
