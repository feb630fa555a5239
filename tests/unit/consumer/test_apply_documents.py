"""Files in version control: reading them, and what is wrong with them by file, line and field."""

from pathlib import Path
from typing import Any

import pytest

from swarm_consumer.apply.carry_out import read_items
from swarm_consumer.apply.export import file_of, stream_of, yaml_of
from swarm_consumer.apply.items import Item, plain_of
from swarm_consumer.apply.kinds import BY_NAME
from swarm_protocol.errors import SwarmError
from swarm_protocol.schedule import Missed, Overlap, Schedule
from swarm_protocol.secrets import SecretFile
from swarm_protocol.sources import JobOutputs
from swarm_protocol.spec import InputFile, JobSpec, Resources, Timeouts

FULL = JobSpec(
    image="lab/app@sha256:" + "0" * 64,
    command=["sh", "-c", "echo 'no' > \"/out/x\"\n", "1", "true", "30 2 * * *", ""],
    entrypoint=[],
    env={"A": "1", "B": "yes", "C": "x=y: z"},
    workdir="/data",
    user="1000:100",
    resources=Resources(cpu_millis=1500, memory=300_000_001, disk=3 << 30, pids=64, gpus=2, gpu_kind="a100"),
    inputs=[InputFile(name="a/b", digest="sha256:" + "1" * 64, size=3, mode=0o755)],
    folders=["empty"],
    inputs_from=[JobOutputs(job=7, path="m", name="n", attempt=2)],
    secrets=["db", SecretFile(name="tls", file="key.pem")],
    mounts=["data", "models:ro"],
    network="egress",
    outputs=["**/*.csv"],
    constraints={"gpu": "a100"},
    priority=-5,
    timeouts=Timeouts(queue=0.25, pull=None, run=5400.0, stop_grace=2.5, warn=60.0, warn_signal="SIGUSR1"),
    retries=2,
    infra_retries=0,
    at_most_once=True,
    name="nightly",
    tags=["a", "b c"],
    notify=["ops:failed", "mail:ben@example.org"],
)
SCHEDULE = Schedule(
    name="nightly",
    cron="30 2 * * *",
    zone="Europe/Berlin",
    overlap=Overlap.QUEUE,
    missed=Missed.ALL,
    missed_cap=3,
    missed_window=90061.5,
    jitter=60.0,
    start="2026-01-01T00:00:00Z",
    end="2027-01-01T00:00:00+01:00",
    job=FULL,
)


def item_of(schedule: Schedule, project: str = "lab") -> Item:
    fields = plain_of(schedule)
    del fields["name"]
    return Item(kind="schedule", project=project, name=schedule.name, fields=fields)


def mount(**more: Any) -> Item:
    return Item(kind="mount", project="", name="data", fields={"path": "/srv/data", **more})


def wanted(folder: Path, *texts: str, suffix: str = "yaml") -> list[Item]:
    for number, text in enumerate(texts):
        (folder / f"{number}.{suffix}").write_text(text)
    return read_items([str(folder)], "default")


def test_the_schedule_of_the_test_has_every_field_that_there_is() -> None:
    """A field that is added later has to be written and read, too."""
    assert set(plain_of(FULL)) == set(JobSpec.__struct_fields__) - {"at", "stdin", "tty"}, (
        "nobody is at a schedule's job"
    )
    assert set(plain_of(SCHEDULE)) == set(Schedule.__struct_fields__)
    for part in (FULL.resources, FULL.timeouts):
        assert set(plain_of(part)) == set(part.__struct_fields__)


@pytest.mark.parametrize(
    "item",
    [
        item_of(SCHEDULE),
        item_of(Schedule(name="least", cron="@daily", job=JobSpec(image="a"))),
        Item(kind="limits", project="lab", name="lab", fields={"queued": 0, "cpu_millis": 1500, "memory": 3 << 30}),
        Item(kind="limits", project="lab", name="lab", fields={"running": 4, "cpu_millis": 2000, "memory": 1000}),
        Item(kind="project", project="lab", name="lab", fields={"members": {"ben": "observer"}}),
        Item(kind="project", project="lab", name="lab", fields={"members": {}}),
        mount(read_only=True, projects={"lab": "as usual", "shop": "as 1000:100"}),
        mount(read_only=False, projects={}),
        mount(read_only=False),
    ],
)
def test_what_is_written_reads_as_the_same(tmp_path: Path, item: Item) -> None:
    [read] = wanted(tmp_path, yaml_of(item))
    assert (read.key, read.fields) == (item.key, item.fields)


