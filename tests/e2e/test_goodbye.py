"""A worker that is stopped in order is shown as gone at once, on a home with the usual lease of half a minute."""

import signal

import pytest

from .harness import SECONDS, Home
from .workers import joined


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_is_dead_with_its_process(home: Home, number: signal.Signals) -> None:
    with joined(home, f"leaves-{number.name.lower()}", "leaves=yes") as worker:
        worker.process.send_signal(number)
        assert worker.process.wait(SECONDS) == 0
        assert worker.state() == "dead"
        worker.restart()


def test_one_that_hands_over_a_container_keeps_its_session(home: Home) -> None:
    with joined(home, "hands-over", "hands-over=yes") as worker:
        job = home.sh("echo on; until [ -e /out/go ]; do sleep 0.05; done", "--constraint", "hands-over=yes")
        home.writes(job, b"on\n")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(SECONDS) == 0
        assert worker.state() != "dead"
        worker.restart()
        home.release(job, 1, "worker-hands-over")
        assert home.ended(job).attempt == 1


def test_one_that_is_stopped_gives_its_job_back_and_is_dead(home: Home) -> None:
    with joined(home, "gives-back", "gives-back=yes") as worker:
        job = home.sh("echo on; sleep 600", "--constraint", "gives-back=yes")
        home.writes(job, b"on\n")
        assert worker.end() == 0
        assert worker.state() == "dead"
        assert home.job(job).state == "queued"
        home.swarm("cancel", str(job))
        home.ended(job, "cancelled")
