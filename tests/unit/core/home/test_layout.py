"""Where a home's files are."""

import os
from pathlib import Path

import pytest

from swarm_core.home.layout import find_home, make_folder
from swarm_protocol.errors import SwarmError


def test_swarm_home_holds_everything(tmp_path: Path) -> None:
    home = find_home({"SWARM_HOME": str(tmp_path / "h")})
    paths = (home.credentials, home.lock, home.report, home.postgres, home.valkey, home.blobs, home.worker)
    assert all(path.is_relative_to(tmp_path / "h") for path in paths)
    assert home.credentials == tmp_path / "h" / "credentials.json"
    assert not (tmp_path / "h").exists(), "looking makes nothing"


def test_without_it_the_xdg_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    home = find_home({})
    assert home.credentials == tmp_path / "CONFIG" / "swarm" / "credentials.json"
    assert home.postgres == tmp_path / "DATA" / "swarm" / "postgres"
    assert home.worker == tmp_path / "DATA" / "swarm" / "worker"
    assert home.lock == tmp_path / "STATE" / "swarm" / "lock"


def test_data_moves_the_servers_data_only_and_is_remembered(tmp_path: Path) -> None:
    home = find_home({"SWARM_HOME": str(tmp_path / "h")})
    moved = home.with_data(tmp_path / "d")
    assert (moved.postgres, moved.valkey) == (tmp_path / "d" / "postgres", tmp_path / "d" / "valkey")
    assert (moved.worker, moved.credentials, moved.lock) == (home.worker, home.credentials, home.lock)
    moved.make()
    moved.remember(data=str(moved.data), port=9000)
    assert home.with_data(None) == moved
    assert home.remembered().port == 9000
    moved.remember(port=9001)
    assert home.with_data(None) == moved


def test_what_it_makes_is_closed_to_others(tmp_path: Path) -> None:
    make_folder(tmp_path / "a")
    mode = (tmp_path / "a").stat().st_mode & 0o777
    assert mode == (0o711 if os.geteuid() == 0 else 0o700)
    tmp_path.joinpath("a").chmod(0o750)
    make_folder(tmp_path / "a")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o750, "the mode of a folder that exists is not ours"


def test_a_spoilt_settings_file_is_named(tmp_path: Path) -> None:
    home = find_home({"SWARM_HOME": str(tmp_path)})
    home.settings.write_text("{")
    with pytest.raises(SwarmError, match=r"home\.json"):
        home.with_data(None)
