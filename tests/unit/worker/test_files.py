"""Inputs in, outputs out: nothing is followed, everything is counted."""

import hashlib
import os
from pathlib import Path

import pytest

from swarm_protocol.filenames import to_bytes
from swarm_protocol.globs import Globs
from swarm_protocol.spec import InputFile
from swarm_worker import files, quota
from swarm_worker.files import OutputsTooLarge, collect, make_folder, make_folders, open_output, place_for

LIMIT = 1 << 30


def test_regular_files_are_listed_with_digest_size_and_mode(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "ü b").write_bytes(b"hello")
    (tmp_path / "d" / "ü b").chmod(0o751)
    (tmp_path / "empty").touch()
    found = collect(tmp_path, [], LIMIT).files
    assert [(f.name, f.size) for f in found] == [("d/ü b", 5), ("empty", 0)]
    assert (found[0].mode, found[0].digest) == (0o751, "sha256:" + hashlib.sha256(b"hello").hexdigest())


def test_links_fifos_and_linked_folders_are_no_outputs(tmp_path: Path) -> None:
    out, secret = tmp_path / "out", tmp_path / "secret"
    out.mkdir()
    secret.mkdir()
    (secret / "key").write_text("x")
    (out / "link").symlink_to(secret / "key")
    (out / "folder").symlink_to(secret)
    os.mkfifo(out / "fifo")
    assert collect(out, [], LIMIT).files == ()
    assert collect(out, ["link", "folder/**", "fifo"], LIMIT).unmatched == ("link", "folder/**", "fifo")


def test_an_output_that_became_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("a")
    with open_output(tmp_path, "d/a") as file:
        assert file.read() == b"a"
    (tmp_path / "e").symlink_to(tmp_path / "d")
    (tmp_path / "l").symlink_to(tmp_path / "d" / "a")
    for name in ("e/a", "l"):
        with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
            open_output(tmp_path, name)


def test_limits_of_count_size_and_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(4):
        (tmp_path / str(index)).write_bytes(b"x" * 10)
    with pytest.raises(OutputsTooLarge, match="--disk"):
        collect(tmp_path, [], 39)
    assert len(collect(tmp_path, ["0"], 10).files) == 1
    monkeypatch.setattr(files, "MAX_OUTPUTS", 3)
    with pytest.raises(OutputsTooLarge, match="archive"):
        collect(tmp_path, [], LIMIT)
    deep = tmp_path.joinpath(*["d"] * (files.MAX_DEPTH + 1))
    deep.mkdir(parents=True)
    with pytest.raises(OutputsTooLarge, match="deeper"):
        collect(tmp_path, ["d/**"], LIMIT)


def test_names_are_texts_that_lead_back_and_paths_open_the_files(tmp_path: Path) -> None:
    for raw in (b"\xff", rb"\xff", b"a\nb"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + raw)).write_bytes(raw)
    found = collect(tmp_path, [], LIMIT)
    assert (found.unreadable, [f.name for f in found.files]) == ((), [r"\x5cxff", "a\nb", r"\xff"])
    for file in found.files:
        with open_output(tmp_path, file.path) as opened:
            assert opened.read() == to_bytes(file.name)


def test_a_glob_meets_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).touch()
    assert [f.name for f in collect(tmp_path, ["caf?.txt"], LIMIT).files] == [r"caf\xe9.txt"]


def test_what_cannot_be_brought_is_named_and_keeps_nothing_else_back(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    deep = tmp_path.joinpath(*["d" * 250] * 8)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    found = collect(tmp_path, [], LIMIT)
    assert [f.name for f in found.files] == ["kept"]
    (said,) = found.unreadable
    assert said.startswith("the path of /out/ddd")
    assert "longer than 2,000 bytes" in said
    assert len(said) < 300


def test_an_output_that_goes_away_while_it_is_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a\x1b[31m", "b"):
        (tmp_path / name).touch()
    takes = Globs.takes

    def and_removes(globs: Globs, name: str) -> bool:
        if name != "b":
            (tmp_path / name).unlink()
        return takes(globs, name)

    monkeypatch.setattr(Globs, "takes", and_removes)
    found = collect(tmp_path, [], LIMIT)
    assert [f.name for f in found.files] == ["b"]
    assert found.unreadable == (r"/out/a\x1b[31m can't be read: No such file or directory",)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "a//b", "."])
def test_no_input_leaves_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="/in"):
        place_for(tmp_path, InputFile(name=name, digest="d", size=0))


def test_inputs_keep_their_names(tmp_path: Path) -> None:
    make_folders(tmp_path, None)
    assert place_for(tmp_path, InputFile(name="ä/ b\n", digest="d", size=0)) == tmp_path / "in" / "ä" / " b\n"
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777


def test_the_quota_counts_what_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"x" * 100_000)
    assert quota.overrun(tmp_path, 200_000) is None
    assert "--disk" in (quota.overrun(tmp_path, 50_000) or "")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert quota.overrun(tmp_path, 200_000) is None
    monkeypatch.setattr(quota, "MAX_ENTRIES", 2)
    assert "files" in (quota.overrun(tmp_path, 200_000) or "")


def test_an_input_gets_its_bytes_as_a_name_and_empty_folders_are_made(tmp_path: Path) -> None:
    make_folders(tmp_path, None)
    odd = InputFile(name=r"d/caf\xe9", digest="", size=0, escaped=True)
    assert os.fsencode(place_for(tmp_path, odd)) == os.fsencode(tmp_path) + b"/in/d/caf\xe9"
    plain = InputFile(name=r"d/caf\xe9", digest="", size=0)
    assert place_for(tmp_path, plain) == tmp_path / "in" / r"d/caf\xe9"
    make_folder(tmp_path, "e/f")
    make_folder(tmp_path, "e/f")
    assert (tmp_path / "in" / "e" / "f").is_dir()
    with pytest.raises(ValueError, match="does not stay below /in"):
        make_folder(tmp_path, "../x")
