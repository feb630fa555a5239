"""GPUs: a machine laid out in a folder, an engine that records what it is asked for, and containers that really run."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.cards import lay_out

from swarm_protocol import messages as msg
from swarm_worker.runtimes.engine import Engine

from .conftest import Home
from .fake_core import FakeCore
from .recording import RecordingEngine

MODELS = ("Tesla T4", "Tesla T4", "NVIDIA A100-SXM4-40GB")


@pytest.fixture
async def recording(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RecordingEngine]:
    socket = tmp_path_factory.mktemp("e") / "e"  # its path has to be a short one
    async with RecordingEngine(socket, engine.path, default_runtime="nvidia") as made:
        yield made


@pytest.fixture
async def home(
    make_home: Callable[..., Awaitable[Home]], recording: RecordingEngine, tmp_path: Path
) -> AsyncIterator[Home]:
    lay_out(tmp_path / "machine", *MODELS)
    made = await make_home(docker_host=f"unix://{recording.path}", host_root=tmp_path / "machine")
    await made.start()
    yield made
    if made.task is not None:
        await made.stop()


async def asked(core: FakeCore) -> msg.Offers:
    await core.say(msg.Mounts(mounts=[]))
    return await core.first(msg.Offers)


def jobs(recording: RecordingEngine) -> list[dict[str, Any]]:
    return [body for body in recording.created if body["Labels"]["swarm.role"] == "job"]


def cards_of(body: dict[str, Any]) -> list[str]:
    requests = body["HostConfig"].get("DeviceRequests", [])
    return [card for request in requests for card in request["DeviceIDs"]]


async def test_cards_are_told_of_and_given_once_each(
    core: FakeCore, home: Home, recording: RecordingEngine, image: str
) -> None:
    assert (await asked(core)).gpus == {"t4": 2, "a100": 1}
    hello = await core.first(msg.Hello)
    assert [(card.kind, card.model) for card in hello.sysinfo.gpus] == list(
        zip(("t4", "t4", "a100"), MODELS, strict=True)
    )
    assert "gpu" not in hello.labels, "of several kinds none stands for the machine"
    one = await core.assign(image, {"command": ["sleep", "60"], "resources": {"gpus": 1, "gpu_kind": "t4"}}, 1)
    two = await core.assign(image, {"command": ["sleep", "60"], "resources": {"gpus": 1, "gpu_kind": "t4"}}, 2)
    for ref in (one, two):
        await core.first(msg.Started, ref)
    first, second = jobs(recording)
    assert {*cards_of(first), *cards_of(second)} == {card.id for card in hello.sysinfo.gpus if card.kind == "t4"}
    await home.stop()
    await home.start()  # a successor: it must know whose they are
    await core.until(lambda: len(core.all_of(msg.Reconcile)) == 2, "the successor")
    await core.say(msg.Cancel(ref=one))
    await core.finished(one)
    again = await core.assign(image, {"command": ["true"], "resources": {"gpus": 1, "gpu_kind": "t4"}}, 3)
    assert (await core.finished(again)).result == "succeeded"
    third = next(body for body in jobs(recording) if body["Labels"]["swarm.job"] == "3")
    freed = next(body for body in (first, second) if body["Labels"]["swarm.job"] == "1")
    assert cards_of(third) == cards_of(freed)


async def test_a_job_without_one_gets_none(core: FakeCore, home: Home, recording: RecordingEngine, image: str) -> None:
    """Also where the engine's default runtime would give it all that its image asks for."""
    plain = await core.assign(image, {"command": ["true"]}, 1)
    too_much = await core.assign(image, {"command": ["true"], "resources": {"gpus": 2, "gpu_kind": "a100"}}, 2)
    assert (await core.finished(plain)).result == "succeeded"
    [body] = jobs(recording)
    assert (cards_of(body), body["HostConfig"]["Runtime"]) == ([], "runc")
    finished = await core.finished(too_much)
    assert (finished.result, finished.message) == (
        "create_failed",
        "this worker has no 2 GPUs of kind a100 for jobs",
    )


async def test_an_engine_that_cannot_give_them_is_named(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], tmp_path: Path
) -> None:
    lay_out(tmp_path / "machine", "Tesla T4")
    home = await make_home(host_root=tmp_path / "machine")
    await home.start()
    offers = await asked(core)
    assert (offers.gpus, list(offers.why)) == ({}, ["gpu"])
    hello = await core.first(msg.Hello)
    assert hello.labels["gpu"] == "t4"
