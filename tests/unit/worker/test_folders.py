"""Which folders of a machine can be mounted, on a small machine of the test's own."""

import os
from pathlib import Path

import pytest

from swarm_worker.folders import SYSTEM, Folders, NotMountable


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for name in ("etc/ssh", "srv/data/team", "home/bob", "var/lib/worker/attempts", "run"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "run" / "engine.sock").touch()
    (tmp_path / "srv" / "file").touch()
    return tmp_path


def rules(machine: Path, *roots: Path) -> Folders:
    own = [str(machine / "var/lib/worker"), str(machine / "run/engine.sock")]
    return Folders(own, [str(root) for root in roots], [str(machine / "etc")])


def refusal(folders: Folders, path: Path) -> str:
    with pytest.raises(NotMountable) as refused:
        folders.find(str(path))
    return str(refused.value)


def test_a_plain_folder_is_found(machine: Path) -> None:
    way = rules(machine).find(str(machine / "srv/data"))
    assert str(way.end) == str(machine / "srv/data")
    assert [str(step) for step in way.through][-2:] == [str(machine), str(machine / "srv")]


def test_no_part_of_the_system_nor_what_holds_one(machine: Path) -> None:
    folders = rules(machine)
    assert "is in" in refusal(folders, machine / "etc")
    assert "is in" in refusal(folders, machine / "etc/ssh")
    assert "holds" in refusal(folders, machine)
    assert "holds" in refusal(folders, machine / "var/lib")
    assert "is in" in refusal(folders, machine / "var/lib/worker/attempts")
    assert "holds" in refusal(folders, machine / "run")
    for path in ("/", "/etc", "/proc/1", "/dev/shm", "/var", "/var/run", "/root"):
        assert "which no job may have" in refusal(Folders([]), Path(path)), path
    assert {"/", "/var"} & set(SYSTEM) == set(), "what holds a part of the system is refused as such"


def test_links_are_followed_first(machine: Path) -> None:
    (machine / "srv/sly").symlink_to(machine / "etc")
    (machine / "srv/deep").symlink_to("data/../sly/ssh")
    (machine / "srv/round").symlink_to("round")
    (machine / "srv/fine").symlink_to("../home/bob")
    folders = rules(machine)
    assert "is in" in refusal(folders, machine / "srv/sly")
    assert "is in" in refusal(folders, machine / "srv/deep")
    assert "too many links" in refusal(folders, machine / "srv/round")
    assert str(folders.find(str(machine / "srv/fine")).end) == str(machine / "home/bob")


def test_a_closed_folder_that_is_a_link_is_closed_at_both_ends(machine: Path) -> None:
    os.rename(machine / "etc", machine / "real-etc")
    (machine / "etc").symlink_to("real-etc")
    assert "is in" in refusal(rules(machine), machine / "real-etc/ssh")


def test_what_is_no_folder(machine: Path) -> None:
    folders = rules(machine)
    assert "is no folder" in refusal(folders, machine / "srv/file")
    assert "No such file" in refusal(folders, machine / "srv/none")
    assert "Not a directory" in refusal(folders, machine / "srv/file/x")


def test_roots_of_the_machines_operator(machine: Path) -> None:
    folders = rules(machine, machine / "srv", machine / "none")
    assert folders.find(str(machine / "srv/data/team"))
    assert "below no --mount-root" in refusal(folders, machine / "home/bob")
    (machine / "srv/out").symlink_to(machine / "home/bob")
    assert "below no --mount-root" in refusal(folders, machine / "srv/out")
    assert "is in" in refusal(rules(machine, machine), machine / "etc"), "a root opens nothing that is closed"
