"""Settings from flags over variables over defaults."""

from pathlib import Path

import pytest

from swarm_worker import offer
from swarm_worker.__main__ import main
from swarm_worker.settings import SettingsError, parse_networks, read


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


def test_what_the_join_was_told_counts_until_it_is_said_otherwise(tmp_path: Path) -> None:
    networks = parse_networks(["10.0.0.53"])
    told = {"slots": 3, "mount_roots": (Path("/srv"),), "allow_egress": True, "egress_allow": networks}
    offer.keep(tmp_path, **told, labels=None)
    made = read({}, data=tmp_path)
    assert {name: getattr(made, name) for name in told} == told
    offer.keep(tmp_path, slots=5)
    assert (read({}, data=tmp_path).slots, read({}, data=tmp_path).mount_roots) == (5, (Path("/srv"),))
    assert not read({}, data=tmp_path, allow_egress=False).allow_egress
    assert not read({"SWARM_WORKER_ALLOW_EGRESS": "no"}, data=tmp_path).allow_egress
    offer.keep(tmp_path, allow_egress=False)
    assert not read({}, data=tmp_path).allow_egress
    offer.path_in(tmp_path).write_text('{"egress_allow":["near"]}')
    with pytest.raises(SettingsError, match="near"):
        read({}, data=tmp_path)


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
