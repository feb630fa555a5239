"""The file of a job's progress, as its worker reads it."""

import os
from pathlib import Path

from swarm_protocol.progress import Said
from swarm_worker import quota
from swarm_worker.progress import ProgressFile


def made(folder: Path) -> ProgressFile:
    file = ProgressFile(folder)
    file.make()
    return file


def test_it_says_what_is_new_and_the_last_line_wins(tmp_path: Path) -> None:
    file = made(tmp_path)
    assert file.look() is None
    assert file.path.stat().st_mode & 0o777 == 0o666, "any user of a container may write to it"
    file.path.write_text("0.1 a\n0.2 b\n")
    assert file.look() == Said(0.2, "b")
    assert file.look() is None
    with file.path.open("a") as more:
        more.write("30% c")
    assert file.look() == Said(0.3, "c")
    file.path.write_text("0.3 c")
    assert file.look() is None, "the same once more is nothing new"
    assert file.complaint == ""


def test_nonsense_is_passed_over_with_one_complaint(tmp_path: Path) -> None:
    file = made(tmp_path)
    for text in ("half\x1b[2J way", "nearly"):
        file.path.write_text(text)
        assert file.look() is None
    assert file.complaint.startswith("[swarm: 'half way' in $SWARM_PROGRESS is no progress")
    file.path.write_text("0.5")
    assert file.look() == Said(0.5, "")


def test_of_a_long_file_only_the_end_is_read(tmp_path: Path) -> None:
    file = made(tmp_path)
    with file.path.open("wb") as long:
        long.truncate(1 << 40)
        long.seek(0, os.SEEK_END)
        long.write(b"\n0.5 at the end")
    assert file.look() == Said(0.5, "at the end")


def test_whatever_stands_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """A job can't get there, since the file is mounted by itself; should that ever change, nothing follows or hangs."""
    file = made(tmp_path)
    (tmp_path / "elsewhere").write_text("0.5 hush")
    file.path.unlink()
    assert file.look() is None
    file.path.symlink_to(tmp_path / "elsewhere")
    assert file.look() is None
    file.path.unlink()
    os.mkfifo(file.path)
    assert file.look() is None


def test_what_it_holds_counts_against_the_disk(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    file = made(tmp_path)
    file.path.write_bytes(b"x" * 100_000)
    assert quota.overrun(out, 50_000, None, file.path) is not None
    assert quota.overrun(out, 50_000, None, tmp_path / "nothing") is None
