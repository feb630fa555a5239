"""Mounts through the served core: kept by operators, told to workers, and what jobs may name."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.spine import Ana, FakeWorker, spine

from swarm_core.identity import mounts as kept
from swarm_core.mount_board import MountBoard
from swarm_core.offers import offers_of
from swarm_core.store import mounts as rows
from swarm_core.store.database import Database, transaction
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7

KNOWS: dict[str, Any] = {"swarm.host": "1"}
"""The label of a worker that knows mounts, GPUs and networks."""


@dataclass(frozen=True, kw_only=True)
class Asking(Ana):
    """Somebody of the default project, with a role of their own."""

    own_role: str


class Town:
    """A core, oda who operates it, ben who may submit jobs, and the projects default and lab."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self.tokens: dict[str, str] = {}

    async def call(self, who: str, method: str, path: str, project: str = "", **more: Any) -> httpx2.Response:
        headers = {"Swarm-Project": project} if project else {}
        return await self.core.call(method, f"/api/v1/mounts{path}", self.tokens[who], headers=headers, **more)

    async def add(self, name: str = "data", path: str = "/srv/data", **more: Any) -> httpx2.Response:
        return await self.call("oda", "POST", "", json={"name": name, "path": path, **more})

    async def names(self, who: str, project: str = "") -> list[str]:
        return [item["name"] for item in (await self.call(who, "GET", "", project)).json()["items"]]


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with live_core(database_url, tmp_path) as core:
        made = Town(core)
        for name, role in (("oda", "operator"), ("ben", "consumer"), ("ada", "admin")):
            made.tokens[name] = await core.token_of(await core.person(name, role))
        await core.database.api.execute("insert into project (id, name) values ($1, 'lab')", uuid7())
        yield made


async def test_operators_keep_them_and_others_see_what_their_project_may_use(town: Town) -> None:
    made = (await town.add(read_only=True, projects=["lab", "default"])).json()
    assert (made["name"], made["path"], made["read_only"], made["created_by"]) == (
        "data",
        "/srv/data",
        True,
        "user:oda",
    )
    assert [each["project"] for each in made["projects"]] == ["default", "lab"]
    await town.add("models", "/srv/models", projects=["lab"])
    assert (await town.names("oda"), await town.names("ben")) == (["data", "models"], ["data"])
    ana, operator = Asking(own_role="observer"), Asking(own_role="operator")
    assert (await town.core.parts.mounts.names(ana), await town.core.parts.mounts.names(operator)) == (
        frozenset({"data"}),
        None,
    )
    seen = (await town.call("ben", "GET", "/data")).json()
    assert seen["projects"] == [{"project": "default", "uid": None, "gid": None}], "nothing of other projects"
    assert problem(await town.call("ben", "GET", "/models")).code == "not_found"
    assert (await town.call("oda", "DELETE", "/data")).status_code == 204
    assert await town.names("ben") == []
    done = await town.core.database.api.fetch("select action, subject from audit where subject = 'data' order by id")
    assert [row["action"] for row in done] == ["add_mount", "allow_mount", "allow_mount", "remove_mount"]


async def test_projects_are_allowed_and_denied(town: Town) -> None:
    await town.add()
    ids = {"uid": 1000, "gid": 100}
    assert (await town.call("oda", "PUT", "/data/projects/default", json=ids)).status_code == 204
    assert (await town.call("ben", "GET", "/data")).json()["projects"] == [{"project": "default", **ids}]
    await town.call("oda", "PUT", "/data/projects/default", json={})
    assert (await town.call("ben", "GET", "/data")).json()["projects"][0]["uid"] is None
    assert (await town.call("oda", "DELETE", "/data/projects/default")).status_code == 204
    assert await town.names("ben") == []
    assert problem(await town.call("oda", "DELETE", "/data/projects/default")).code == "not_found"
    assert problem(await town.call("oda", "PUT", "/data/projects/none", json={})).title == "there is no project none"
    assert problem(await town.call("oda", "PUT", "/none/projects/lab", json={})).title == "there is no mount none"
    await town.call("oda", "PUT", "/data/projects/lab", json={})
    assert (await town.core.call("DELETE", "/api/v1/projects/lab", town.tokens["ada"])).status_code == 204
    assert (await town.call("oda", "GET", "/data")).json()["projects"] == []


async def test_a_change_keeps_who_may_use_it(town: Town) -> None:
    await town.add(projects=["default"])
    changed = (await town.call("oda", "PATCH", "/data", json={"path": "/srv/new"})).json()
    assert (changed["path"], changed["read_only"], len(changed["projects"])) == ("/srv/new", False, 1)
    changed = (await town.call("oda", "PATCH", "/data", json={"read_only": True})).json()
    assert (changed["path"], changed["read_only"], len(changed["projects"])) == ("/srv/new", True, 1)
    told = problem(await town.call("oda", "PATCH", "/data", json={"path": "/srv/.."}))
    assert (told.code, told.field) == ("bad_request", "path")
    assert problem(await town.call("oda", "PATCH", "/none", json={})).title == "there is no mount none"
    done = await town.core.database.api.fetchval("select count(*) from audit where action = 'edit_mount'")
    assert done == 2


async def test_bad_names_and_paths(town: Town) -> None:
    wrong = [("../x", "/srv", "name"), ("", "/srv", "name")]
    paths = ("srv", "/srv/../etc", "/srv/", "//srv", "/srv\n", "/", "/" + "x" * 1000)
    for name, path, field in [*wrong, *(("data", path, "path") for path in paths)]:
        told = problem(await town.add(name, path))
        assert (told.code, told.field, bool(told.hint)) == ("bad_request", field, True), (name, path)


