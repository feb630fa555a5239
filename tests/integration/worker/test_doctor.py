"""What `swarm doctor` sees of a worker: the real engine and machine, a core that can be broken."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from swarm_protocol.checkup import Asked, Finding
from swarm_worker import doctor
from swarm_worker.runtimes.engine import Engine

from .conftest import Home
from .fake_core import FakeCore


async def look(data: Path, *, deep: bool = False, **environ: str) -> dict[str, Finding]:
    """All findings about the one worker there."""
    [(side, checks)] = doctor.checks(Asked(environ, deep=deep, data=data)).items()
    assert side == "worker"
    return {found.name: found for check in checks for found in await check.look()}


async def test_a_machine_that_is_well(core: FakeCore, worker: Home, engine: Engine) -> None:
    await core.until(lambda: core.socket, "a connection")
    found = await look(worker.settings.data, deep=True)
    fine = {name for name, one in found.items() if one.level == "ok"}
    assert {"clock", "admission", "engine", "runc", "cgroups", "seccomp", "secrets"} <= fine
    assert found["container"].text.startswith("one was made, started and removed in")
    assert found["core"].text.endswith("of it fleet does not run")
    assert (found["version"].level, found["certificate"].level) == ("warn", "warn"), "its CA is good for a day"
    assert "has never heard one" in found["heartbeats"].text
    assert found["process"].text == f"w0 runs (pid {os.getpid()}), waiting"
    mine = '{"label": ["swarm.cluster=doctor"]}'
    assert await engine.call("GET", "/containers/json", params={"all": "1", "filters": mine}) == []


async def test_an_engine_and_a_core_that_are_away(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], tmp_path: Path
) -> None:
    home = await make_home()
    await core.stop()
    found = await look(home.settings.data, deep=True, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert found["process"].level == "warn", "it has not been started"
    failed = {name for name, one in found.items() if one.level == "fail"}
    assert failed == {"core", "admission", "engine", "container"}
    assert found["core"].text == f"no answer from 127.0.0.1:{core.port}: Connection refused"
    assert found["engine"].remedy
    await core.start()


async def test_a_worker_that_was_shut_out(core: FakeCore, make_home: Callable[..., Awaitable[Home]]) -> None:
    home = await make_home()
    core.revoked = True
    found = await look(home.settings.data)
    assert (found["admission"].level, found["admission"].text) == (
        "fail",
        "the core refuses it: the worker was revoked",
    )


async def test_folders_that_are_wrong(make_home: Callable[..., Awaitable[Home]], tmp_path: Path) -> None:
    home = await make_home()
    assert (await look(tmp_path / "nothing"))["identity"].text == f"no worker has joined in {tmp_path / 'nothing'}"
    assert (await look(home.settings.data, SWARM_WORKER_SLOTS="many"))["settings"].level == "fail"
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "identity.json").write_text("{}")
    assert "join again" in (await look(tmp_path / "bad"))["identity"].text
    assert doctor.checks(Asked({"SWARM_HOME": str(tmp_path / "nowhere")})) == {}
    assert list(doctor.checks(Asked({"SWARM_HOME": str(tmp_path)}))) == ["worker"]