def test_many_documents_in_a_file_and_many_files_in_a_folder(tmp_path: Path) -> None:
    items = [
        Item(kind="project", project="lab", name="lab", fields={"members": {}}),
        item_of(Schedule(name="b", cron="@daily", job=JobSpec(image="a"))),
    ]
    (tmp_path / "deep").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config.yaml").write_text("no: document")
    (tmp_path / "deep" / "c.toml").write_text('kind = "limits"\nrunning = 3\n')
    (tmp_path / "notes.txt").write_text("no document")
    read = wanted(tmp_path, stream_of(items), "\n---\n# nothing\n")
    assert [item.key for item in read] == [
        ("project", "lab", "lab"),
        ("schedule", "lab", "b"),
        ("limits", "default", "default"),
    ]
    assert [item.place.rpartition("/")[2] for item in read] == ["0.yaml:1", "0.yaml:5", "c.toml:1"]


def test_where_items_go() -> None:
    assert str(file_of(item_of(SCHEDULE))) == "lab/schedules/nightly.yaml"
    assert str(file_of(Item(kind="limits", project="lab", name="lab", fields={}))) == "lab/limits.yaml"
    assert str(file_of(mount())) == "_swarm/mounts/data.yaml"


def test_a_mount_is_of_no_project_and_a_group_is_as_its_user(tmp_path: Path) -> None:
    [item] = wanted(tmp_path, "kind: mount\nname: data\npath: /srv\nprojects: {lab: {uid: 7}}\n")
    assert (item.key, item.title) == (("mount", "", "data"), "mount data")
    assert item.fields == {"path": "/srv", "read_only": False, "projects": {"lab": "as 7:7"}}
    text = 'kind = "mount"\nname = "data"\npath = "/srv"\n[projects.lab]\n[projects.shop]\nuid = 7\ngid = 8\n'
    [item] = read_items([str(toml(tmp_path, text))], "default")
    assert item.fields["projects"] == {"lab": "as usual", "shop": "as 7:8"}


def toml(folder: Path, text: str) -> Path:
    path = folder / "mount.toml"
    path.write_text(text)
    return path


def test_inputs_are_beside_the_file(tmp_path: Path) -> None:
    text = "kind: schedule\nname: a\ncron: '@daily'\njob: {image: a, inputs: [data.csv, 'd:x', /abs]}\n"
    [item] = wanted(tmp_path, text)
    assert item.source[1] == (f"{tmp_path}/data.csv", f"{tmp_path}/d:x", "/abs")


