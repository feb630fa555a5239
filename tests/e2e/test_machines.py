"""Real workers are drained and sized through the command."""

import subprocess

from .conftest import NewHome
from .harness import IMAGE, SECONDS, Home
from .workers import joined

HOLD = "echo on; until [ -e /out/go ]; do sleep 0.05; done"


def said(drain: "subprocess.Popen[bytes]", code: int = 0) -> str:
    """What a drain that was waited for has said in the end."""
    _, err = drain.communicate(timeout=SECONDS)
    text = err.decode()
    assert drain.returncode == code, text
    return text


def test_a_worker_finishes_its_job_leaves_and_works_when_it_is_started_again(home: Home) -> None:
    with joined(home, "finishes", "drains=finishes") as worker:
        job = home.sh(HOLD, "--constraint", "drains=finishes")
        home.writes(job, b"on\n")
        drain = home.start("worker", "drain", "finishes", "--wait")
        home.until(lambda: worker.state() == "draining" or None, "a worker that drains")
        later = home.sh("echo later", "--constraint", "drains=finishes")
        home.release(job, 1, "worker-finishes")
        text = said(drain)
        assert "worker finishes finishes what it has (1) and leaves" in text
        assert "worker finishes is gone: drained" in text
        assert worker.process.wait(SECONDS) == 0
        assert (home.ended(job).attempt, home.job(later).state) == (1, "queued")
        worker.restart()
        home.swarm("worker", "label", "finishes", "drains=finishes")
        assert home.ended(later).attempt == 1
        history = home.json("worker", "history", "finishes")
        states = [step["state"] for step in reversed(history) if step["what"] == "state"]
        once = ["initializing", "waiting"]
        assert states == [*once, "draining", "dead", *once], history
        assert b"drained" in home.swarm("worker", "history", "finishes").stdout


def test_what_a_drain_cuts_at_its_deadline_ends_elsewhere(home: Home) -> None:
    with joined(home, "late", "drains=late") as worker:
        job = home.sh(HOLD, "--constraint", "drains=late", "--infra-retries", "0")
        home.writes(job, b"on\n")
        text = said(home.start("worker", "drain", "late", "--deadline", "200ms", "--wait"))
        assert "worker late is gone: drained; the deadline stopped 1, which went back to the queue" in text
        assert worker.process.wait(SECONDS) == 0
        with joined(home, "other", "drains=late"):
            home.until(lambda: b"on\n" in home.log(job) or None, "its second attempt")
            home.release(job, 2, "worker-other")
            ended = home.ended(job)
        assert [attempt.worker for attempt in ended.attempts] == ["late", "other"]


def test_a_home_leaves_its_worker_drained_until_it_comes_up_again(new_home: NewHome) -> None:
    home = new_home()
    home.up()
    home.push()
    home.swarm("worker", "drain", own_worker(home), "--wait")

    def drained() -> bool | None:
        child = next(child for child in home.status()["children"] if child["role"] == "worker")
        return (child["state"], child["restarts"], child["detail"].partition(";")[0]) == (
            "stopped",
            0,
            "drained",
        ) or None

    home.until(drained, "a worker that stays away")
    assert b"drained; `swarm down`, then `swarm up`, starts it again" in home.swarm("status").stdout
    job = home.sh("echo hello")
    home.down()
    home.up()
    assert home.ended(job).attempt == 1


def test_another_capacity_counts_at_once(home: Home) -> None:
    with joined(home, "sized", "sized=yes"):
        jobs = [home.sh(HOLD, "--constraint", "sized=yes") for _ in range(2)]
        home.writes(jobs[0], b"on\n")
        assert home.job(jobs[1]).state == "queued"
        shown = home.swarm("worker", "capacity", "sized", "--slots", "2", "--cpu", "64").stdout.decode()
        assert "offers  2 slots, 64 cpu" in shown
        assert "set     2 slots, 64 cpu" in shown
        home.writes(jobs[1], b"on\n")
        refused = home.swarm("worker", "capacity", "sized", "--memory", "900G", check=125).stderr.decode()
        assert "memory can't be 900G: the machine has " in refused
        assert "set     nothing" in home.swarm("worker", "capacity", "sized", "--reset").stdout.decode()
        for job in jobs:
            home.release(job, 1, "worker-sized")
            home.ended(job)


def own_worker(home: Home) -> str:
    """The name of a home's own worker."""
    return next(str(worker["name"]) for worker in home.json("worker", "list") if worker["id"] == home.worker)


def test_a_machine_is_shown_in_full(home: Home) -> None:
    home.swarm("run", IMAGE, "--", "true")
    shown = home.swarm("worker", "show", own_worker(home)).stdout.decode()
    lines = {line.partition(" ")[0]: line.partition(" ")[2].strip() for line in shown.splitlines()}
    assert {"machine", "os", "engine", "memory", "disk", "load", "up", "told"} <= set(lines)
    assert "runc" in lines["engine"]
    assert any(line.startswith("disk ") and "free of" in line for line in shown.splitlines())


def test_what_is_wrong_is_said(home: Home) -> None:
    assert b"--deadline: 0s is not to come" in home.swarm("worker", "drain", "w", "--deadline", "0s", check=2).stderr
    past = home.swarm("worker", "drain", own_worker(home), "--deadline", "2020-01-01T00:00:00Z", check=125).stderr
    assert b"the deadline has passed already" in past
    assert b"--reset goes alone" in home.swarm("worker", "capacity", "w", "--reset", "--cpu", "1", check=2).stderr
    assert b"there is no worker nobody" in home.swarm("worker", "drain", "nobody", check=125).stderr
