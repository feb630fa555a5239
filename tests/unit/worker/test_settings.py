"""Settings from flags over variables over defaults."""

from pathlib import Path

import pytest

from swarm_worker.__main__ import main
from swarm_worker.settings import SettingsError, read


def test_flags_win_over_variables_win_over_defaults() -> None:
    environ = {
        "SWARM_WORKER_DATA": "/e",
        "SWARM_WORKER_SLOTS": "3",
        "SWARM_WORKER_MEMORY": "2G",
        "DOCKER_HOST": "unix:///s",
    }
    made = read(environ, slots=5, name=None)
    assert (made.data, made.slots, made.memory, made.docker_host) == (Path("/e"), 5, 2 << 30, "unix:///s")
    assert read({"SWARM_WORKER_DATA": "/e", "SWARM_WORKER_LABELS": "a=b,c=d=e"}).labels == {"a": "b", "c": "d=e"}


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "--data"),
        ({"SWARM_WORKER_DATA": "/e", "SWARM_WORKER_SLOTS": "x"}, "SWARM_WORKER_SLOTS"),
        ({"SWARM_WORKER_DATA": "/e", "SWARM_WORKER_SLOTS": "0"}, "slots"),
        ({"SWARM_WORKER_DATA": "/e", "SWARM_WORKER_JOIN_URL": "http://x"}, "wss://"),
        ({"SWARM_WORKER_DATA": "/e", "DOCKER_HOST": "tcp://x"}, "unix://"),
        ({"SWARM_WORKER_DATA": "/e", "SWARM_WORKER_LABELS": "gpu"}, "gpu=a100"),
    ],
)
def test_wrong_settings_are_named(environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read(environ)


def test_the_command_tells_of_a_wrong_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--data", "/x", "--memory", "lots"]) == 2
    assert "512M" in capsys.readouterr().err


def test_an_ordinary_start_without_an_identity_says_how_to_join(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--data", str(tmp_path)]) == 1
    assert "swarm worker token" in capsys.readouterr().err
