"""Who can reach what, and as whom a server is started."""

import os
import sys
from pathlib import Path

import pytest

from swarm_core.home import privilege
from swarm_core.home.privilege import SERVER_UID, RunAs, choose, reachable
from swarm_protocol.errors import SwarmError

STRANGER = 64999


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in open folders (whatever the modes above the test's own folder are)."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    (folder / "program").write_text("")
    (folder / "program").chmod(0o755)
    real = privilege._allows
    monkeypatch.setattr(privilege, "_allows", lambda path, *rest: path in tmp_path.parents or real(path, *rest))
    tmp_path.chmod(0o755)
    return folder


def test_open_is_reachable(tree: Path) -> None:
    assert reachable(tree / "program", STRANGER)
    assert reachable(tree, STRANGER)


def test_a_closed_folder_above_is_not(tree: Path) -> None:
    tree.chmod(0o700)
    assert not reachable(tree / "program", STRANGER)
    assert reachable(tree / "program", os.stat(tree).st_uid)


def test_a_program_that_others_may_not_run_is_not(tree: Path) -> None:
    (tree / "program").chmod(0o744)
    assert not reachable(tree / "program", STRANGER)


def test_links_are_followed_to_what_they_stand_for(tree: Path) -> None:
    closed = tree / "closed"
    closed.mkdir(mode=0o700)
    (tree / "program").rename(closed / "program")
    (tree / "link").symlink_to(closed / "program")
    assert not reachable(tree / "link", STRANGER)


def test_an_ordinary_user_runs_it_as_itself(tree: Path) -> None:
    assert choose(tree / "program", tree, tree / "data", euid=1234) == RunAs("self", 1234)


def test_root_gives_it_another_uid_or_a_namespace(tree: Path) -> None:
    assert choose(tree / "program", tree, tree / "data", euid=0) == RunAs("uid", SERVER_UID)
    (tree / "program").chmod(0o700)
    assert choose(tree / "program", tree, tree / "data", euid=0).kind == "namespace"


def test_a_strangers_data_that_cannot_be_served_is_said(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "data").mkdir()
    (tree / "program").chmod(0o700)
    real = Path.stat

    class Owned:
        st_uid = STRANGER

    monkeypatch.setattr(Path, "stat", lambda path, **more: Owned if path.name == "data" else real(path, **more))
    with pytest.raises(SwarmError, match=f"uid {STRANGER}.*cannot reach"):
        choose(tree / "program", tree, tree / "data", euid=0)


def test_only_a_namespace_changes_the_command() -> None:
    assert RunAs("uid", SERVER_UID).command(["postgres", "-D", "x"]) == ["postgres", "-D", "x"]
    wrapped = RunAs("namespace", 0).command(["postgres", "-D", "x"])
    assert (wrapped[0], wrapped[-3:]) == (sys.executable, ["postgres", "-D", "x"])
    assert RunAs("uid", SERVER_UID).options() == {"user": SERVER_UID, "group": SERVER_UID, "extra_groups": []}
