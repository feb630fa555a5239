"""Who a container runs as, and what of a spec reaches the engine."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from swarm_protocol.messages import Ref
from swarm_protocol.spec import JobSpec, Resources
from swarm_worker.mounts import Bound, Given
from swarm_worker.runtimes.profile import ImageConfig, Owner, Plan, ProfileError, body, container_name, user_of

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def plan(spec: JobSpec, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "owner": Owner("cluster-id", "worker-id"),
        "session": "s",
        "ref": Ref(7, 2),
        "spec": spec,
        "image": "img:1",
        "config": ImageConfig(),
        "inputs": Path("/d/in"),
        "outputs": Path("/d/out"),
        "progress": Path("/d/progress"),
        "project": "lab",
        "traceparent": TRACE,
    }
    return Plan(**{**values, **changes})


@pytest.mark.parametrize(
    ("spec_user", "image_user", "worker", "user"),
    [
        (None, "", 0, "65534:65534"),
        (None, "0:0", 0, "65534:65534"),
        (None, "root", 0, "65534:65534"),
        (None, "00", 0, "65534:65534"),
        (None, "app", 0, "app"),
        ("1000:1000", "app", 0, "1000:1000"),
        (None, "app", 1001, "1001:1002"),
        ("5", "app", 1001, "1001:1002"),
    ],
)
def test_users(spec_user: str | None, image_user: str, worker: int, user: str) -> None:
    assert user_of(spec_user, image_user, (worker, worker and 1002)) == user


@pytest.mark.parametrize("user", ["0", "root", "0:5", "root:x", "000"])
@pytest.mark.parametrize("worker", [0, 1001])
def test_a_job_cannot_ask_for_root(user: str, worker: int) -> None:
    with pytest.raises(ProfileError, match="--user"):
        user_of(user, "app", (worker, worker))


def test_the_images_command_and_entrypoint_are_kept() -> None:
    made = body(plan(JobSpec(image="i")))
    assert made.keys().isdisjoint({"Cmd", "Entrypoint", "WorkingDir"})


def test_words_replace_the_command_and_entrypoint_the_entrypoint() -> None:
    made = body(plan(JobSpec(image="i", command=["a", "b"], entrypoint=[], workdir="/w", env={"HOME": "/h"})))
    assert (made["Cmd"], made["Entrypoint"], made["WorkingDir"]) == (["a", "b"], [""], "/w")
    assert made["Env"][:2] == ["HOME=/h", "TMPDIR=/tmp"]


def test_every_attempt_is_told_which_it_is_and_nothing_of_its_own_wins_over_that() -> None:
    told = ["SWARM_JOB=7", "SWARM_ATTEMPT=2", "SWARM_PROJECT=lab", "SWARM_PROGRESS=/run/swarm/progress"]
    spec = JobSpec(image="i", env={"SWARM_JOB": "8"})
    assert sorted(body(plan(spec))["Env"]) == sorted(["HOME=/tmp", "TMPDIR=/tmp", *told, f"TRACEPARENT={TRACE}"])
    older = body(plan(spec, project="", traceparent=""))["Env"]
    assert not [each for each in older if each.startswith(("SWARM_PROJECT", "TRACEPARENT"))], (
        "an older core does not say"
    )


def test_no_job_can_loosen_the_profile() -> None:
    host = body(plan(JobSpec(image="i", resources=Resources(pids=5))))["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert not {"CapAdd", "Devices", "Binds", "PidMode", "UsernsMode"} & host.keys()
    assert [mount["Target"] for mount in host["Mounts"]] == ["/in", "/out", "/run/swarm/progress"]


def test_volumes_of_the_image_are_covered() -> None:
    made = body(plan(JobSpec(image="i"), config=ImageConfig(volumes=("/data", "/out"))))
    assert set(made["HostConfig"]["Tmpfs"]) == {"/tmp", "/data"}


def test_names_are_deterministic() -> None:
    cluster = str(uuid.UUID(int=0xABCDEF12))
    assert container_name(cluster, Ref(7, 2)) == "swarm-abcdef12-7-2"


def test_secrets_are_mounted_for_reading_over_whatever_the_image_declares() -> None:
    folder = Path("/dev/shm/swarm-secrets-w/7.2")
    config = ImageConfig(volumes=("/run/secrets", "/data"))
    host = body(plan(JobSpec(image="i", secrets=["db"]), secrets=folder, config=config))["HostConfig"]
    assert {"Type": "bind", "Source": str(folder), "Target": "/run/secrets", "ReadOnly": True} in host["Mounts"]
    assert set(host["Tmpfs"]) == {"/tmp", "/data"}
    assert set(body(plan(JobSpec(image="i"), config=config))["HostConfig"]["Tmpfs"]) == {
        "/tmp",
        "/data",
        "/run/secrets",
    }


def test_cards_are_those_that_were_given_whatever_the_job_says() -> None:
    spec = JobSpec(image="i", env={"NVIDIA_VISIBLE_DEVICES": "all"}, resources=Resources(gpus=2))
    made = body(plan(spec, gpus=("GPU-1", "GPU-2")))
    assert made["HostConfig"]["DeviceRequests"] == [
        {"Driver": "nvidia", "DeviceIDs": ["GPU-1", "GPU-2"], "Capabilities": [["gpu"]]}
    ]
    assert [each for each in made["Env"] if each.startswith("NVIDIA")] == ["NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-2"]
    assert made["Labels"]["swarm.gpus"] == "GPU-1,GPU-2"
    without = body(plan(JobSpec(image="i"), runtime="runc"))
    assert without["HostConfig"]["Runtime"] == "runc"
    assert "DeviceRequests" not in without["HostConfig"]


def test_named_folders_and_whom_they_make_it_run_as() -> None:
    given = Given((Bound("data", "/srv/data", True), Bound("out", "/srv/out", False)), "5:6")
    made = body(
        plan(JobSpec(image="i", user="5:6"), mounts=given, config=ImageConfig(user="app", volumes=("/mnt/out",)))
    )
    assert made["User"] == "5:6"
    binds = made["HostConfig"]["Mounts"][3:]
    assert [(each["Source"], each["Target"], each["ReadOnly"]) for each in binds] == [
        ("/srv/data", "/mnt/data", True),
        ("/srv/out", "/mnt/out", False),
    ]
    assert list(made["HostConfig"]["Tmpfs"]) == ["/tmp"]
    assert "uid=5,gid=6" in made["HostConfig"]["Tmpfs"]["/tmp"]
