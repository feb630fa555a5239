"""A home goes down and comes up again with jobs in it; two homes on one engine."""

from pathlib import Path

from .conftest import NewHome
from .harness import IMAGE, Home

HOLD = "echo on; until [ -e /out/go ]; do sleep 0.05; done; rm /out/go; echo off"


def images(home: Home) -> set[str]:
    """Tags of the images that a home's worker has loaded."""
    found = home.engine.get("/images/json")
    return {
        tag for item in found for tag in item["RepoTags"] or () if home.worker.replace("-", "") in tag.replace("-", "")
    }


def test_down_gives_jobs_back_at_no_cost_and_up_runs_them(new_home: NewHome) -> None:
    home = new_home()
    home.up()
    home.push()
    running = [home.sh(HOLD, "--infra-retries", "0") for _ in range(2)]
    once = home.sh(HOLD, "--at-most-once", "--constraint", "never=there")
    waiting = home.sh("echo later")
    for job in running:
        home.writes(job, b"on\n")
    assert len(home.containers()) == 2

    home.down()

    assert home.containers() == []
    assert home.status()["state"] == "stopped"
    assert b"swarm up" in home.swarm("jobs", check=125).stderr
    home.up()
    for job in running:
        found = home.reaches(job, "running")
        assert [attempt.attempt for attempt in found.attempts] == [1, 2]
        home.release(job, 2)
        ended = home.ended(job)
        assert [attempt.failure for attempt in ended.attempts] == [None, None]
        assert home.log(job, attempt=1) == b"on\n"
        assert home.log(job) == b"on\noff\n"
    assert home.ended(waiting).attempts[0].state == "succeeded"
    assert home.job(once).state == "queued"
    assert home.swarm("run", IMAGE, "--", "echo", "again").stdout == b"again\n"


def test_two_homes_on_one_engine_do_not_touch_one_another(home: Home, new_home: NewHome) -> None:
    other = new_home(fresh=True)
    other.up()
    other.push()
    mine, theirs = home.sh(HOLD), other.sh(HOLD)
    for one, job in ((home, mine), (other, theirs)):
        one.writes(job, b"on\n")
    assert home.cluster != other.cluster
    assert home.port != other.port
    assert not set(home.pids().values()) & set(other.pids().values())
    (container,) = home.containers()
    assert container["Id"] not in {item["Id"] for item in other.containers()}
    kept = images(home)
    assert kept
    assert not kept & images(other)

    with home.only():
        other.bounce("worker")  # its sweep sees every container of the engine
        other.release(theirs)
        other.ended(theirs)
        other.close()
        assert [item["Id"] for item in home.containers()] == [container["Id"]]
        assert images(home) == kept
        home.release(mine)
        assert home.ended(mine).attempt == 1
    assert home.swarm("run", IMAGE, "--", "echo", "still").stdout == b"still\n"


def test_up_on_a_running_home_changes_nothing(home: Home) -> None:
    with home.only():
        assert b"already running" in home.swarm("up", "--detach").stdout
        assert {child["role"] for child in home.status()["children"]} == {"postgres", "valkey", "core", "worker"}


def test_up_tells_whoever_is_signed_out_how_to_sign_in(home: Home, tmp_path: Path) -> None:
    kept = home.folder / "credentials.json"
    with home.only():
        kept.rename(tmp_path / "kept")
        try:
            said = home.swarm("up", "--detach").stdout.decode()
            words = said.splitlines()[-1].partition("`swarm ")[2].rstrip("`").split()
            assert words[0] == "login"
            home.swarm(*words)
            home.swarm("jobs")
        finally:
            (tmp_path / "kept").replace(kept)
    assert "sign in" not in home.swarm("up", "--detach").stdout.decode()
