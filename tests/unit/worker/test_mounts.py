"""What of the named mounts a worker offers, and what a job gets of them."""

import asyncio
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from swarm_protocol.messages import Mount, MountGrant, Offers
from swarm_protocol.messages import Mounts as Told
from swarm_protocol.needs import mount_use
from swarm_worker import mounts as waiting
from swarm_worker.egress import Egress
from swarm_worker.failures import AttemptFailed
from swarm_worker.folders import Folders
from swarm_worker.gpus import Gpus
from swarm_worker.mounts import NONE_GIVEN, Bound, Given, Mounts
from swarm_worker.offering import Offering
from swarm_worker.runtimes.engine import Engine
from swarm_worker.runtimes.profile import Owner

LAB, SHOP = UUID(int=1), UUID(int=2)


def folders() -> Folders:
    """A machine with one closed folder: the test's own may be on /dev/shm."""
    return Folders([], system=["/etc"])


def mount(name: str, path: Path, *grants: MountGrant, read_only: bool = False) -> Mount:
    return Mount(name=name, path=str(path), read_only=read_only, grants=list(grants) or [MountGrant(project=LAB)])


def mounts(*known: Mount, uid: int = 0) -> Mounts:
    made = Mounts(folders, lambda: uid)
    made.told(known)
    return made


async def give(known: Mounts, *uses: str, project: UUID = LAB) -> Given:
    return await known.give(project, [mount_use(text) for text in uses])


async def refusal(known: Mounts, *uses: str, **more: Any) -> tuple[str, str]:
    with pytest.raises(AttemptFailed) as failed:
        await give(known, *uses, **more)
    return failed.value.kind.value, str(failed.value)


async def test_a_job_gets_the_folder_itself_and_may_ask_for_less(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    known = mounts(mount("data", tmp_path / "link"), mount("ref", tmp_path, read_only=True))
    assert await give(known, "data") == Given((Bound("data", str(tmp_path), False),))
    assert await give(known, "data:ro") == Given((Bound("data", str(tmp_path), True),))
    assert await give(known, "ref") == Given((Bound("ref", str(tmp_path), True),))
    assert await give(Mounts(folders)) == NONE_GIVEN


async def test_what_another_project_was_allowed_is_not_there(tmp_path: Path) -> None:
    known = mounts(mount("data", tmp_path))
    kind, text = await refusal(known, "data", project=SHOP)
    assert (kind, text.split(";")[0]) == ("invalid", "its project may use no mount called data any more")
    known.told([])
    assert (await refusal(known, "data"))[0] == "invalid"


async def test_users_of_projects(tmp_path: Path) -> None:
    lab, shop = MountGrant(project=LAB, uid=1000, gid=100), MountGrant(project=SHOP, uid=7, gid=7)
    known = mounts(mount("a", tmp_path, lab, shop), mount("b", tmp_path), mount("c", tmp_path, shop))
    assert (await give(known, "a")).user == "1000:100"
    assert (await give(known, "a", project=SHOP)).user == "7:7"
    known = mounts(mount("a", tmp_path, lab), mount("c", tmp_path, MountGrant(project=LAB, uid=7, gid=7)))
    assert "different users" in (await refusal(known, "a", "c"))[1]


async def test_a_worker_that_is_not_root_maps_to_nobody_else(tmp_path: Path) -> None:
    mapped = mount("a", tmp_path, MountGrant(project=LAB, uid=1000, gid=100))
    assert await mounts(mapped, uid=1000).offered() == (["a"], {})
    offered, why = await mounts(mapped, mount("b", tmp_path), uid=5).offered()
    assert (offered, list(why)) == (["b"], ["a"])
    assert "not root" in why["a"]


async def test_what_jobs_can_write_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "shared/team").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "shared/sly").symlink_to(tmp_path / "home")
    (tmp_path / "via").symlink_to(tmp_path / "shared")
    shared = mount("shared", tmp_path / "shared")
    for path in ("shared/team", "shared/sly", "via/sly"):
        offered, why = await mounts(shared, mount("in", tmp_path / path)).offered()
        assert (offered, why) == (
            ["shared"],
            {"in": f"{tmp_path / path} is in the mount shared, where jobs could lead it elsewhere"},
        )
    assert (await mounts(shared, mount("same", tmp_path / "via"), mount("home", tmp_path / "home")).offered())[1] == {}
    reading = mount("shared", tmp_path / "shared", read_only=True)
    assert (await mounts(reading, mount("in", tmp_path / "shared/team")).offered())[1] == {}


async def test_it_waits_for_the_cores_word(tmp_path: Path) -> None:
    known = Mounts(folders)
    waiting = asyncio.create_task(give(known, "data"))
    await asyncio.sleep(0)
    assert not waiting.done()
    known.told([mount("data", tmp_path)])
    assert (await waiting).bounds[0].source == str(tmp_path)


async def test_the_core_is_told_once_it_asks_and_when_it_changes(tmp_path: Path) -> None:
    said: list[Offers] = []
    egress = Egress(Engine("unix:///nowhere"), Owner("c", "w"), allowed=False, core="")
    offering = Offering(Mounts(folders), Gpus([]), egress, said.append)
    await offering.look()
    assert said == []
    offering.told(Told(mounts=[mount("data", tmp_path / "later"), mount("etc", Path("/etc"))]))
    await offering.look()
    await offering.look()
    (tmp_path / "later").mkdir()
    await offering.look()
    offering.welcomed()
    await offering.look()
    assert [offer.mounts for offer in said] == [[], ["data"]]
    assert said[0].why.keys() == {"mount data", "mount etc"}
    assert said[1].why == {"mount etc": "/etc is in /etc, which no job may have"}


async def test_a_share_that_does_not_answer_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 0.05)
    away = threading.Event()

    def slow() -> Folders:
        away.wait(30)
        return folders()

    known = Mounts(slow, lambda: 0)
    known.told([mount("data", tmp_path)])
    assert [(await known.offered())[0] for _ in range(2)] == [[], []]
    assert "did not answer" in (await refusal(known, "data"))[1]
    assert sum(thread.name == "aside" for thread in threading.enumerate()) == 2, "looks don't pile up"
    away.set()
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 30)
    async with asyncio.timeout(30):
        while (await known.offered())[0] != ["data"]:
            await asyncio.sleep(0.01)
