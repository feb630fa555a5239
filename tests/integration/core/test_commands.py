"""`python -m swarm_core …` as real processes beside a real Postgres."""

import asyncio
import base64
import contextlib
import os
import signal
import socket
import ssl
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx2
import msgspec
import pytest

from swarm_protocol.claims import SERVER_NAME, ca_fingerprint, parse_join_token

SECONDS = 60


@dataclass(frozen=True)
class Done:
    """What a process left."""

    code: int
    out: str
    err: str


@pytest.fixture
async def empty_database(postgres_url: str) -> AsyncIterator[str]:
    """URL of a database without any schema."""
    name = f"swarm_empty_{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f'create database "{name}" template template0')
    try:
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    finally:
        await connection.execute(f'drop database "{name}" with (force)')
        await connection.close()


@pytest.fixture
def env(tmp_path: Path, empty_database: str) -> dict[str, str]:
    """What `swarm up` sets, with a password file beside it."""
    key = tmp_path / "seal.key"
    key.write_text(base64.urlsafe_b64encode(bytes(range(32))).decode())
    (tmp_path / "password").write_text("correct horse\n")
    return {
        "PATH": os.environ["PATH"],
        "SWARM_DATABASE_URL": empty_database,
        "SWARM_SEAL_KEY_FILE": str(key),
        "SWARM_LISTEN": f"127.0.0.1:{free_port()}",
        "SWARM_DATA": str(tmp_path / "blobs"),
        "SWARM_TIMER_DATABASE": "1",
    }


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        found: int = sock.getsockname()[1]
        return found


async def start(env: Mapping[str, str], *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "swarm_core",
        *words,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
    )


async def run(env: Mapping[str, str], *words: str) -> Done:
    process = await start(env, *words)
    try:
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def init(env: Mapping[str, str], name: str = "root") -> Done:
    file = str(Path(env["SWARM_SEAL_KEY_FILE"]).with_name("password"))
    return await run(env, "init", "--admin", name, "--password-file", file, "--json")


async def test_the_first_commands_on_an_empty_database(env: dict[str, str]) -> None:
    """At the same time, as cores that start together would."""
    first, ca, token = await asyncio.gather(init(env), run(env, "ca"), run(env, "join-token", "--json"))
    assert (first.code, ca.code, token.code) == (0, 0, 0), first.err + ca.err + token.err
    made = msgspec.json.decode(first.out)
    assert (made["user"], made["url"]) == ("root", f"https://{env['SWARM_LISTEN']}")
    assert made["ca_pem"] == ca.out
    pinned = parse_join_token(msgspec.json.decode(token.out)["token"]).ca_fingerprint
    assert pinned == ca_fingerprint(ssl.PEM_cert_to_DER_cert(ca.out))
    assert msgspec.json.decode((await run(env, "ca", "--json")).out) == {"ca_pem": ca.out, "fingerprint": pinned}
    again = await init(env)
    assert msgspec.json.decode(again.out)["user"] == "root"
    assert msgspec.json.decode(again.out)["refresh_token"] != made["refresh_token"]
    other = await init(env, "eve")
    assert (other.code, other.out) == (1, "")
    assert "don't go together" in other.err


async def test_migrate_and_settings(env: dict[str, str]) -> None:
    assert "applied 0001_spine.sql" in (await run(env, "migrate")).out
    assert "this version's already" in (await run(env, "migrate")).out
    assert msgspec.json.decode((await run(env, "migrate", "--json")).out) == {"applied": []}
    shown, read = await run(env, "settings"), await run(env, "settings", "--json")
    password = env["SWARM_DATABASE_URL"].partition("://")[2].partition("@")[0].partition(":")[2]
    assert password not in shown.out + read.out
    assert msgspec.json.decode(read.out)["timers"]["lease"] == 30.0
    assert ["timers.lease", "30.0"] in [line.split() for line in shown.out.splitlines()]