async def test_bad_input(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await town.add()
    assert problem(await town.add(path="/other")).code == "conflict"
    told = problem(await town.add("more", projects=["nowhere"]))
    assert (told.code, await town.names("oda")) == ("not_found", ["data"])
    for ids, field in (({"uid": 0, "gid": 0}, "uid"), ({"uid": 5, "gid": 0}, "gid"), ({"uid": 5}, "gid")):
        told = problem(await town.call("oda", "PUT", "/data/projects/lab", json=ids))
        assert (told.code, told.field) == ("bad_request", field)
    monkeypatch.setattr(kept, "MAX_KEPT", 1)
    monkeypatch.setattr(kept, "MAX_GRANTS", 0)
    assert problem(await town.add("more")).code == "conflict"
    assert problem(await town.call("oda", "PUT", "/data/projects/lab", json={})).code == "conflict"


# What jobs may name --------------------------------------------------------------------------------------


async def allow(database: Database, name: str, uid: int | None = None, *, read_only: bool = False) -> None:
    """The default project may use this mount."""
    async with transaction(database.api) as connection:
        await rows.add(connection, name, f"/srv/{name}", read_only, "user:oda")
        await rows.allow(connection, name, DEFAULT_PROJECT, (uid, uid), "user:oda")


async def test_a_job_names_only_what_its_project_may_use(database_url: str) -> None:
    async with spine(database_url) as core:
        await allow(core.database, "data")
        await allow(core.database, "home", 1000)
        await allow(core.database, "other", 7)
        async with transaction(core.database.api) as connection:
            await rows.add(connection, "secret", "/srv/secret", False, "user:oda")
        assert await core.submit(mounts=["data:ro", "home"])
        assert await core.submit(mounts=["home"], user="1000")
        for wrong in ("secret", "nowhere"):
            with pytest.raises(SwarmError, match=f"use no mount called {wrong}") as refused:
                await core.submit(mounts=["data", wrong])
            assert (refused.value.code, refused.value.field) == ("mount_not_allowed", "mounts[1]")
            assert refused.value.hint
        for spec, field in (
            ({"mounts": ["home", "other"]}, "mounts"),
            ({"mounts": ["home"], "user": "5"}, "user"),
            ({"mounts": ["data", "data:ro"]}, "mounts[1]"),
            ({"mounts": ["data:rw"]}, "mounts[0]"),
            ({"network": "host"}, "network"),
            ({"resources": {"gpus": -1}}, "resources.gpus"),
            ({"resources": {"gpu_kind": "a100"}}, "resources.gpu_kind"),
        ):
            with pytest.raises(SwarmError) as refused:
                await core.submit(**spec)
            assert (refused.value.code, refused.value.field) == ("invalid_spec", field)


async def test_a_schedule_names_only_what_its_project_may_use(database_url: str) -> None:
    async with spine(database_url) as core:
        definition = {"name": "nightly", "cron": "0 12 * * *", "job": {"image": "img", "mounts": ["data"]}}
        with pytest.raises(SwarmError) as refused:
            await core.schedules.add(Ana(), msgspec.json.encode(definition))
        assert (refused.value.code, refused.value.field) == ("mount_not_allowed", "job.mounts[0]")


# What workers are told -----------------------------------------------------------------------------------


async def offer(core: Any, worker: FakeWorker, **offers: Any) -> None:
    core.dispatcher.offered(worker.session, offers_of(m.Offers(**offers)))


async def test_workers_are_told_and_get_what_they_offer(database_url: str) -> None:
    async with spine(database_url) as core:
        await allow(core.database, "data", 5, read_only=True)
        board = MountBoard(core.database, core.dispatcher.sessions, core.log)
        old, new = [await core.connect(await core.add_worker(name), **KNOWS) for name in ("old", "new")]
        old.session.minor, new.session.minor = 1, 2
        board.tell(new.session)
        await board.look()
        await board.look()
        told: m.Mounts = await new.next(m.Mounts)
        [data] = told.mounts
        assert (data.name, data.path, data.read_only) == ("data", "/srv/data", True)
        assert data.grants == [m.MountGrant(project=DEFAULT_PROJECT, uid=5, gid=5)]
        assert new.got.empty(), "told once"
        said = [old.got.get_nowait() for _ in range(old.got.qsize())]
        assert not any(isinstance(message, m.Mounts) for message in said)
        job = await core.submit(mounts=["data"])
        check = await core.receiver.dry_run(Ana(), b'{"image": "img", "mounts": ["data"]}')
        assert (check.fits, check.nearest) == ([], "no worker offers mount data")
        await offer(core, new, mounts=["data"])
        assert (await new.assigned()).ref == m.Ref(job, 1)
        await allow(core.database, "more")
        await board.look()
        assert [each.name for each in (await new.next(m.Mounts)).mounts] == ["data", "more"]


async def test_gpus_are_given_out_once_also_after_a_new_session(database_url: str) -> None:
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"), **KNOWS)
        await offer(core, worker, gpus={"a100": 2})
        jobs = [await core.submit(resources={"gpus": 2, "gpu_kind": "a100"}) for _ in range(2)]
        ref = (await worker.assigned()).ref
        assert ref.job == jobs[0]
        await offer(core, worker, gpus={"a100": 2}, networks=["egress"])
        again = await core.connect(worker.id, held=[m.HeldAttempt(ref=ref, phase="running")], **KNOWS)
        await offer(core, again, gpus={"a100": 2})
        assert (await core.job(jobs[1]))["state"] == "queued"
        assert dict(again.session.room.offers.gpus) == {"a100": 0}
        await core.finished(again, ref)
        assert (await again.assigned()).ref.job == jobs[1]
        check = await core.receiver.dry_run(Ana(), b'{"image": "img", "resources": {"gpus": 3}}')
        assert check.nearest == "w comes nearest: it has 2 GPUs, not 3"
