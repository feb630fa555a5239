"""What `swarm doctor` sees of a core: a real Postgres and Redis, and a core on real ports."""

import asyncio
import socket
from pathlib import Path

import pytest
from tests.integration.core.live_core import live_core

from swarm_core import doctor
from swarm_protocol.checkup import Asked, Finding


@pytest.fixture
def environ(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """What a core would be started with."""
    key = tmp_path / "seal.key"
    key.write_text("key")
    key.chmod(0o640)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        "SWARM_DATABASE_URL": database_url,
        "SWARM_REDIS_URL": redis_url,
        "SWARM_DATA": str(tmp_path),
        "SWARM_SEAL_KEY_FILE": str(key),
        "SWARM_LISTEN": f"127.0.0.1:{port}",
    }


async def look(environ: dict[str, str]) -> dict[str, Finding]:
    sides = doctor.checks(Asked(environ))
    return {found.name: found for check in sides["core"] for found in await check.look()}


async def test_servers_without_a_core(environ: dict[str, str]) -> None:
    found = await look(environ)
    levels = {name: one.level.value for name, one in found.items()}
    assert levels.pop("disk") in ("ok", "warn"), "as the machine has it"
    assert levels == {
        "core": "warn",
        "udp": "fail",
        "database": "ok",
        "durability": "fail",
        "schema": "ok",
        "clock": "ok",
        "redis": "ok",
        "seal-key": "warn",
    }
    assert "fsync=off" in found["durability"].text, "the tests' own server is set up so"
    assert "/swarm_test_" in found["database"].text
    password = environ["SWARM_DATABASE_URL"].split(":")[2].partition("@")[0]
    assert not any(password in one.text for one in found.values())


async def test_a_core_that_runs(environ: dict[str, str], database_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        found = await look(environ | {"SWARM_LISTEN": f"0.0.0.0:{core.server.port}"})
        core.parts.blobs.close()
    assert {found[name].level.value for name in ("core", "certificate", "udp")} == {"ok"}
    assert "good for 90 days" in found["certificate"].text
    assert found["version"].text == "0.1.0 here, test at the core"


async def test_something_else_on_the_port(environ: dict[str, str]) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as other:
        address = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
        found = await look(environ | {"SWARM_LISTEN": address})
    assert found["core"].text == f"something else than a core listens at {address}"


async def test_servers_that_are_away(environ: dict[str, str]) -> None:
    away = {"SWARM_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d", "SWARM_REDIS_URL": "redis://127.0.0.1:1/0"}
    found = await look(environ | away | {"SWARM_DATA": "/nowhere", "SWARM_SEAL_KEY_FILE": "/nowhere/key"})
    assert found["database"].text.startswith("127.0.0.1:1/d: ")
    assert (found["database"].level, found["redis"].level) == ("fail", "warn")
    assert (found["disk"].level, found["seal-key"].level) == ("fail", "fail")


async def test_settings_that_are_wrong_and_no_core_at_all(environ: dict[str, str], tmp_path: Path) -> None:
    found = await look(environ | {"SWARM_LISTEN": "here"})
    assert list(found) == ["settings"]
    assert doctor.checks(Asked({"SWARM_HOME": str(tmp_path)})) == {}
