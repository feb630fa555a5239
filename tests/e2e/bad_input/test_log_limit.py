"""A log that is longer than it may be."""

from ..conftest import NewHome
from ..harness import IMAGE


def test_a_log_over_its_limit_is_cut_with_a_mark_and_the_job_goes_on(new_home: NewHome) -> None:
    home = new_home(SWARM_WORKER_LOG_CAP="100K")
    home.up()
    home.push()
    script = "yes 0123456789abcde | head -c 1000000; echo lost >&2; echo kept > /out/file"
    done = home.swarm("run", IMAGE, "--", "sh", "-c", script)
    line = b"0123456789abcde\n"
    assert done.stdout.startswith(line * (100 * 1024 // len(line)))
    assert b"[swarm: the log is cut here: it passed its limit of 100K]" in done.stdout
    assert len(done.stdout) < 101 * 1024
    told = done.stderr.decode().splitlines()
    assert "job 1 log: cut at its limit" in told
    assert "lost" not in told
    job = home.job(1)
    assert job.state == "succeeded"
    assert job.attempts[0].log_truncated
    assert [each.name for each in job.artifacts] == ["file"]
    assert home.log(1) == done.stdout
    assert home.swarm("run", IMAGE, "--", "echo", "next").stdout == b"next\n"
