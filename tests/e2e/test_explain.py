"""Why a job waits, through the command."""

from .harness import Home


def test_a_job_behind_another_and_a_paused_worker(home: Home) -> None:
    [name] = [each["name"] for each in home.json("worker", "list") if each["state"] in ("waiting", "working")]
    home.swarm("worker", "pause", name)
    try:
        first, second = home.sh("exit 0"), home.sh("exit 0")
        told = home.json("explain", str(second))
        assert (told["state"], told["before"], told["before_alike"]) == ("queued", 1, 1)
        assert [cause["kind"] for cause in told["causes"]] == ["closed"]
        shown = home.swarm("explain", str(second)).stdout.decode()
        assert f"has paused it; `swarm worker resume {name}`" in shown
        assert "before it 1 job like it\n" in shown
        far = home.sh("exit 0", "--memory", "900T", "--constraint", "moon=full")
        assert "moon=full" in home.swarm("explain", str(far)).stdout.decode()
        home.swarm("cancel", str(far))
    finally:
        home.swarm("worker", "resume", name)
    home.ended(first)
    home.ended(second)
    assert f"it succeeded on {name} with exit code 0" in home.swarm("explain", str(second)).stdout.decode()


def test_what_is_wrong_is_said(home: Home) -> None:
    assert b"there is no job 999999" in home.swarm("explain", "999999", check=125).stderr
    assert b"'x' is no whole number" in home.swarm("explain", "x", check=2).stderr
