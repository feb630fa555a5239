"""Named mounts on the real engine: what a job sees of them, who owns what it writes, and what is refused."""

import os
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from swarm_protocol import messages as msg
from swarm_worker.runtimes.docker import Containers

from .conftest import Home
from .fake_core import FakeCore

PROJECT = uuid.UUID(int=7)


@pytest.fixture
def share() -> Iterator[Path]:
    """A folder that can be mounted: the test's own may be on /dev/shm, which no job may have."""
    with tempfile.TemporaryDirectory(prefix="sw-share-", dir="/var/tmp") as folder:
        path = Path(folder)
        path.chmod(0o777)
        (path / "file").write_text("shared")
        yield path


def mount(name: str, path: Path, *, read_only: bool = False, uid: int | None = None) -> msg.Mount:
    grant = msg.MountGrant(project=PROJECT, uid=uid, gid=uid)
    return msg.Mount(name=name, path=str(path), read_only=read_only, grants=[grant])


async def tell(core: FakeCore, *mounts: msg.Mount) -> msg.Offers:
    """Tell the worker of mounts; what it offers then."""
    before = len(core.all_of(msg.Offers))
    await core.say(msg.Mounts(mounts=list(mounts)))
    return (await core.until(lambda: core.all_of(msg.Offers)[before:], "offers"))[-1]


async def assign(core: FakeCore, image: str, job: int, **spec: Any) -> msg.Ref:
    made = core.assignment(image, spec, msg.Ref(job, 1))
    await core.say(msgspec.structs.replace(made, project=PROJECT))
    return made.ref


async def test_a_job_finds_it_writes_to_it_and_sees_nothing_else(
    core: FakeCore, worker: Home, image: str, share: Path
) -> None:
    offers = await tell(
        core, mount("data", share, uid=1234), mount("ref", share, read_only=True), mount("etc", Path("/etc"))
    )
    assert (offers.mounts, list(offers.why)) == (["data", "ref"], ["mount etc"])
    script = """
    cat /mnt/data/file /mnt/ref/file; id -u; id -g
    echo new > /mnt/data/new; echo x > /mnt/ref/x; echo x > /mnt/x; ls /mnt
    """
    finished = await core.finished(await assign(core, image, 1, mounts=["data", "ref"], command=["sh", "-c", script]))
    assert (await core.whole_log(finished)).split() == [b"sharedshared1234", b"1234", b"data", b"ref"]
    assert (await core.whole_log(finished, 2)).count(b"Read-only file system") == 2
    made = (share / "new").stat()
    assert (made.st_uid, made.st_gid) == (1234, 1234)
    assert sorted(os.listdir(share)) == ["file", "new"]


async def test_a_job_may_ask_for_less_and_gets_no_submounts(
    core: FakeCore, worker: Home, image: str, share: Path
) -> None:
    await tell(core, mount("data", share))
    ref = await assign(core, image, 2, mounts=["data:ro"], command=["sleep", "60"])
    await core.first(msg.Started, ref)
    (seen,) = await worker.jobs()
    told = await Containers(worker.engine).inspect(seen.id)
    [bind] = [m for m in told["HostConfig"]["Mounts"] if m["Target"].startswith("/mnt")]
    assert bind == {
        "Type": "bind",
        "Source": str(share),
        "Target": "/mnt/data",
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rprivate", "NonRecursive": True},
    }


async def test_what_is_no_longer_allowed_or_there_ends_the_attempt(
    core: FakeCore, worker: Home, image: str, share: Path
) -> None:
    await tell(core, mount("data", share))
    finished = await core.finished(await assign(core, image, 1, mounts=["other"], command=["true"]))
    assert (finished.result, finished.message.split(";")[0]) == (
        "invalid",
        "its project may use no mount called other any more",
    )
    link = share / "link"
    link.symlink_to("/etc")
    offers = await tell(core, mount("link", link))
    assert offers.mounts == []
    finished = await core.finished(await assign(core, image, 2, mounts=["link"], command=["true"]))
    assert finished.result == "create_failed"
    assert "the mount link is not offered" in finished.message


async def test_the_machines_operator_names_roots(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], share: Path
) -> None:
    (share / "only" / "data").mkdir(parents=True)
    (share / "only" / "private").mkdir()
    home = await make_home(mount_roots=(share / "only",), mount_deny=(share / "only" / "private",))
    await home.start()
    folders = {"data": "only/data", "own": "only/private", "around": "only", "all": "."}
    offers = await tell(core, *(mount(name, share / path) for name, path in folders.items()))
    assert (offers.mounts, sorted(offers.why)) == (["data"], ["mount all", "mount around", "mount own"])
    offers = await tell(core, mount("own", home.settings.data))
    assert offers.mounts == []
