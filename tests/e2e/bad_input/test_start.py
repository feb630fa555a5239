"""What `swarm up` needs and does not find."""

import socket
from pathlib import Path

import pytest

from ..conftest import NewHome
from ..harness import IMAGE, Home
from .said import FAILURE, error_of

NOT_RUNNING = 3


@pytest.fixture
def taken() -> "tuple[socket.socket, int]":
    """A port that somebody else has."""
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen()
    return other, other.getsockname()[1]


def test_a_port_that_is_taken(new_home: NewHome, taken: "tuple[socket.socket, int]") -> None:
    other, port = taken
    with other:
        home = new_home()
        error, hint = error_of(home.swarm("up", "--detach", "--port", str(port), check=FAILURE))
        assert error == f"port {port} is taken on 127.0.0.1 (the core needs it on TCP and UDP)"
        assert f"sport = :{port}" in hint
        told = home.swarm("status", check=NOT_RUNNING).stdout.decode()
        assert f"error: {error}\nhint: {hint}\n" in told
        assert home.status()["children"] == []
    home.up("--port", str(port))
    assert home.port == port


def test_a_database_that_is_down_is_waited_for_and_then_named(
    new_home: NewHome, taken: "tuple[socket.socket, int]"
) -> None:
    other, port = taken
    other.close()
    url = f"postgresql://nobody@127.0.0.1:{port}/gone"
    home = new_home(SWARM_DATABASE_URL=url, SWARM_TIMER_DATABASE="3")
    done = home.swarm("up", "--detach", check=FAILURE)
    error, hint = error_of(done)
    assert f"waiting for the database at 127.0.0.1:{port}/gone, at most 3 s" in done.stdout.decode()
    assert error.startswith(f"core: the database at 127.0.0.1:{port}/gone can't be used: ")
    assert "SWARM_DATABASE_URL" in hint
    assert f"error: {error}" in home.swarm("status", check=NOT_RUNNING).stdout.decode()


def test_down_while_up_waits_for_the_database(new_home: NewHome, taken: "tuple[socket.socket, int]") -> None:
    other, port = taken
    other.close()
    home = new_home(SWARM_DATABASE_URL=f"postgresql://nobody@127.0.0.1:{port}/gone")
    starting = home.start("up", "--detach")

    def waits() -> bool | None:
        return any("waiting for the database" in child["detail"] for child in home.status()["children"]) or None

    home.until(waits, "a start that waits")
    assert home.down().stdout == b"swarm is down\n"
    starting.communicate(timeout=30)
    assert starting.returncode == FAILURE


def test_an_engine_that_does_not_run(new_home: NewHome, tmp_path: Path) -> None:
    engine = tmp_path / "engine.sock"
    home = new_home(DOCKER_HOST=f"unix://{engine}", SWARM_WORKER_NAME="lonely")
    told = f"no Docker Engine answers at {engine}"
    done = home.up()
    assert f"warning: {told}" in done.stdout.decode()
    assert told in home.swarm("status").stdout.decode()
    error, hint = error_of(home.swarm("push", IMAGE, check=FAILURE))
    assert "no container engine answers" in error
    assert "image.tar" in hint
    home.swarm("push", IMAGE, env={"DOCKER_HOST": ""})
    home.until(lambda: home.json("worker", "list")[0]["capacity"] or None, "the worker at the core")
    job = _waits(home)
    engine.symlink_to("/var/run/docker.sock")
    home.ended(job)
    assert home.log(job) == b"at last\n"


def _waits(home: Home) -> int:
    """A job that waits for the engine; `run`, `show` and a dry run say for what."""
    why = "its container engine does not answer; start it there"
    error, _ = error_of(home.swarm("submit", "--dry-run", IMAGE, "--", "true", check=FAILURE))
    assert error.endswith(f"lonely comes nearest: {why}")
    child = home.start("run", IMAGE, "--", "echo", "at last")
    assert child.stderr is not None
    job = int(child.stderr.readline().split()[1])
    why = f"a worker that takes jobs: lonely could run it, and takes nothing now: {why}"
    assert child.stderr.readline().decode() == f"job {job} waits for {why}\n"
    child.kill()
    child.communicate()
    assert f"waits for  {why}" in home.swarm("show", str(job)).stdout.decode()
    return job
