"""The deck in a real terminal and in a real browser, over real processes."""

import asyncio
import re
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.fixtures.chromium import chromium

from .harness import SECONDS, SWARM, Home
from .tmux import Tmux, terminal
from .workers import joined

COUNTS = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1; done"
HOLD = "echo on; until [ -e /out/go ]; do sleep 0.05; done"
OURS = ("--constraint", "deck=e2e")
PASSWORD = "correct horse"


@contextmanager
def deck(home: Home, *words: str, size: tuple[int, int] = (120, 36)) -> Iterator[Tmux]:
    """The deck in a terminal, live."""
    with (
        tempfile.TemporaryDirectory(prefix="sw-") as folder,
        terminal(Path(folder), [str(SWARM), "deck", *words], home.env, size) as shown,
    ):
        shown.sees("● live")
        yield shown


def cancelled(home: Home) -> int:
    """A job that would count for ever, and was stopped."""
    job = home.sh(COUNTS, *OURS)
    home.reaches(job, "running")
    home.swarm("cancel", str(job))
    home.ended(job, "cancelled")
    return job


def test_submit_watch_log_cancel_and_drain(home: Home) -> None:
    with joined(home, "decked", "deck=e2e") as worker:
        first = cancelled(home)
        with deck(home, "--at", "jobs") as shown:
            shown.sees(rf"{first} ⊘ cancelled")

            # Submit: the same once more. It is the newest, and so the one that is chosen.
            shown.keys("Enter")
            shown.sees(rf"Jobs › job {first}\b")
            shown.sees("⊘ cancelled +exit code")
            shown.keys("r")
            shown.sees(rf"(?s)Run it again\?.*job {first}, cancelled")
            shown.keys("y")
            second = int(re.findall(r"› job (\d+)", shown.sees(rf"› job {first} › job \d+"))[-1])
            assert home.job(second).retry_of == first

            # Watch.
            shown.sees("▶ running")
            assert home.reaches(second, "running").worker == "decked"

            # Log, as it comes.
            shown.keys("l")
            seen = max(map(int, re.findall(r"line (\d+)", shown.sees(r"line \d+"))))
            shown.sees(rf"line {seen + 20}\b")

            # Cancel: not before it is agreed to.
            shown.keys("c")
            shown.sees(rf"(?s)Cancel this job\?.*job {second}, running")
            assert not home.job(second).cancel_requested
            shown.keys("y")
            shown.sees("⊘ cancelled")
            assert home.ended(second, "cancelled").cancel_requested
            assert home.containers(second) == []

            # Drain: it finishes what it has, and leaves.
            third = home.sh(HOLD, *OURS)
            home.writes(third, b"on\n")
            shown.keys("3")
            shown.sees("working +decked")
            shown.keys("/")
            shown.sees("or a part of a name")
            shown.type("decked")
            shown.keys_until("Enter", "Workers › decked")  # out of the filter, and to the worker
            shown.keys("d")
            shown.sees("Drain decked: by when?")
            shown.keys("C-s")
            shown.sees(rf"(?s)Drain decked\?.*1 job runs there: {third}")
            assert worker.state() == "working"
            shown.keys("y")
            shown.sees("state +↧ draining")
            home.until(lambda: worker.state() == "draining" or None, "a worker that drains")
            home.release(third, 1, "worker-decked")
            home.ended(third)
            assert worker.process.wait(SECONDS) == 0
            shown.sees("state +✗ dead")

            shown.keys("q")
            assert shown.ends() == 0


def test_an_observer_changes_nothing(home: Home) -> None:
    with joined(home, "watched", "deck=e2e"):
        job = home.sh(COUNTS, *OURS)
        home.reaches(job, "running")
        before = home.json("audit")
        with deck(home, "--observe", "--at", "jobs", size=(80, 24)) as shown, deck(home, "--observe") as other:
            shown.sees(rf"{job} ▶ running")
            shown.sees("observing")
            shown.keys("c")
            shown.sees("only observes")
            shown.keys("Enter")
            shown.sees(rf"job {job}\b")
            shown.keys("l")
            shown.sees(r"line \d+")
            other.sees("observing")
            for each in (shown, other):
                each.keys("q")
                assert each.ends() == 0
        assert home.json("audit") == before
        assert home.job(job).state == "running"
        home.swarm("cancel", str(job))
        home.ended(job, "cancelled")


@pytest.fixture
def eve(home: Home, tmp_path: Path) -> Iterator[str]:
    """Somebody with a password."""
    (tmp_path / "password").write_text(PASSWORD)
    home.swarm("user", "add", "eve", "--role", "operator", "--password-file", str(tmp_path / "password"))
    yield "eve"
    home.swarm("user", "rm", "eve")


def test_in_a_browser(home: Home, eve: str) -> None:
    job = home.sh("echo hello")
    home.ended(job)
    server = home.start("deck", "--web", "--listen", "127.0.0.1:0")
    try:
        assert server.stdout is not None
        url = re.findall(r"http://\S+", server.stdout.readline().decode())[0]
        asyncio.run(look(url, eve, job))
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=SECONDS)
        assert server.returncode == 0, said
        assert b"eve signed in" in said
        assert PASSWORD.encode() not in said
    finally:
        server.kill()
        server.communicate()


async def look(url: str, user: str, job: int) -> None:
    """Sign in, go to the jobs, and from there to one."""
    async with chromium() as page:
        await page.look(1200, 720)
        await page.open(url)
        await page.type(f"{user}\t{PASSWORD}\r")
        await page.draws("● live")
        await page.draws(f"{user} \\(operator\\)")
        await page.click(600, 400)
        await page.type("2")
        await page.draws(rf"{job} ✓ succeeded")
        await page.type("\r")
        await page.draws("exit code")
        assert page.complaints() == []
