"""Processes of a home are killed while a job runs: the job goes on, nothing of its log is lost or doubled, and
nothing else dies."""

import json
import os
import signal
import subprocess
import time

import pytest

from swarm_consumer.models import Job

from .harness import IMAGE, Home

TICKS = (
    "i=0; until [ -e /out/go ]; do echo line $i; echo other $i >&2; i=$((i+1)); sleep 0.05; done; "
    "echo end $i; echo end $i >&2"
)
"""Writes on both streams until the test lets it go, and says last how many lines there were."""


def ticking(home: Home) -> int:
    """A job that is well under way."""
    job = home.sh(TICKS)
    home.writes(job, b"line 3\n")
    return job


def is_whole(log: bytes, word: bytes) -> bool:
    """Whether every line is there once and in order."""
    *lines, last = log.splitlines()
    return lines == [b"%s %d" % (word, number) for number in range(len(lines))] and last == b"end %d" % len(lines)


def went_through(home: Home, job: int) -> Job:
    """Let it go: it succeeds in its first attempt, its log is whole, and its container goes."""
    home.release(job)
    ended = home.ended(job)
    assert [change.to for change in ended.history if change.to == "succeeded"] == ["succeeded"]
    assert [attempt.attempt for attempt in ended.attempts] == [1]
    for stream, word in (("stdout", b"line"), ("stderr", b"other")):
        log = home.log(job, stream)
        assert is_whole(log, word), log
    home.gone(job)
    return ended


def test_core_killed(home: Home) -> None:
    job = ticking(home)
    (container,) = home.containers(job)
    with home.only("core"):
        home.bounce("core")
        assert [item["Id"] for item in home.containers(job)] == [container["Id"]]
        went_through(home, job)


def test_core_stopped_in_order(home: Home) -> None:
    job = ticking(home)
    with home.only("core"):
        home.bounce("core", signal.SIGTERM)
        went_through(home, job)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_worker_killed_or_handed_over(home: Home, number: signal.Signals) -> None:
    job = ticking(home)
    (container,) = home.containers(job)
    with home.only("worker"):
        home.bounce("worker", number)
        assert [item["Id"] for item in home.containers(job)] == [container["Id"]]
        went_through(home, job)


def test_core_and_worker_killed_at_once(home: Home) -> None:
    job = ticking(home)
    with home.only("core", "worker"):
        before = home.pids()
        for role in ("worker", "core"):
            os.kill(before[role], signal.SIGKILL)
        for role in ("core", "worker"):
            home.again(role, before[role])
        went_through(home, job)


@pytest.mark.parametrize("journalled", [False, True], ids=["before-the-journal", "after-the-journal"])
def test_worker_killed_after_the_containers_end_while_the_core_is_down(home: Home, journalled: bool) -> None:
    # What is left in /out has to reach the core before the outcome is written down.
    leave = "" if journalled else "echo kept > /out/kept; "
    job = home.sh(f"echo once; until [ -e /out/go ]; do sleep 0.05; done; rm /out/go; {leave}echo done")
    home.reaches(job, "running")
    (container,) = home.containers(job)
    record = home.folder / "worker" / "attempts" / f"{job}.1" / "state.json"
    with home.only("core", "worker"), home.stopped("core"):
        before = home.pids()
        home.release(job)
        if journalled:
            home.until(lambda: json.loads(record.read_bytes()).get("outcome"), "its outcome in the journal")
        else:
            home.until(lambda: home.inspect(container["Id"])["State"]["Status"] == "exited" or None, "its exit")
        os.kill(before["worker"], signal.SIGKILL)
        os.kill(before["core"], signal.SIGKILL)
        for role in ("core", "worker"):
            home.again(role, before[role])
    ended = home.ended(job)
    assert [(attempt.attempt, attempt.exit_code) for attempt in ended.attempts] == [(1, 0)]
    assert [change.to for change in ended.history].count("succeeded") == 1
    assert home.log(job) == b"once\ndone\n"
    assert [file.name for file in ended.artifacts] == ([] if journalled else ["kept"])
    home.gone(job)


def test_core_killed_while_run_follows(home: Home) -> None:
    child = home.start("run", IMAGE, "--", "sh", "-c", f"{TICKS}; exit 3")
    try:
        first = _read_until(child, b"line 3\n")
        (job,) = [item["id"] for item in home.json("jobs", "--state", "running")]
        with home.only("core"):
            home.bounce("core")
            home.release(job)
            out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert is_whole(first + out, b"line")
    assert is_whole(b"".join(line for line in err.splitlines(True) if line.startswith((b"other", b"end"))), b"other")
    assert child.returncode == 3


def test_postgres_killed(home: Home) -> None:
    job = ticking(home)
    with home.only("postgres"):
        home.bounce("postgres")
        went_through(home, job)
        home.ended(home.sh("exit 0"))


def test_valkey_killed(home: Home) -> None:
    job = ticking(home)
    with home.only("valkey"):
        home.bounce("valkey")
        later = home.sh("exit 0")
        went_through(home, job)
        home.ended(later)


def test_supervisor_killed(home: Home) -> None:
    """What it left goes on; `swarm up` takes over."""
    job = ticking(home)
    home.kill("supervisor")
    home.up()
    went_through(home, job)


def _read_until(child: "subprocess.Popen[bytes]", line: bytes) -> bytes:
    assert child.stdout is not None
    read = b""
    end = time.monotonic() + 60
    while not read.endswith(line):
        more = child.stdout.readline()
        assert more, read
        assert time.monotonic() < end, read
        read += more
    return read
