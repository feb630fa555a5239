"""Workers that fall silent, go away for good, or are shut out; on a home whose leases are short."""

import time
from collections.abc import Iterator

import pytest
from tests.fixtures.seeds import PlantHome

from .conftest import running
from .harness import Home
from .relay import Relay
from .workers import Joined, joined

LEASE = 8.0
"""Longer than the pause between a worker's tries to connect, which is 5 s at most."""
SHORT = {
    "SWARM_TIMER_LEASE": str(LEASE),
    "SWARM_TIMER_RENEW": "1",
    "SWARM_TIMER_SWEEP": "0.5",
    "SWARM_TIMER_UNREACHABLE": "2",
    "SWARM_TIMER_BEAT": "0.5",
    "SWARM_TIMER_PING": "0.5",
}
BEATS = 8
"""So many of them are twice as long as it takes to call a silent worker unreachable."""
WAITS = "echo on; until [ -e /out/go ]; do sleep 0.05; done; rm /out/go; echo off"


@pytest.fixture(scope="session")
def short_home(sample: str, plant_home: PlantHome) -> Iterator[Home]:
    """A home of quick timers; leave it up, with nothing running and no worker but its own."""
    with running(Home(SHORT), plant_home) as home:
        yield home


@pytest.fixture
def pair(short_home: Home) -> Iterator[dict[str, Joined]]:
    """Two workers that the same jobs can go to."""
    with joined(short_home, "left", "pool=pair") as left, joined(short_home, "right", "pool=pair") as right:
        yield {"left": left, "right": right}


def submitted(home: Home, label: str) -> tuple[int, str]:
    """A job that waits to be let go, on a worker with this label; its id and the worker's name."""
    job = home.sh(WAITS, "--constraint", label)
    home.writes(job, b"on\n")
    return job, str(home.job(job).worker)


def test_a_worker_gone_for_good_loses_its_job_to_another(short_home: Home, pair: dict[str, Joined]) -> None:
    home = short_home
    job, first = submitted(home, "pool=pair")
    other = next(name for name in pair if name != first)

    pair[first].kill()

    home.until(lambda: home.job(job).attempt == 2 or None, "a second attempt")
    home.writes(job, b"on\n")
    home.release(job, 2, f"worker-{other}")
    ended = home.ended(job)
    assert [(a.attempt, a.worker, a.state, a.failure) for a in ended.attempts] == [
        (1, first, "lost", "worker_lost"),
        (2, other, "succeeded", None),
    ]
    assert home.log(job, attempt=2) == b"on\noff\n"
    assert len(home.containers(job)) == 1, "the first attempt's container, whose worker is away"

    pair[first].restart()

    home.gone(job)
    assert home.job(job) == ended


def test_a_revoked_worker_is_cut_off_and_its_job_goes_elsewhere(short_home: Home, pair: dict[str, Joined]) -> None:
    home = short_home
    job, first = submitted(home, "pool=pair")
    other = next(name for name in pair if name != first)

    home.swarm("worker", "revoke", first)

    assert pair[first].process.wait(10) == 4
    assert b"revoked" in pair[first].log.read_bytes()
    home.until(lambda: home.job(job).worker == other or None, "the other worker")
    home.until(lambda: len(home.containers(job)) == 1 or None, "one container")
    home.writes(job, b"on\n")
    home.release(job, 2, f"worker-{other}")
    ended = home.ended(job)
    assert [attempt.worker for attempt in ended.attempts] == [first, other]
    home.gone(job)


def test_a_core_away_for_longer_than_a_lease_takes_no_worker_for_dead(short_home: Home) -> None:
    home = short_home
    job = home.sh(WAITS)
    home.writes(job, b"on\n")
    with home.only("core"):
        with home.stopped("supervisor"):
            before = home.kill("core")
            back = time.monotonic() + LEASE + 1.0
            home.until(lambda: time.monotonic() > back or None, "the end of the lease")
        home.again("core", before)
        home.reaches(job, "running")
        home.release(job)
        ended = home.ended(job)
    assert [(attempt.attempt, attempt.failure) for attempt in ended.attempts] == [(1, None)]
    assert home.log(job) == b"on\noff\n"


def test_without_udp_a_job_and_its_worker_are_unaffected(short_home: Home) -> None:
    home = short_home
    with Relay(home.port) as relay, joined(home, "no-udp", "via=relay", relay.url) as worker:
        home.until(lambda: relay.carried > 1 or None, "beats by way of the relay")
        job, _ = submitted(home, "via=relay")
        relay.carry(tcp=True, udp=False)
        home.until(lambda: relay.lost >= BEATS or None, "lost beats")
        assert worker.state() == "working"
        home.release(job, 1, "worker-no-udp")
        assert home.ended(job).attempt == 1
        assert home.log(job) == b"on\noff\n"


def test_without_its_websocket_a_worker_is_not_dead_and_its_job_goes_on(short_home: Home) -> None:
    home = short_home
    with Relay(home.port) as relay, joined(home, "no-tcp", "via=relay", relay.url) as worker:
        job, _ = submitted(home, "via=relay")
        relay.carry(tcp=False, udp=True)
        before = relay.carried
        home.release(job, 1, "worker-no-tcp")
        home.until(lambda: relay.carried >= before + BEATS or None, "beats")
        assert worker.state() != "unreachable"
        assert home.job(job).state == "running"
        relay.carry(tcp=True, udp=True)
        ended = home.ended(job)
        assert [attempt.attempt for attempt in ended.attempts] == [1]
        assert home.log(job) == b"on\noff\n"


def test_without_both_a_worker_is_unreachable_and_comes_back(short_home: Home) -> None:
    home = short_home
    with Relay(home.port) as relay, joined(home, "silent", "via=relay", relay.url) as worker:
        job, _ = submitted(home, "via=relay")
        relay.carry(tcp=False, udp=False)
        home.until(lambda: worker.state() == "unreachable" or None, "an unreachable worker")
        assert home.job(job).state == "running"
        home.reaches(job, "queued")
        assert len(home.containers(job)) == 1

        relay.carry(tcp=True, udp=True)

        worker.is_up()
        home.reaches(job, "running")
        (container,) = home.until(lambda: [c for c in home.containers(job)][:2] or None, "one container")
        assert container["Labels"]["swarm.attempt"] == "2"
        home.release(job, 2, "worker-silent")
        ended = home.ended(job)
        assert [attempt.failure for attempt in ended.attempts] == ["worker_lost", None]
        assert home.log(job) == b"on\noff\n"
        home.gone(job)
