"""NVIDIA cards: found in a /proc that a test lays out, and given out once each."""

import asyncio
from pathlib import Path

import pytest
from tests.fixtures.cards import lay_out

from swarm_protocol.messages import Gpu, Ref
from swarm_worker.failures import AttemptFailed
from swarm_worker.gpus import Gpus, detect, kind_label, kind_of


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("NVIDIA A100-SXM4-40GB", "a100"),
        ("NVIDIA A100 80GB PCIe", "a100"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 NVL", "h100"),
        ("NVIDIA GeForce RTX 3090", "rtx-3090"),
        ("GeForce GTX 1080 Ti", "gtx-1080-ti"),
        ("NVIDIA RTX A6000", "rtx-a6000"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
        ("Tesla T4", "t4"),
        ("Tesla V100-SXM2-32GB", "v100"),
        ("Quadro RTX 6000", "rtx-6000"),
        ("", "gpu"),
        ("Ünknown ☃", "gpu"),
    ],
)
def test_kinds_are_short(model: str, kind: str) -> None:
    assert kind_of(model) == kind


def test_cards_are_found_by_their_driver_and_their_device(tmp_path: Path) -> None:
    ids = lay_out(tmp_path, "NVIDIA A100-SXM4-40GB", "Tesla T4", "Tesla T4", "Tesla T4")
    (tmp_path / "dev/nvidia1").unlink()
    broken = tmp_path / "proc/driver/nvidia/gpus/0000:02:00.0/information"
    broken.write_text(broken.read_text().replace(ids[2], "GPU-????????-????"))
    (tmp_path / "proc/driver/nvidia/gpus/0000:09:00.0").mkdir()
    found = detect(tmp_path)
    assert [(card.id, card.kind) for card in found] == [(ids[0], "a100"), (ids[3], "t4")]
    assert found[0].model == "NVIDIA A100-SXM4-40GB"
    assert (kind_label(found), kind_label(found[:1]), kind_label([])) == ({}, {"gpu": "a100"}, {})
    assert detect(tmp_path / "nothing") == []


def cards(*kinds: str) -> Gpus:
    return Gpus([Gpu(id=f"{kind}{at}", kind=kind, model=kind) for at, kind in enumerate(kinds)])


def ref(job: int) -> Ref:
    return Ref(job, 1)


async def test_no_card_is_given_twice() -> None:
    gpus = cards("t4", "t4", "a100", "a100", "a100")
    assert gpus.counts() == {"t4": 2, "a100": 3}
    first = await gpus.take(ref(1), 2, "", 1)
    second = await gpus.take(ref(2), 2, "", 1)
    third = await gpus.take(ref(3), 1, "a100", 1)
    assert (first, second) == (("t40", "t41"), ("a1002", "a1003"))
    assert len({*first, *second, *third}) == 5
    waiting = asyncio.create_task(gpus.take(ref(4), 1, "t4", 30))
    await asyncio.sleep(0)
    gpus.give_back(ref(3))
    await asyncio.sleep(0)
    assert not waiting.done()
    gpus.give_back(ref(1))
    assert await waiting == ("t40",)
    assert await gpus.take(ref(5), 2, "", 1) == ("t41", "a1004"), "of two kinds where no kind has enough"


async def test_a_card_goes_with_its_container_from_one_worker_to_the_next() -> None:
    gpus = cards("t4", "t4")
    gpus.restore(ref(1), ["t41"])
    gpus.restore(ref(2), [])
    assert gpus.holders() == [ref(1)]
    assert await gpus.take(ref(3), 1, "", 1) == ("t40",)
    with pytest.raises(AttemptFailed, match="no 1 GPUs came free here in 0 s"):
        await gpus.take(ref(4), 1, "", 0)


async def test_what_is_not_there_is_not_waited_for() -> None:
    with pytest.raises(AttemptFailed, match="no 2 GPUs of kind a100") as failed:
        await cards("a100", "t4").take(ref(1), 2, "a100", 30)
    assert failed.value.kind.value == "create_failed"
    useless = Gpus([Gpu(id="x", kind="t4", model="")], why_not="no runtime")
    assert (useless.counts(), useless.why_not) == ({}, "no runtime")
    assert Gpus([], why_not="no runtime").why_not == "", "a machine without cards owes no reason"
