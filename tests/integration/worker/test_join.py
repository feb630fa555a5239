"""`swarm worker join --systemd`, as a person types it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from swarm_consumer.cli.main import execute

from .fake_core import FakeCore

Swarm = Callable[..., Awaitable[tuple[int, str, str]]]
FAILURE = 125


@pytest.fixture
def swarm(capfd: pytest.CaptureFixture[str]) -> Swarm:
    """Runs a command in this process; its exit code and what it wrote."""

    async def run(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(execute, list(words))
        return (code, *capfd.readouterr())

    return run


@pytest.fixture
def join(core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command without the token."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("SWARM_JOIN_TOKEN", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    return ["worker", "join", core.url, "--data", str(tmp_path / "data"), "--slots", "3"]


async def test_a_unit_is_written_after_the_join(core: FakeCore, tmp_path: Path, swarm: Swarm, join: list[str]) -> None:
    code, printed, _ = await swarm(*join, "--systemd=user", "--systemd-print")
    assert code == 0
    assert not (tmp_path / "data").exists()
    (tmp_path / "token").write_text(str(core.token))
    code, out, err = await swarm(*join, "--systemd=user", "--token-file", str(tmp_path / "token"))
    unit = tmp_path / "config/systemd/user/swarm-worker.service"
    assert (code, unit.read_text()) == (0, printed)
    assert core.token.secret not in printed
    assert f"wrote {unit}; now run:" in err
    assert out.splitlines() == [
        "systemctl --user daemon-reload && systemctl --user enable --now swarm-worker.service",
        "loginctl enable-linger",
    ]
    assert (tmp_path / "data/offer.json").read_text() == '{"slots":3}\n'

    assert (await swarm(*join, "--systemd=user", "--unit", "other"))[0] == 0, "it has joined, and needs no token"
    assert (await swarm(*join, "--no-run"))[0] == 0
    elsewhere = [*join[:2], "wss://127.0.0.1:1", *join[3:]]
    code, _, err = await swarm(*elsewhere, "--systemd=user")
    assert (code, f"belongs to a worker of {core.url}" in err) == (FAILURE, True)
    code, _, err = await swarm(*join)
    assert (code, "belongs to a worker already" in err) == (FAILURE, True), "to run it is another command"


async def test_what_somebody_has_made_is_left_and_the_token_unused(
    core: FakeCore, tmp_path: Path, swarm: Swarm, join: list[str]
) -> None:
    unit = tmp_path / "config/systemd/user/swarm-worker.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    (tmp_path / "token").write_text(str(core.token))
    words = [*join, "--systemd=user", "--token-file", str(tmp_path / "token")]
    code, _, err = await swarm(*words)
    assert code == FAILURE
    assert f"error: {unit} is one that is none of ours; nothing was changed" in err
    assert "--force replaces it" in err
    assert not (tmp_path / "data").exists()
    assert (await swarm(*words, "--force"))[0] == 0
    assert "Type=notify" in unit.read_text()


async def test_whose_systemd(tmp_path: Path, swarm: Swarm, join: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a value it is the system's for root, one's own for anybody else."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "WantedBy=multi-user.target" in (await swarm(*join, "--systemd", "--systemd-print"))[1]
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "WantedBy=default.target" in (await swarm(*join, "--systemd-print"))[1]
    code, _, err = await swarm(*join, "--systemd=whose", "--systemd-print")
    assert (code, "'system', 'user'" in err) == (2, True)
    code, _, err = await swarm(*join, "--systemd", "--unit", "a/b")
    assert (code, "is no name of a unit" in err) == (FAILURE, True)
