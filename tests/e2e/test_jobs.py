"""The life of jobs through the command: submit, list, wait, cancel, retry, remove, and when they start."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .harness import IMAGE, Home

HOLD = "trap 'exit 0' TERM; echo on; while :; do sleep 0.1; done"
"""A job that ends when it is stopped."""
NOWHERE = ("--constraint", "gpu=none-has-this")


def test_ids_are_sequential_and_a_count_makes_many(home: Home) -> None:
    words = home.swarm("submit", "--count", "12", "--name", "many", IMAGE, "--", "sh", "-c", "exit 0").stdout
    ids = [int(line) for line in words.split()]
    assert ids == list(range(ids[0], ids[0] + 12))

    done = home.swarm("wait", *map(str, ids))

    assert done.stdout == b"".join(b"%d succeeded 0\n" % job for job in ids)
    listed = home.json("jobs", "--name", "many", "--state", "succeeded")
    assert [job["id"] for job in listed] == ids[::-1]


def test_wait_exits_as_the_first_that_did_not_succeed(home: Home) -> None:
    good, bad = home.sh("exit 0"), home.sh("exit 9")
    done = home.swarm("wait", str(good), str(bad), check=9)
    assert done.stdout == b"%d succeeded 0\n%d failed 9\n" % (good, bad)


def test_wait_has_a_bound(home: Home) -> None:
    job = home.sh("exit 0", *NOWHERE)
    home.swarm("wait", str(job), "--timeout", "200ms", check=124)
    home.swarm("cancel", str(job))


def test_logs_follow_to_the_end(home: Home) -> None:
    job = home.sh("echo a; sleep 1; echo b; echo c >&2")
    follower = home.start("logs", "-f", str(job))
    out, err = follower.communicate(timeout=60)
    assert (out, follower.returncode) == (b"a\nb\n", 0)
    assert b"c\n" in err
    assert home.swarm("logs", str(job)).stdout == b"a\nb\n"
    assert home.log(job, "stderr") == b"c\n"


def test_cancel_of_a_queued_job(home: Home) -> None:
    job = home.sh("exit 0", *NOWHERE)
    assert home.job(job).state == "queued"
    assert home.swarm("cancel", str(job)).stdout == b"%d cancelled\n" % job
    assert home.job(job).attempts == []
    assert b"already" in home.swarm("cancel", str(job), check=125).stderr


def test_cancel_of_a_running_job_stops_its_container(home: Home) -> None:
    job = home.sh(HOLD)
    home.writes(job, b"on\n")
    assert len(home.containers(job)) == 1

    home.swarm("cancel", str(job))

    ended = home.ended(job, "cancelled")
    assert [attempt.failure for attempt in ended.attempts] == ["cancelled"]
    home.gone(job)
    assert home.log(job) == b"on\n"
    home.swarm("wait", str(job), check=130)


def test_a_job_that_ignores_sigterm_is_killed_after_its_grace(home: Home, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(
        f"image: {IMAGE}\n"
        "command: [sh, -c, \"trap '' TERM; echo on; while :; do sleep 0.1; done\"]\n"
        "timeouts: {stop_grace: 1s}\n"
    )
    job = int(home.swarm("submit", "-f", "job.yaml", cwd=tmp_path).stdout)
    home.writes(job, b"on\n")
    home.swarm("cancel", str(job))
    home.ended(job, "cancelled")
    home.gone(job)


def test_retry_makes_a_new_job_and_leaves_the_old(home: Home) -> None:
    first = home.sh("exit 4", "--tag", "again")
    home.ended(first, "failed")

    second = int(home.swarm("retry", str(first)).stdout)

    ended = home.ended(second, "failed")
    assert second > first
    assert (ended.retry_of, ended.exit_code, ended.tags) == (first, 4, ["again"])
    assert home.job(first).state == "failed"


def test_retries_are_charged_to_the_jobs_own_budget(home: Home) -> None:
    job = home.sh("exit 5", "--retries", "1")
    ended = home.ended(job, "failed")
    assert [(a.attempt, a.failure, a.exit_code) for a in ended.attempts] == [
        (1, "exit_nonzero", 5),
        (2, "exit_nonzero", 5),
    ]


def test_rm_takes_an_ended_job_with_its_log(home: Home) -> None:
    job = home.sh("echo gone")
    home.ended(job)
    home.swarm("rm", str(job))
    for words in (("show",), ("logs",), ("fetch",)):
        assert str(job).encode() in home.swarm(*words, str(job), check=125).stderr
    waiting = home.sh("exit 0", *NOWHERE)
    assert b"is queued" in home.swarm("rm", str(waiting), check=125).stderr
    home.swarm("cancel", str(waiting))


def test_jobs_filters_and_show_agree(home: Home) -> None:
    job = home.sh("exit 6", "--name", "filtered", "--tag", "t1")
    ended = home.ended(job, "failed")
    (listed,) = home.json("jobs", "--name", "filtered", "--tag", "t1", "--state", "failed", "--image", IMAGE)
    assert (listed["id"], listed["exit_code"], listed["worker"]) == (job, 6, ended.worker)
    assert home.json("jobs", "--name", "filtered", "--state", "succeeded") == []
    assert [change.to for change in ended.history] == ["queued", "dispatched", "running", "failed"]
    words = home.swarm("show", str(job)).stdout
    assert b"filtered" in words
    assert b"exit code  6" in words


def test_a_higher_priority_goes_first(home: Home) -> None:
    # Both slots are taken while the rest is submitted, so that the queue alone decides who is next.
    holders = [home.sh(HOLD) for _ in range(2)]
    for job in holders:
        home.writes(job, b"on\n")
    low = home.sh("exit 0", "--priority", "-5")
    middle = home.sh("exit 0")
    high = home.sh("exit 0", "--priority", "5")

    home.swarm("cancel", str(holders[0]))

    jobs = [home.ended(job) for job in (low, middle, high)]
    home.swarm("cancel", str(holders[1]))
    home.ended(holders[1], "cancelled")
    claimed = {job.id: job.attempts[0].claimed_at for job in jobs}
    assert sorted(claimed, key=lambda job: str(claimed[job])) == [high, middle, low]


def test_at_starts_a_job_later(home: Home) -> None:
    job = home.sh("echo late", "--at", "+2s")
    asleep = home.job(job)
    assert asleep.state == "sleeping"
    assert asleep.wake_at is not None
    ended = home.ended(job)
    assert [change.to for change in ended.history][:2] == ["sleeping", "queued"]
    started = ended.attempts[0].claimed_at
    assert started is not None
    assert timedelta(0) <= started - asleep.wake_at
    assert asleep.wake_at > datetime.now(UTC) - timedelta(minutes=5)


def test_a_key_brings_the_same_job_and_refuses_another(home: Home) -> None:
    first = home.sh("exit 0", "--idempotency-key", "k-1")
    assert home.sh("exit 0", "--idempotency-key", "k-1") == first
    done = home.swarm("submit", "--idempotency-key", "k-1", IMAGE, "--", "other", check=125)
    assert b"k-1" in done.stderr
    assert home.ended(first).attempt == 1


def test_a_key_for_many_copies_brings_the_same_jobs(home: Home) -> None:
    words = ("submit", "--count", "3", "--idempotency-key", "k-3", IMAGE, "--", "true")
    first = home.swarm(*words).stdout.split()
    assert len(set(first)) == 3
    assert home.swarm(*words).stdout.split() == first


def test_a_constraint_that_nobody_meets_waits_and_says_so(home: Home) -> None:
    done = home.swarm("submit", "--dry-run", *NOWHERE, IMAGE, check=125)
    assert b"gpu" in done.stderr
    names = [worker["name"] for worker in home.json("worker", "list")]
    assert any(f"{name} comes nearest".encode() in done.stderr for name in names)

    child = home.start("run", *NOWHERE, IMAGE)
    (job,) = home.until(lambda: [j["id"] for j in home.json("jobs", "--state", "queued")] or None, "a queued job")
    assert child.stderr is not None
    said = next(line for line in child.stderr if b"waits" in line)
    assert b"gpu" in said
    assert home.job(job).state == "queued"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 130
    home.swarm("submit", "--dry-run", IMAGE)
