"""What is thought of a worker's machine."""

from typing import Any

import pytest

from swarm_worker.checkup import (
    EngineFacts,
    engine,
    file_system,
    heartbeats,
    no_engine,
    process,
    quota,
    secrets,
)
from swarm_worker.status import Status

VERSION = {
    "Version": "27.1",
    "ApiVersion": "1.46",
    "Os": "linux",
    "Arch": "amd64",
    "Components": [{"Name": "Engine", "Version": "27.1"}, {"Name": "runc", "Version": "1.1.13"}],
}
INFO = {
    "DefaultRuntime": "runc",
    "CgroupVersion": "2",
    "CgroupDriver": "systemd",
    "MemoryLimit": True,
    "SwapLimit": True,
    "CpuCfsQuota": True,
    "PidsLimit": True,
    "SecurityOptions": ["name=apparmor", "name=seccomp,profile=default"],
}
MOUNTS = """\
/dev/vda1 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw,nosuid 0 0
/dev/vdb /srv xfs rw,prjquota 0 0
/dev/vdc /srv/my\\040jobs ext4 rw 0 0
host:/x /net nfs4 rw 0 0
"""


def status(**changes: Any) -> Status:
    fields: dict[str, Any] = {
        "state": "waiting",
        "worker_id": "1",
        "name": "w",
        "pid": 7,
        "core": "connected",
        "engine": "27.1",
    }
    return Status(**(fields | changes))


def test_the_process() -> None:
    assert process(status(), "/d").text == "w runs (pid 7), waiting"
    assert process(status(core="the core stops"), "/d").level == "fail"
    away = process(None, "/d")
    assert (away.level, "swarm-worker run --data /d" in away.remedy) == ("warn", True)


@pytest.mark.parametrize(
    ("state", "age", "level", "words"),
    [
        ("waiting", 0.4, "ok", "the last one 0.4 s ago"),
        ("waiting", None, "warn", "has never heard one"),
        ("working", 60.0, "warn", "the last one 60 s ago"),
        (None, None, "warn", "no connection"),
    ],
)
def test_heartbeats(state: str | None, age: float | None, level: str, words: str) -> None:
    found = heartbeats(state, age)
    assert (found.level, words in found.text) == (level, True)


def test_an_engine_that_is_well() -> None:
    found = engine(EngineFacts(VERSION, INFO))
    assert [(one.name, one.level) for one in found] == [
        ("engine", "ok"), ("runc", "ok"), ("cgroups", "ok"), ("seccomp", "ok"),
    ]  # fmt: skip
    assert found[0].text == "Docker Engine 27.1, API 1.46, linux/amd64"
    assert found[2].text == "version 2 by systemd: limits of memory, swap, cpu and processes hold"


@pytest.mark.parametrize(
    ("version", "info", "name", "level", "words"),
    [
        ({"ApiVersion": "1.40"}, {}, "engine", "fail", "is too old"),
        ({"Components": None}, {}, "runc", "warn", "names none"),
        ({}, {"DefaultRuntime": "runsc"}, "runc", "ok", "the engine uses runsc"),
        ({}, {"MemoryLimit": False, "PidsLimit": False}, "cgroups", "fail", "no limit of memory, processes would hold"),
        ({}, {"SwapLimit": False}, "cgroups", "warn", "may swap"),
        ({}, {"SecurityOptions": ["name=seccomp,profile=unconfined"]}, "seccomp", "fail", "filters no"),
        ({}, {"SecurityOptions": None}, "seccomp", "fail", "filters no"),
    ],
)
def test_an_engine_that_lacks_something(
    version: dict[str, Any], info: dict[str, Any], name: str, level: str, words: str
) -> None:
    found = {one.name: one for one in engine(EngineFacts(VERSION | version, INFO | info))}[name]
    assert (found.level, words in found.text) == (level, True)
    assert bool(found.remedy) == (level != "ok")


def test_no_engine() -> None:
    assert "group `docker`" in no_engine("Permission denied", "/s").remedy


@pytest.mark.parametrize(
    ("folder", "level", "words"),
    [
        ("/var/lib/swarm", "ok", "ext4 at / has no project quotas"),
        ("/srv/swarm", "ok", "xfs at /srv has project quotas"),
        ("/srv/my jobs/w", "ok", "ext4 at /srv/my jobs"),
        ("/srvother", "ok", "ext4 at /"),
        ("/run/w", "warn", "takes memory"),
        ("/net/w", "warn", "slow there"),
    ],
)
def test_where_a_folder_lies(folder: str, level: str, words: str) -> None:
    found = quota(file_system(MOUNTS, folder))
    assert (found.level, words in found.text) == (level, True)


def test_secrets() -> None:
    assert secrets("/dev/shm").level == "ok"
    assert "SWARM_WORKER_SECRETS" in secrets(None).remedy
