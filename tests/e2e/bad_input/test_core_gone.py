"""A core that goes away under somebody who follows a log."""

import subprocess
import sys

from ..harness import IMAGE, Home
from .said import FAILURE

COUNT = 40
SCRIPT = f"i=0; while [ $i -lt {COUNT} ]; do echo line $i; i=$((i+1)); sleep 0.1; done"
LINES = b"".join(b"line %d\n" % i for i in range(COUNT))
IMPATIENT = """
import swarm_consumer.outage
from swarm_consumer.cli.main import main

swarm_consumer.outage.OUTAGE_SECONDS = 2.0
main()
"""


def test_run_goes_on_with_the_next_core_without_gap_or_double(home: Home) -> None:
    with home.only("core"):
        child = home.start("run", IMAGE, "--", "sh", "-c", SCRIPT)
        assert child.stdout is not None
        first = child.stdout.readline()
        home.bounce("core")
        rest, told = child.communicate(timeout=90)
    assert child.returncode == 0, told
    assert first + rest == LINES
    assert b"Traceback" not in told
    (job,) = home.json("jobs", "--limit", "1")
    assert (job["state"], job["attempt"]) == ("succeeded", 1)
    assert home.log(job["id"]) == LINES


def test_a_core_that_stays_away_is_named_and_the_job_goes_on(home: Home) -> None:
    words = ("run", IMAGE, "--", "sh", "-c", "echo first; until [ -e /out/go ]; do sleep 0.05; done; echo last")
    child = subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, *words],
        env=home.env,
        bufsize=0,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"first\n"
    (job,) = [item["id"] for item in home.json("jobs", "--state", "running")]
    with home.only("core"):
        with home.stopped("supervisor"):  # or it would start another core
            before = home.kill("core")
            rest, err = child.communicate(timeout=30)
        home.again("core", before)
    told = err.decode().splitlines()
    assert (child.returncode, rest) == (FAILURE, b"")
    assert told[-2].startswith(f"error: lost sight of job {job}: ")
    assert told[-1] == f"hint: the job goes on; once the core is back: `swarm logs -f {job}`"
    assert "Traceback" not in err.decode()
    home.release(job)
    assert home.ended(job).attempt == 1
    assert home.swarm("logs", "-f", str(job)).stdout == b"first\nlast\n"
