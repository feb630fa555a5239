"""The event stream through the command: what was, and what happens while the core dies and comes back."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from swarm_consumer import EventFilter, SyncClient

from .harness import Home

STEPS = [("created", "queued"), ("state", "dispatched"), ("state", "running"), ("state", "succeeded")]


def steps(events: list[dict[str, Any]], job: int) -> list[tuple[str, str]]:
    """What was told of a job, without bringing its files, which may take a step of its own."""
    own = [(event["what"], event["detail"]["to"]) for event in events if event["subject"] == str(job)]
    return [step for step in own if step[1] != "harvesting"]


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Killed after a minute, and in any case at the end."""
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def test_events_of_before_and_of_now_over_a_core_that_is_killed(home: Home) -> None:
    first = home.sh("true")
    home.ended(first)
    past = [json.loads(each) for each in home.swarm("events", "--job", str(first), "--json").stdout.splitlines()]
    assert steps(past, first) == STEPS
    said = home.swarm("events", "--since", "1h", "--kind", "job", "--job", str(first)).stdout.decode()
    assert f"job {first}  queued → dispatched  attempt=1 worker=" in said
    with SyncClient.from_credentials(home.folder / "credentials.json") as client:
        since = datetime.now(UTC) - timedelta(hours=1)
        told = client.events(EventFilter(jobs=[first]), since=since, follow=False)
        assert [each.cursor for each in told] == [each["cursor"] for each in past]

    listener = home.start("events", "-f", "--after", past[-1]["cursor"], "--kind", "job", "--json")
    with ended(listener):
        with home.only("core"):
            home.bounce("core")
        second = home.sh("true")
        heard = until(listener, second, "succeeded")
        assert steps(heard, second) == STEPS
        assert steps(heard, first) == []
        home.swarm("rm", str(second))
        [gone] = read(listener, 1)
        assert (gone["what"], gone["subject"]) == ("removed", str(second))
        listener.send_signal(signal.SIGINT)
        assert listener.wait(20) == 130


def read(listener: "subprocess.Popen[bytes]", count: int) -> list[dict[str, Any]]:
    """The next events that it prints."""
    assert listener.stdout is not None
    return [json.loads(listener.stdout.readline()) for _ in range(count)]


def until(listener: "subprocess.Popen[bytes]", job: int, state: str) -> list[dict[str, Any]]:
    """What it prints to the one that brings a job into a state."""
    heard = read(listener, 1)
    while (heard[-1]["subject"], heard[-1]["detail"].get("to")) != (str(job), state):
        heard += read(listener, 1)
    return heard


def test_what_is_wrong_is_said(home: Home) -> None:
    assert b"'cow' is none of job" in home.swarm("events", "--kind", "cow", check=2).stderr
    assert b"give one of them" in home.swarm("events", "--after", "x", "--since", "1h", check=2).stderr
    done = home.swarm("events", "-f", "--after", "nonsense", check=125).stderr
    assert b"error: that is no cursor of the event stream\nhint: go on without a cursor" in done
