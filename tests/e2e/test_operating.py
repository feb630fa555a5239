"""Workers are steered through the command."""

from .harness import IMAGE, Home


def test_pause_label_and_resume(home: Home) -> None:
    [name] = [each["name"] for each in home.json("worker", "list") if each["state"] in ("waiting", "working")]
    try:
        home.swarm("worker", "pause", name)
        shown = home.json("worker", "show", name)
        assert (shown["state"], shown["paused_by"]) == ("paused", f"user:{home.json('whoami')['user']}")
        done = home.swarm("submit", "--dry-run", IMAGE, "--", "true", check=125)
        assert f"has paused it; `swarm worker resume {name}`" in done.stderr.decode()
        job = home.sh("exit 0", "--constraint", "bench=quiet")
        assert b"bench=quiet" in home.swarm("worker", "label", name, "bench=quiet").stdout
        assert home.job(job).state == "queued"
    finally:
        home.swarm("worker", "resume", name)
    home.ended(job)
    assert b"bench" not in home.swarm("worker", "label", name, "bench-").stdout


def test_what_is_wrong_is_said(home: Home) -> None:
    assert b"neither KEY=VALUE nor KEY-" in home.swarm("worker", "label", "w", "gpu", check=2).stderr
    assert b"there is no worker nobody" in home.swarm("worker", "pause", "nobody", check=125).stderr


def test_the_swarm_at_a_glance(home: Home) -> None:
    job = home.sh("exit 0")
    home.ended(job)
    found = home.json("overview")
    assert found["ended"]["succeeded"] >= 1
    assert sum(minute["succeeded"] for minute in found["minutes"]) >= 1
    assert sum(found["workers"].values()) >= 1
    [core] = home.json("cores")
    assert (core["here"], core["redis"]) == (True, "connected")
    assert {module["state"] for module in core["modules"]} == {"running"}
    assert b"harvester" in home.swarm("cores", "--modules").stdout