MOUNT = "kind: mount\nname: data\n"
SCHEDULED = "kind: schedule\nname: a\ncron: '@daily'\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: a\n", "0.yaml:1: kind: is missing"),
        ("kind: job\n", "0.yaml:1: kind: 'job' is none of project, limits, mount, schedule"),
        ("- a\n", "0.yaml:1: a document is a map that begins with `kind: NAME`"),
        ("kind: [a\n", "0.yaml:2: this is no YAML"),
        ("kind: project\n", "0.yaml:1: project: name: is missing"),
        ("kind: project\nname: lab\nmembers: {ben: king}\n", "0.yaml:3: project: members: 'king' is no role"),
        (
            "kind: project\nname: lab\nmember: {}\n",
            "0.yaml:3: project: member: there is no such field; did you mean `members`?",
        ),
        ("kind: limits\n", "0.yaml:1: limits: limits: name at least one of queued"),
        ("kind: limits\nrunning: -1\n", "0.yaml:2: limits: running: a number from 0 on, not -1"),
        ("kind: limits\nrunning: many\n", "0.yaml:2: limits: running: a whole number, not 'many'"),
        ("kind: limits\nmemory: much\n", "0.yaml:2: limits: memory: 'much' is no size"),
        ("kind: mount\npath: /srv\n", "0.yaml:1: mount: name: is missing"),
        ("kind: mount\nname: ../x\npath: /srv\n", "0.yaml:2: mount: name: '../x' can't be a mount's name: up to 63"),
        (MOUNT, "0.yaml:1: mount data: path: is missing"),
        (f"{MOUNT}path: srv/x\n", "0.yaml:3: mount data: path: 'srv/x' is no absolute path"),
        (f"{MOUNT}path: /\n", "0.yaml:3: mount data: path: the whole machine can't be a mount"),
        (f"{MOUNT}path: /srv\nread_only: perhaps\n", "0.yaml:4: mount data: read_only: true or false, not 'perhaps'"),
        (f"{MOUNT}path: /srv\nproject: lab\n", "data: project: there is no such field; did you mean `projects`?"),
        (f"{MOUNT}path: /srv\nprojects: [lab]\n", "0.yaml:4: mount data: projects: a map"),
        (f"{MOUNT}path: /srv\nprojects: {{lab: 3}}\n", "mount data: projects: lab: {}, or as whom its jobs run"),
        (f"{MOUNT}path: /srv\nprojects: {{lab: {{user: 3}}}}\n", "projects: lab: {}, or as whom its jobs run"),
        (f"{MOUNT}path: /srv\nprojects: {{lab: {{gid: 3}}}}\n", "mount data: projects: lab: gid goes with uid"),
        (f"{MOUNT}path: /srv\nprojects: {{lab: {{uid: 0}}}}\n", "projects: lab.uid: a number from 1 on, not 0"),
        (f"{MOUNT}path: /srv\nprojects: {{lab: {{uid: ben}}}}\n", "mount data: projects: a whole number, not 'ben'"),
        (f"{SCHEDULED}", "0.yaml:1: schedule a: job: is missing"),
        (f"{SCHEDULED}job: {{}}\n", "0.yaml:1: schedule a: job.image: name an image that was pushed"),
        (
            f"{SCHEDULED}job:\n  image: a\n  retires: 3\n",
            "0.yaml:6: job.retires: there is no such field; did you mean `retries`?",
        ),
        (
            f"{SCHEDULED}job:\n  image: a\n  resources: {{memory: x}}\n",
            "0.yaml:6: job.resources.memory: 'x' is no size",
        ),
        (f"{SCHEDULED}job: {{image: a, at: +2h}}\n", "schedule a: job.at: the schedule says when a job starts"),
        (f"{SCHEDULED}job: {{image: a, inputs: ['job:7/x']}}\n", "names files, and no other job's outputs"),
        (f"{SCHEDULED}job: {{image: a, inputs: [{{name: 3}}]}}\n", "job.inputs: Expected `str`, got `int`"),
        (
            f"{SCHEDULED}overlap: maybe\njob: {{image: a}}\n",
            "0.yaml:4: schedule a: overlap: 'maybe' is none of allow, forbid",
        ),
        (f"{SCHEDULED}jitter: 2d\njob: {{image: a}}\n", "schedule a: jitter: from 0 seconds to one day"),
        (
            f"{SCHEDULED}job: {{image: a}}\n---\n{SCHEDULED}job: {{image: a}}\n",
            "0.yaml:6: schedule a: name: schedule default/a stands in",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SwarmError) as refused:
        wanted(tmp_path, text)
    assert refused.value.code == "invalid_spec"
    assert any(says in error["message"] for error in refused.value.errors), refused.value.errors


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SwarmError) as refused:
        wanted(tmp_path, "kind: limits\nrunning: x\nqueued: y\n---\nkind: nothing\n", "kind: project\n")
    assert len(refused.value.errors) == 4


def test_files_that_can_t_be_read(tmp_path: Path) -> None:
    with pytest.raises(SwarmError, match=r"can't read .*none\.yaml: No such file"):
        read_items([str(tmp_path / "none.yaml")], "default")
    (tmp_path / "a.yaml").write_bytes(b"\xff")
    (tmp_path / "b.yaml").write_text("#" * (1024 * 1024 + 1))
    with pytest.raises(SwarmError) as refused:
        read_items([str(tmp_path)], "default")
    assert [error["message"].partition(": ")[2] for error in refused.value.errors] == [
        "this is not UTF-8 text",
        "it is over 1048576 bytes",
    ]


def test_each_kind_is_known_by_its_name() -> None:
    assert list(BY_NAME) == ["project", "limits", "mount", "schedule"]
