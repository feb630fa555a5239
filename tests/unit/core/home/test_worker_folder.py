"""The worker's folder follows its core."""

import json
from pathlib import Path

import pytest

from swarm_core.home import worker_folder
from swarm_core.home.stack import worker_is_ready


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    folder = tmp_path / "worker"
    folder.mkdir()
    (folder / "identity.json").write_text(json.dumps({"ca_pem": "A\n", "url": "wss://127.0.0.1:1", "key": "k"}))
    return folder


def test_a_new_one_is_the_default(tmp_path: Path) -> None:
    assert worker_folder.choose(tmp_path / "worker", "A") == tmp_path / "worker"
    assert not worker_folder.has_joined(tmp_path / "worker")


def test_that_of_the_same_core_stays(joined: Path) -> None:
    assert worker_folder.choose(joined, "A") == joined
    assert worker_folder.has_joined(joined)


def test_another_core_gets_another_folder_each_time_the_same(joined: Path) -> None:
    other = worker_folder.choose(joined, "B")
    assert other != joined
    assert other == worker_folder.choose(joined, "B\n")


def test_a_new_address_is_written_into_the_identity(joined: Path) -> None:
    worker_folder.follow(joined, "wss://127.0.0.1:2")
    assert json.loads((joined / "identity.json").read_text()) == {
        "ca_pem": "A\n", "url": "wss://127.0.0.1:2", "key": "k",
    }  # fmt: skip
    assert (joined / "identity.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("said", "ready"),
    [
        ({"state": "waiting", "pid": 7, "engine": "20.10"}, True),
        ({"state": "working", "pid": 7, "engine": "20.10"}, True),
        ({"state": "initializing", "pid": 7, "engine": "not connected"}, False),
        ({"state": "initializing", "pid": 7, "engine": "no container engine: refused"}, True),
        ({"state": "waiting", "pid": 8, "engine": "20.10"}, False),
    ],
)
def test_ready_is_what_this_very_worker_says(tmp_path: Path, said: dict[str, object], ready: bool) -> None:
    (tmp_path / "state.json").write_text(json.dumps(said))
    assert worker_is_ready(tmp_path, 7) == ready
    worker_folder.forget_state(tmp_path)
    assert not worker_is_ready(tmp_path, 7)
