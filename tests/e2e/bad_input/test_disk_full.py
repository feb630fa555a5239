"""Full disks: small file systems of memory under the core's blobs, under its database and under the worker.
Mounting them takes root.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.fixtures.seeds import PlantHome

from ..conftest import NewHome
from ..harness import IMAGE, Done, Home
from .archives import MIB, layer, oci_archive
from .said import FAILURE, error_of

Resize = Callable[[int], None]
Small = Callable[[Home, str, int], Resize]
HOLD = "until [ -e /out/go ]; do sleep 0.05; done; echo done"


@pytest.fixture
def small() -> Iterator[Small]:
    """Puts a file system of so many MiB under a folder of a home; what it gives back changes that size."""
    with ExitStack() as stack:

        def mount(home: Home, name: str, size: int) -> Resize:
            folder = home.folder / name
            folder.mkdir(parents=True)
            _run("mount", "-t", "tmpfs", "-o", f"size={size}m", "swarm-test", str(folder))
            stack.callback(shutil.rmtree, home.folder, ignore_errors=True)
            stack.callback(_run, "umount", "--lazy", str(folder))
            return lambda new: _run("mount", "-o", f"remount,size={new}m", "swarm-test", str(folder))

        yield mount


def _run(*words: str) -> None:
    subprocess.run(words, check=True)


def test_a_full_core_says_so_keeps_all_it_took_and_goes_on_by_itself(
    small: Small, new_home: NewHome, tmp_path: Path
) -> None:
    home = new_home()
    resize = small(home, "data/blobs", 24)
    home.up()
    home.push()
    done = home.sh("echo before")
    home.ended(done)
    images = [image["digest"] for image in home.json("images")]
    archive = oci_archive(tmp_path / "large.tar", "large:1", [layer(os.urandom(40 * MIB))])

    error, hint = error_of(home.swarm("push", str(archive), check=FAILURE))
    assert error == "the core's disk is full"
    assert "free space in the core's data folder" in hint
    with home.only():
        assert [image["digest"] for image in home.json("images")] == images
        assert home.log(done) == b"before\n"

    resize(200)
    sent = home.swarm("push", str(archive)).stderr.decode()
    assert sent.startswith("sent ")
    assert home.swarm("run", IMAGE, "--", "echo", "after").stdout == b"after\n"


def small_database(small: Small, home: Home, plant: PlantHome) -> Resize:
    """All of the database on one small disk: a table can't grow."""
    resize = small(home, "data/postgres", 80)
    plant(home.folder)
    return resize


def small_log(small: Small, home: Home, plant: PlantHome) -> Resize:
    """The database's write-ahead log on a small disk of its own: the server ends, and does not come up again."""
    plant(home.folder)
    log = home.folder / "data" / "postgres" / "data" / "pg_wal"
    kept = log.rename(log.with_name("kept"))
    resize = small(home, str(log.relative_to(home.folder)), 40)
    _run("cp", "-a", f"{kept}/.", str(log))
    return resize


@pytest.mark.parametrize("shrink", [small_database, small_log])
def test_a_full_database_says_so_keeps_all_it_took_and_goes_on_by_itself(
    small: Small, new_home: NewHome, plant_home: PlantHome, shrink: Callable[[Small, Home, PlantHome], Resize]
) -> None:
    home = new_home(fresh=True)
    resize = shrink(small, home, plant_home)
    home.up()
    home.push()
    held = home.sh(HOLD)
    home.reaches(held, "running")

    accepted, refusal = fill(home)
    home.release(held)
    error, hint = error_of(refusal)
    assert error in ("the database's disk is full", "the database doesn't answer")
    assert "nothing accepted is lost" in hint

    resize(400)
    later = home.until(lambda: submitted(home, "--", "echo", "later"), "a core that takes jobs again")
    assert home.log(home.ended(later[0]).id) == b"later\n"
    assert home.log(home.ended(held).id) == b"done\n"
    assert {home.job(job).state for job in accepted} == {"queued"}, "and there are some"


def fill(home: Home) -> tuple[list[int], Done]:
    """Submit large jobs that nobody may run until that is refused; the ids that were given, and the refusal."""
    accepted: list[int] = []
    for _ in range(60):
        padding = os.urandom(50_000).hex()
        words = ("--count", "20", "--constraint", "never=there", "--env", f"PADDING={padding}", IMAGE, "--", "true")
        done = home.swarm("submit", *words, check=False)
        if done.returncode != 0:
            assert done.stdout == b""
            return accepted, done
        accepted += [int(line) for line in done.stdout.split()]
    raise AssertionError(f"{len(accepted)} large jobs fit in")


def submitted(home: Home, *words: str) -> list[int] | None:
    """The ids that a submit gives; None where it is refused."""
    done = home.swarm("submit", IMAGE, *words, check=False)
    return [int(line) for line in done.stdout.split()] or None


def test_a_full_worker_gives_the_right_failure_and_goes_on_by_itself(
    small: Small, new_home: NewHome, tmp_path: Path
) -> None:
    home = new_home(SWARM_WORKER_DISK="10G")
    resize = small(home, "worker", 24)
    home.up()
    home.push()
    (tmp_path / "input").write_bytes(os.urandom(40 * MIB))
    words = ("--input", str(tmp_path / "input"), IMAGE, "--", "sh", "-c", "wc -c < /in/input")

    failed = home.swarm("run", "--infra-retries", "1", *words, check=FAILURE)
    told = failed.stderr.decode().splitlines()[-1]
    assert "pull_failed: the worker's disk is full (placing an input)" in told
    job = home.json("jobs", "--limit", "1")[0]
    assert (job["state"], job["attempt"]) == ("failed", 2)
    with home.only():
        assert home.swarm("run", IMAGE, "--", "echo", "small").stdout == b"small\n"

    resize(200)
    assert home.swarm("run", *words).stdout == b"41943040\n"


def test_outputs_that_fill_the_workers_disk_end_the_job_and_nothing_else(small: Small, new_home: NewHome) -> None:
    home = new_home(SWARM_WORKER_DISK="10G")
    small(home, "worker", 24)
    home.up()
    home.push()
    script = "echo said; dd if=/dev/zero of=/out/x bs=1M count=100"
    with home.only():
        done = home.swarm("run", "--infra-retries", "0", IMAGE, "--", "sh", "-c", script, check=False)
        job = home.job(1)
        # Either the job itself notices, or the worker, which has its copy of the log on the same disk.
        assert (job.state, job.failure) in (("failed", "exit_nonzero"), ("failed", "create_failed"))
        assert done.returncode == (1 if job.failure == "exit_nonzero" else FAILURE)
        assert home.swarm("run", IMAGE, "--", "echo", "next").stdout == b"next\n"
