"""Jobs that can't be as they were asked for."""

import re
import signal
from pathlib import Path

import pytest

from ..harness import IMAGE, Home
from .said import FAILURE, USAGE, error_of, outcome_of


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("job.yaml", f"image: {IMAGE}\nresources:\n  memmory: 1G\n", "job.yaml:3: resources.memmory: there is no such"),
        ("job.yaml", f"image: {IMAGE}\ncommand:\n  - 7\n  - [x]\n", "job.yaml:2: command: "),
        ("job.toml", f'image = "{IMAGE}"\nretires = 2\n', "job.toml:2: retires: there is no such field"),
        ("job.yaml", f"image: {IMAGE}\ntimeouts: {{run: soon}}\n", "job.yaml:2: timeouts.run: 'soon' is no duration"),
        ("job.yaml", "image: [a\n", "job.yaml:2: this is no YAML"),
        ("job.yaml", f"image: {IMAGE}\n\npriority: 99999\n", "job.yaml:3: priority: "),
    ],
)
def test_a_job_file_with_a_wrong_field(home: Home, tmp_path: Path, name: str, text: str, told: str) -> None:
    newest = home.json("jobs", "--limit", "1")
    (tmp_path / name).write_text(text)
    error, hint = error_of(home.swarm("submit", "-f", name, cwd=tmp_path, check=FAILURE))
    assert error.startswith(told)
    assert f"swarm submit -f {name} --dry-run" in hint
    assert home.json("jobs", "--limit", "1") == newest


def test_words_that_are_no_command(home: Home) -> None:
    for words in (("submit", IMAGE, "--memory", "much"), ("show", "abc"), ("bogus",), ("jobs", "--state", "odd")):
        done = home.swarm(*words, check=USAGE)
        assert done.stderr.startswith(b"error: ")
        assert b"Traceback" not in done.stderr
    error, hint = error_of(home.swarm("submit", IMAGE, "--cpu", "4000", check=FAILURE))
    assert error == "resources.cpu_millis: cpu from 10m to 1000"
    assert "--dry-run" in hint


def test_impossible_resources_name_the_worker_that_comes_nearest(home: Home) -> None:
    (worker,) = [each for each in home.json("worker", "list") if each["state"] in ("waiting", "working")]
    nearest = f"{worker['name']} comes nearest: it has "
    error, hint = error_of(home.swarm("submit", "--dry-run", "--cpu", "400", IMAGE, "--", "true", check=FAILURE))
    assert nearest in error
    assert re.search(r"of cpu, not 400$", error)
    assert "swarm worker token" in hint

    child = home.start("run", "--constraint", "gpu=a100", IMAGE, "--", "true")
    assert child.stderr is not None
    first = child.stderr.readline().split()
    job = int(first[1])
    told = child.stderr.readline().decode()
    nearest = f"; {worker['name']} comes nearest: it has no label gpu=a100\n"
    assert told.startswith(f"job {job} waits for a worker that could run it: none of those connected")
    assert told.endswith(nearest)
    assert nearest in home.swarm("show", str(job)).stdout.decode()
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode == 130
    assert home.job(job).state == "cancelled"


def test_a_command_that_the_image_lacks(home: Home) -> None:
    told = outcome_of(home.swarm("run", IMAGE, "--", "no-such-program", check=127))
    assert "command_not_found: 'no-such-program' is not in the image" in told
    assert "check the words after --" in told


def test_an_output_that_matches_nothing(home: Home) -> None:
    script = "echo kept > /out/a.txt; echo said"
    done = home.swarm("run", "--output", "*.txt", "--output", "*.csv", IMAGE, "--", "sh", "-c", script, check=FAILURE)
    assert done.stdout == b"said\n"
    assert "output_missing: no file in /out matches '*.csv'" in done.stderr.decode()
    (job,) = home.json("jobs", "--limit", "1")
    home.swarm("fetch", str(job["id"]), "-o", f"missing-{job['id']}")
    assert (home.folder / f"missing-{job['id']}" / "a.txt").read_bytes() == b"kept\n"


@pytest.mark.parametrize("after", ["", "; sleep 60", "; trap 'exit 7' TERM; while :; do sleep 0.1; done"])
def test_outputs_over_their_limit(home: Home, after: str) -> None:
    script = f"echo said; dd if=/dev/zero of=/out/x bs=1M count=20 2>/dev/null{after}"
    done = home.swarm("run", "--disk", "5M", IMAGE, "--", "sh", "-c", script, check=FAILURE)
    assert done.stdout == b"said\n"
    told = outcome_of(done)
    assert "output_too_large: " in told
    assert "/out and /tmp hold more than 5M; ask for more with --disk" in told
