"""Files in version control against a served core: carried out, found equal, written, pruned."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core
from tests.integration.storage.vault import digest_of, manifest

from swarm_consumer import Client
from swarm_consumer.apply.carry_out import Done, carry_out, export_items, plan_items, read_items
from swarm_consumer.apply.export import write_files
from swarm_consumer.apply.kinds import ORDER
from swarm_consumer.apply.plan import Plan
from swarm_consumer.apply.reach import Reach
from swarm_consumer.credentials import Credentials
from swarm_protocol.errors import SwarmError
from swarm_protocol.schedule import Schedule
from swarm_protocol.spec import JobSpec

LAB = """\
kind: project
name: lab
members: {ben: operator}
---
kind: limits
project: lab
running: 20
memory: 64G
"""
NIGHTLY = """\
kind: schedule
project: default
name: nightly
cron: "30 2 * * *"
zone: Europe/Berlin
overlap: queue
job:
  image: app:1
  command: [sh, -c, "cat /in/words"]
  inputs: [words]
  resources: {memory: 256M, cpu: 500m}
"""


async def signed_in(core: LiveCore, name: str) -> Credentials:
    signed = (await core.call("POST", "/api/v1/login", json={"user": name, "password": PASSWORD})).json()
    return Credentials(
        url=f"https://127.0.0.1:{core.server.port}",
        user=name,
        ca_pem=core.cluster.authority.pem,
        refresh_token=signed["refresh_token"],
    )


class Town:
    """A core with an administrator, an image, and a folder of files."""

    def __init__(self, core: LiveCore, credentials: Credentials, folder: Path) -> None:
        self.core = core
        self.folder = folder
        self._credentials = credentials

    async def sign_in(self, name: str) -> None:
        self._credentials = await signed_in(self.core, name)

    def client(self, project: str | None = None) -> Client:
        return Client(self._credentials, project=project)

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.folder / f"{name}.yaml").write_text(text)

    async def plan(self, prune: bool = False, folder: Path | None = None) -> Plan:
        async with Reach(self.client) as reach:
            return await plan_items(reach, read_items([str(folder or self.folder)], "default"), prune)

    async def apply(self, prune: bool = False) -> list[tuple[str, str, str]]:
        """(verb, title, error) of each step."""
        told: list[Done] = []
        async with Reach(self.client) as reach:
            plan = await plan_items(reach, read_items([str(self.folder)], "default"), prune)
            wrong = await carry_out(reach, plan, told.append)
        assert wrong == sum(done.error is not None for done in told)
        return [(d.step.verb, d.step.item.title, d.error.message if d.error else "") for d in told]

    async def export(self, folder: Path) -> list[str]:
        async with Reach(self.client) as reach:
            items = await export_items(reach, ["default", "lab"], ORDER)
        return [str(path.relative_to(folder)) for path in write_files(items, folder)]


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with live_core(database_url, tmp_path / "core", run_modules=True) as core:
        token = await core.token_of(await core.person("ada", "admin"))
        await core.person("ben")
        config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:1"]}}'
        for data in (config, b"layer"):
            await core.call("PUT", f"/api/v1/blobs/{digest_of(data)}", token, content=data)
        await core.call("PUT", "/api/v1/images/app?tag=1", token, content=manifest(config, [b"layer"]))
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "words").write_text("one two")
        yield Town(core, await signed_in(core, "ada"), tmp_path / "files")
        core.parts.blobs.close()


async def test_twice_does_the_same_as_once(town: Town) -> None:
    town.write(lab=LAB, nightly=NIGHTLY)
    assert [(step.verb, step.item.title) for step in (await town.plan()).steps] == [
        ("create", "project lab"),
        ("create", "limits lab"),
        ("create", "schedule default/nightly"),
    ]
    assert await town.apply() == [
        ("create", "project lab", ""),
        ("create", "limits lab", ""),
        ("create", "schedule default/nightly", ""),
    ]
    assert (await town.plan()).steps == []
    assert await town.apply() == []
    async with town.client() as client:
        assert [(m.name, m.role) for m in await client.projects.members("lab")] == [("ben", "operator")]
        assert (await client.projects.limits("lab")).memory == 64 << 30
        [kept] = await client.schedules.all()
        assert (kept.definition.zone, kept.definition.job.inputs[0].name) == ("Europe/Berlin", "words")


async def test_each_field_that_differs_is_named_and_changed(town: Town) -> None:
    town.write(lab=LAB, nightly=NIGHTLY)
    await town.apply()
    town.write(lab=LAB.replace("ben: operator", "").replace("64G", "32G"), nightly=NIGHTLY.replace("30 2", "0 3"))
    (town.folder / "words").write_text("other words")
    changes = {step.item.title: [change.field for change in step.changes] for step in (await town.plan()).steps}
    assert changes == {
        "project lab": ["members.ben"],
        "limits lab": ["memory"],
        "schedule default/nightly": ["cron", "job.inputs"],
    }
    assert [verb for verb, _, error in await town.apply() if not error] == ["change"] * 3
    assert (await town.plan()).steps == []
    async with town.client() as client:
        assert await client.projects.members("lab") == []


async def test_what_is_exported_is_found_equal(town: Town, tmp_path: Path) -> None:
    town.write(lab=LAB, nightly=NIGHTLY)
    await town.apply()
    async with town.client() as client:
        await client.schedules.add(Schedule(name="plain", cron="@daily", job=JobSpec(image="app:1", env={"A": "no"})))
    assert await town.export(tmp_path / "out") == [
        "default/project.yaml",
        "default/schedules/nightly.yaml",
        "default/schedules/plain.yaml",
        "lab/project.yaml",
        "lab/limits.yaml",
    ]
    plan = await town.plan(prune=True, folder=tmp_path / "out")
    assert plan.steps == []


async def test_prune_removes_what_no_file_has_of_the_projects_that_files_name(town: Town) -> None:
    town.write(lab=LAB, nightly=NIGHTLY)
    await town.apply()
    async with town.client() as client:
        await client.schedules.add(Schedule(name="by-hand", cron="@daily", job=JobSpec(image="app:1")))
    (town.folder / "nightly.yaml").unlink()
    town.write(lab="kind: project\nname: lab\n")
    assert [item.title for item in (await town.plan()).unnamed] == ["limits lab"], "default is named by no file"
    assert await town.apply(prune=True) == [("remove", "limits lab", "")]
    town.write(default="kind: project\nname: default\n")
    assert await town.apply(prune=True) == [
        ("remove", "schedule default/by-hand", ""),
        ("remove", "schedule default/nightly", ""),
    ]
    async with town.client() as client:
        assert [project.name for project in await client.projects.all()] == ["default", "lab"], "never a project"


MOUNTS = """\
kind: mount
name: data
path: /srv/data
read_only: true
projects: {lab: {uid: 7}, default: {}}
"""
SCRATCH = "kind: mount\nname: scratch\npath: /srv/scratch\nprojects: {}\n"


async def mounts_of(town: Town) -> dict[str, tuple[str, bool, dict[str, int | None]]]:
    async with town.client() as client:
        found = await client.mounts.all()
    return {m.name: (m.path, m.read_only, {p.project: p.uid for p in m.projects}) for m in found}


async def test_mounts_come_after_projects_and_before_the_schedules_that_name_them(town: Town, tmp_path: Path) -> None:
    town.write(all=f"{NIGHTLY}  mounts: [data]\n---\n{MOUNTS}---\n{SCRATCH}---\n{LAB}")
    assert await town.apply() == [
        ("create", "project lab", ""),
        ("create", "limits lab", ""),
        ("create", "mount data", ""),
        ("create", "mount scratch", ""),
        ("create", "schedule default/nightly", ""),
    ]
    assert (await town.plan(prune=True)).steps == []
    assert await mounts_of(town) == {
        "data": ("/srv/data", True, {"default": None, "lab": 7}),
        "scratch": ("/srv/scratch", False, {}),
    }
    assert (await town.export(tmp_path / "out"))[-2:] == ["_swarm/mounts/data.yaml", "_swarm/mounts/scratch.yaml"]
    assert (await town.plan(prune=True, folder=tmp_path / "out")).steps == []


async def test_a_mount_changes_in_place(town: Town) -> None:
    town.write(lab=LAB, mounts=MOUNTS)
    await town.apply()
    town.write(mounts=MOUNTS.replace("/srv/data", "/srv/new").replace("true", "false").replace("default: {}", ""))
    [step] = (await town.plan()).steps
    assert [change.field for change in step.changes] == ["path", "projects.default", "read_only"]
    assert await town.apply() == [("change", "mount data", "")]
    assert await mounts_of(town) == {"data": ("/srv/new", False, {"lab": 7})}
    async with town.client() as client:
        await client.mounts.allow("data", "default")
    town.write(mounts="kind: mount\nname: data\npath: /srv/new\n")
    assert (await town.plan()).steps == [], "a document without projects leaves them alone"
    done = await town.core.database.api.fetch("select action from audit where subject = 'data' order by id")
    changes = ["deny_mount", "edit_mount", "allow_mount"]
    assert [row["action"] for row in done] == ["add_mount", "allow_mount", "allow_mount", *changes]


async def test_prune_removes_mounts_only_where_files_name_one(town: Town) -> None:
    town.write(lab=LAB, mounts=f"{MOUNTS}---\n{SCRATCH}")
    await town.apply()
    (town.folder / "mounts.yaml").unlink()
    plan = await town.plan(prune=True)
    assert (plan.steps, plan.unnamed) == ([], [])
    town.write(mounts=SCRATCH)
    assert [item.title for item in (await town.plan()).unnamed] == ["mount data"]
    assert await town.apply(prune=True) == [("remove", "mount data", "")]


async def test_mounts_for_who_may_not_see_all_of_them(town: Town, tmp_path: Path) -> None:
    town.write(lab=LAB, mounts=f"{MOUNTS}---\n{SCRATCH}")
    await town.apply()
    await town.sign_in("ben")
    assert "_swarm/mounts/data.yaml" in await town.export(tmp_path / "out")
    assert not (tmp_path / "out" / "_swarm" / "mounts" / "scratch.yaml").exists()
    written = (tmp_path / "out" / "_swarm" / "mounts" / "data.yaml").read_text()
    assert written == "kind: mount\nname: data\npath: /srv/data\nread_only: true\n", "nothing of other projects"
    assert (await town.plan(prune=True, folder=tmp_path / "out")).steps == []
    with pytest.raises(SwarmError, match=r"mounts\.yaml:1: mount data: only operators of the swarm see") as refused:
        await town.plan()
    assert (refused.value.code, refused.value.field, bool(refused.value.hint)) == ("forbidden", "projects", True)


async def test_one_step_that_fails_keeps_no_other_from_being_done(town: Town) -> None:
    other = NIGHTLY.replace("nightly", "other").replace("app:1", "ghost:1")
    town.write(lab=LAB.replace("ben", "nobody"), nightly=f"{other}---\n{NIGHTLY}")
    lab, limits, nightly, ghost = await town.apply()
    assert limits == ("create", "limits lab", "")
    assert nightly == ("create", "schedule default/nightly", "")
    assert lab[2] == f"{town.folder}/lab.yaml:1: project lab: there is no user nobody"
    assert ghost[2].startswith(f"{town.folder}/nightly.yaml:1: schedule default/other: ")
    assert [step.item.name for step in (await town.plan()).steps] == ["lab", "other"]


async def test_what_the_core_finds_wrong_is_said_before_anything_is_changed(town: Town) -> None:
    town.write(lab=LAB, nightly=NIGHTLY.replace("30 2", "30 25"))
    with pytest.raises(SwarmError) as refused:
        await town.apply()
    assert f"{town.folder}/nightly.yaml:1: schedule default/nightly: cron: " in refused.value.errors[0]["message"]
    town.write(nightly=NIGHTLY.replace("project: default", "project: mill"))
    with pytest.raises(SwarmError, match="there is no project mill"):
        await town.apply()
    town.write(nightly=NIGHTLY.replace("inputs: [words]", "inputs: [none]"))
    with pytest.raises(SwarmError, match=r"nightly\.yaml:1: schedule default/nightly: "):
        await town.apply()
    async with town.client() as client:
        assert len(await client.projects.all()) == 1


async def test_a_schedule_that_somebody_changed_meanwhile_stays(town: Town) -> None:
    town.write(nightly=NIGHTLY)
    await town.apply()
    town.write(nightly=NIGHTLY.replace("30 2", "0 3"))
    async with Reach(town.client) as reach:
        plan = await plan_items(reach, read_items([str(town.folder)], "default"), False)
        await (await reach.client()).schedules.pause("nightly")
        told: list[Done] = []
        assert await carry_out(reach, plan, told.append) == 1
    assert told[0].error is not None
    assert told[0].error.code == "conflict"
    assert len(await town.apply()) == 1
    assert (await town.plan()).steps == []