async def test_a_database_that_is_down_is_waited_for_and_then_named(env: dict[str, str]) -> None:
    port = free_port()
    away = env | {"SWARM_DATABASE_URL": f"postgresql://swarm:geheim@127.0.0.1:{port}/swarm"}
    done = await run(away, "ca")
    assert (done.code, done.out) == (1, "")
    waits, error, hint = done.err.strip().splitlines()
    assert f"waiting for the database at 127.0.0.1:{port}/swarm, at most 1 s" in waits
    assert f"error: the database at 127.0.0.1:{port}/swarm can't be used" in error
    assert "SWARM_DATABASE_URL" in hint
    assert "geheim" not in done.err


async def test_serving_waits_for_the_database_too(env: dict[str, str]) -> None:
    port = free_port()
    done = await run(env | {"SWARM_DATABASE_URL": f"postgresql://swarm:geheim@127.0.0.1:{port}/swarm"}, "serve")
    assert (done.code, done.out) == (1, "")
    assert f"waiting for the database at 127.0.0.1:{port}/swarm" in done.err
    assert f' fatal core "the core can\'t go on" error="the database at 127.0.0.1:{port}/swarm' in done.err
    assert f"error: the database at 127.0.0.1:{port}/swarm can't be used" in done.err
    assert "Traceback" not in done.err


async def test_a_port_that_is_taken_is_named(env: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = await run(env | {"SWARM_LISTEN": address}, "serve")
    assert done.code == 1
    assert f"error: can't listen on {address}" in done.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"SWARM_DATABASE_URL": ""}, "SWARM_DATABASE_URL is not set"),
        ({"SWARM_SEAL_KEY_FILE": ""}, "SWARM_SEAL_KEY_FILE is not set"),
        ({"SWARM_SEAL_KEY_FILE": "/nowhere/key"}, "can't read the seal key /nowhere/key"),
        ({"SWARM_DATABASE_URL": "nonsense"}, "can't be used"),
        ({"SWARM_TIMER_DATABASE": "soon"}, "SWARM_TIMER_DATABASE='soon' is no number"),
    ],
)
async def test_wrong_settings_are_named(env: dict[str, str], change: dict[str, str], says: str) -> None:
    done = await run(env | change, "ca")
    assert done.code == 1
    assert says in done.err
    assert "Traceback" not in done.err


async def test_another_seal_key_is_noticed(env: dict[str, str], tmp_path: Path) -> None:
    assert (await run(env, "ca")).code == 0
    (tmp_path / "other.key").write_text(base64.urlsafe_b64encode(bytes(32)).decode())
    done = await run(env | {"SWARM_SEAL_KEY_FILE": str(tmp_path / "other.key")}, "ca")
    assert done.code == 1
    assert "the seal key doesn't open this cluster's ca" in done.err


async def test_a_core_serves_until_it_is_told_to_stop(env: dict[str, str]) -> None:
    made = msgspec.json.decode((await init(env)).out)
    process = await start(env, "serve")
    try:
        async with httpx2.AsyncClient(
            base_url=made["url"], verify=ssl.create_default_context(cadata=made["ca_pem"]), trust_env=False
        ) as client:
            await ready(client, process)
            fresh = await client.post(
                "/api/v1/token",
                json={"refresh_token": made["refresh_token"]},
                extensions={"sni_hostname": SERVER_NAME},
            )
            assert fresh.status_code == 200
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == 0, err.decode()
    assert 'success core "core is up"' in err.decode()
    assert "Traceback" not in err.decode()
    database = await asyncpg.connect(env["SWARM_DATABASE_URL"])
    said = [
        row["message"] for row in await database.fetch("select message from syslog where module = 'core' order by id")
    ]
    await database.close()
    assert said[-3:] == ["core is up", "core is stopping", "core has stopped"]


async def ready(client: httpx2.AsyncClient, process: asyncio.subprocess.Process) -> None:
    """Wait until the core takes work."""
    async with asyncio.timeout(SECONDS):
        while True:
            assert process.returncode is None, "the core has ended"
            with contextlib.suppress(httpx2.TransportError):
                if (await client.get("/ready", extensions={"sni_hostname": SERVER_NAME})).status_code == 200:
                    return
            await asyncio.sleep(0.05)
