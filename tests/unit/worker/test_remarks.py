"""What a worker tells of its own log: warnings and errors, bounded, also those from before there was a session."""

import asyncio
import logging
from collections.abc import Iterator

import msgspec
import pytest

from swarm_protocol.ids import uuid7
from swarm_protocol.messages import FromWorker, Ref, Remarks, Welcome
from swarm_worker import remarks
from swarm_worker.remarks import OURS, Remarking

log = logging.getLogger("swarm.worker")


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def said() -> list[FromWorker]:
    return []


@pytest.fixture
def remarking(now: list[float], said: list[FromWorker], monkeypatch: pytest.MonkeyPatch) -> Iterator[Remarking]:
    monkeypatch.setattr(remarks, "_GATHER", 0.0)
    made = Remarking(lambda: now[0])
    made.say = said.append
    OURS.addHandler(made)
    yield made
    made.stop()
    OURS.removeHandler(made)


def welcome(minor: int) -> Welcome:
    return Welcome(
        major=1, minor=minor, session=uuid7(), cluster="c", core=uuid7(), udp_host="", udp_port=1, udp_key_id=1,
        udp_key=b"k", beat_seconds=1, ping_seconds=10, lease_seconds=30,
    )  # fmt: skip


async def told(said: list[FromWorker]) -> Remarks:
    async with asyncio.timeout(5):
        while not said:
            await asyncio.sleep(0)
    message = said.pop(0)
    assert isinstance(message, Remarks)
    return message


async def test_warnings_and_errors_are_told_with_their_age(
    remarking: Remarking, now: list[float], said: list[FromWorker]
) -> None:
    log.info("nothing to tell")
    log.warning("the disk is %s full", "90 %")
    try:
        raise OSError("no space")
    except OSError:
        log.exception("attempt %s.%s can't be begun", 7, 2, extra={"ref": Ref(7, 2)})
    now[0] += 12.5
    remarking.start(welcome(3))
    first, second = (await told(said)).remarks
    assert (first.level, first.text, first.ago, first.ref) == ("warning", "the disk is 90 % full", 12.5, None)
    assert (second.level, second.text) == ("error", "attempt 7.2 can't be begun: OSError('no space')")
    assert second.ref == Ref(7, 2)
    log.error("again")
    assert [each.text for each in (await told(said)).remarks] == ["again"]


async def test_a_core_that_does_not_know_the_word_is_told_nothing(remarking: Remarking, said: list[FromWorker]) -> None:
    log.warning("x")
    remarking.start(welcome(2))
    for _ in range(20):
        await asyncio.sleep(0)
    assert said == []
    remarking.start(welcome(3))
    assert len((await told(said)).remarks) == 1


async def test_too_many_are_counted_and_long_ones_cut(remarking: Remarking, said: list[FromWorker]) -> None:
    for number in range(500):
        log.warning("%s %s", number, "x" * 5000)
    remarking.start(welcome(3))
    first = await told(said)
    assert (len(first.remarks), first.lost) == (50, 300)
    assert all(len(each.text) == 1000 for each in first.remarks)
    assert len(msgspec.msgpack.encode(first)) < 64 * 1024
    rest = [await told(said) for _ in range(3)]
    assert [each.remarks[0].text.split()[0] for each in rest] == ["50", "100", "150"]
    assert not any(each.lost for each in rest)


async def test_another_thread_may_warn(remarking: Remarking, said: list[FromWorker]) -> None:
    remarking.start(welcome(3))
    await asyncio.sleep(0)
    await asyncio.to_thread(log.warning, "from a thread")
    assert (await told(said)).remarks[0].text == "from a thread"
