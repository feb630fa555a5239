"""Secrets on the real engine: in memory, for the container's user alone, and gone with its end."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from swarm_protocol import messages as msg
from swarm_protocol.errors import SwarmError
from swarm_worker.runtimes.docker import Containers

from .conftest import Home, busybox_layer, put_image
from .fake_core import FakeCore

VALUE = b"correct horse battery staple"
SHM = Path("/dev/shm")
LOOK = """
    id -u; busybox stat -c '%a %u' /run/secrets /run/secrets/db; busybox stat -f -c %T /run/secrets
    [ "$(cat /run/secrets/db)" = "correct horse battery staple" ] && echo read
    (echo x > /run/secrets/db) 2>/dev/null || echo closed
    (echo x > /run/secrets/new) 2>/dev/null || echo closed
"""
WAIT = "echo up; until [ -e /out/go ]; do sleep 0.05; done; cat /run/secrets/db | busybox md5sum"
MD5_OF_VALUE = b"9cc2ae8a1ba7a93da39b46fc1019c481"


def folders(home: Home) -> list[str]:
    """What of the worker's is in memory."""
    return sorted(path.name for path in SHM.glob(f"swarm-secrets-{home.identity.worker_id}/*"))


def leftovers(home: Home, value: bytes = VALUE) -> list[str]:
    """Files of the worker's folder that hold the value."""
    files = [path for path in home.settings.data.rglob("*") if path.is_file()]
    return [str(path) for path in files if value in path.read_bytes()]


async def assigned(core: FakeCore, image: str, script: str, job: int = 1, **spec: Any) -> msg.Ref:
    """An attempt that is to have the secret."""
    core.secrets.setdefault(msg.Ref(job, 1), {"db": VALUE})
    return await core.assign(image, {"command": ["sh", "-c", script], "secrets": ["db"], **spec}, job)


async def up(core: FakeCore, image: str) -> msg.Ref:
    ref = await assigned(core, image, WAIT)
    await core.until(lambda: core.log(ref) == b"up\n", "its first line")
    return ref


def release(home: Home, ref: msg.Ref) -> None:
    (home.settings.data / "attempts" / f"{ref.job}.{ref.attempt}" / "out" / "go").touch()


@pytest.mark.parametrize(("user", "uid"), [(None, 65534), ("1234:77", 1234), ("app", 4321)])
async def test_one_user_reads_it_and_nobody_writes(core: FakeCore, worker: Home, user: str | None, uid: int) -> None:
    image = put_image(core, busybox_layer({"etc/passwd": b"root:x:0:0\napp:x:4321:1:::\n"}))
    ref = await assigned(core, image, LOOK, user=user)
    finished = await core.finished(ref)
    lines = (await core.whole_log(finished)).decode().split("\n")
    assert lines == [str(uid), f"500 {uid}", f"400 {uid}", "tmpfs", "read", "closed", "closed", ""]
    await worker.until_no_jobs()
    assert folders(worker) == []


async def test_nothing_tells_of_it(core: FakeCore, worker: Home, image: str, caplog: pytest.LogCaptureFixture) -> None:
    ref = await up(core, image)
    assert folders(worker) == ["1.1"]
    (seen,) = await worker.jobs()
    told = await Containers(worker.engine).inspect(seen.id)
    assert VALUE not in msgspec.json.encode(told)
    assert ("/run/secrets", False) in {(m["Destination"], m["RW"]) for m in told["Mounts"]}
    assert leftovers(worker) == []
    release(worker, ref)
    await core.finished(ref)
    await worker.until_no_jobs()
    assert VALUE.decode() not in caplog.text
    assert leftovers(worker) == []
    assert VALUE not in b"".join(msgspec.msgpack.encode(message) for message in core.heard)


async def test_it_stays_for_a_container_that_is_handed_over(core: FakeCore, worker: Home, image: str) -> None:
    ref = await up(core, image)
    await worker.stop()
    assert folders(worker) == ["1.1"]
    await worker.start()
    await core.until(lambda: len(core.all_of(msg.Reconcile)) == 2, "its successor")
    release(worker, ref)
    finished = await core.finished(ref)
    assert MD5_OF_VALUE in await core.whole_log(finished)
    await worker.until_no_jobs()
    assert folders(worker) == []


async def test_what_nothing_held_needs_goes_at_the_next_start(core: FakeCore, worker: Home, image: str) -> None:
    ref = await up(core, image)
    await worker.stop()
    left = SHM / f"swarm-secrets-{worker.identity.worker_id}" / "99.1"
    left.mkdir()
    (left / "old").write_bytes(VALUE)
    await worker.start()
    await core.until(lambda: len(core.all_of(msg.Reconcile)) == 2, "its successor")
    assert folders(worker) == ["1.1"]
    await core.say(msg.Discard(ref=ref))
    await worker.until_no_jobs()
    assert folders(worker) == []


async def test_it_goes_with_a_cancel(core: FakeCore, worker: Home, image: str) -> None:
    ref = await up(core, image)
    await core.say(msg.Cancel(ref=ref))
    assert (await core.finished(ref)).result == "cancelled"
    assert folders(worker) == []


async def test_one_that_was_removed_ends_the_attempt(core: FakeCore, worker: Home, image: str) -> None:
    hint = "`swarm secret set db`, then `swarm retry`"
    core.secrets[msg.Ref(1, 1)] = SwarmError("invalid_spec", "the secret db was removed", hint=hint)
    core.secrets[msg.Ref(2, 1)] = SwarmError("forbidden", "attempt 2.1 is not this worker's to start")
    finished = await core.finished(await assigned(core, image, "true"))
    assert (finished.result, finished.message) == ("invalid", f"the secret db was removed; {hint}")
    assert (await core.finished(await assigned(core, image, "true", 2))).result == "create_failed"
    assert not core.all_of(msg.Started)
    assert folders(worker) == []


async def test_a_core_that_is_away_is_waited_for(core: FakeCore, worker: Home, image: str) -> None:
    core.secrets[msg.Ref(1, 1)] = SwarmError("unavailable", "not now")
    ref = await assigned(core, image, "exit 0")
    await core.first(msg.Accepted, ref)
    core.secrets[ref] = {"db": VALUE}
    assert (await core.finished(ref)).result == "succeeded"


async def test_a_cancel_while_the_core_is_away(core: FakeCore, worker: Home, image: str) -> None:
    core.secrets[msg.Ref(1, 1)] = SwarmError("unavailable", "not now")
    ref = await assigned(core, image, "exit 0")
    await core.first(msg.Accepted, ref)
    await core.say(msg.Cancel(ref=ref))
    assert (await core.finished(ref)).result == "cancelled"


async def test_without_a_place_in_memory_the_attempt_fails(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], image: str
) -> None:
    home = await make_home(secrets=Path("/var/lib"))
    await home.start()
    finished = await core.finished(await assigned(core, image, "true"))
    assert finished.result == "create_failed"
    assert "no place in memory for secrets (not /var/lib)" in finished.message
    assert await asyncio.to_thread(leftovers, home) == []
