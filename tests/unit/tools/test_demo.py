"""The demo leaves nothing behind, however it ends; on a stand-in for `swarm`."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.demo import check_output, shown, table
from tools.demo_home import processes_of
from tools.failure import Failure

ROOT = Path(__file__).resolve().parents[3]

# Has a process in the background between up and down. A command named in $BLOCK tells so through a pipe and hangs,
# one named in $BREAK fails.
STAND_IN = """\
#!{python}
import os, pathlib, signal, subprocess, sys, time
home = pathlib.Path(os.environ["SWARM_HOME"])
word = sys.argv[1]
if word == "up":
    (home / "state/logs").mkdir(parents=True)
    (home / "state/logs/core.log").write_text("the core says hello\\n")
    server = subprocess.Popen(["sleep", "300"], start_new_session=True)
    (home / "pid").write_text(str(server.pid))
if word == os.environ.get("BLOCK"):
    open(os.environ["PIPE"], "w").close()
    time.sleep(0.5 if word == "up" else 300)
if word == os.environ.get("BREAK"):
    sys.exit(4)
if word == "down" and (home / "pid").exists():
    os.kill(int((home / "pid").read_text()), signal.SIGTERM)
"""
PROGRAM = """
    import sys
    from pathlib import Path
    from tools import demo_home
    from tools.engine_api import EngineApi
    from tools.failure import exit_with
    demo_home.SWARM = Path(sys.argv[1])
    def main():
        with demo_home.demo_home(EngineApi(Path("/nowhere"))) as home:
            print(home.folder, flush=True)
            home.up()
            home.swarm("run")
            home.down()
        return 0
    exit_with(main)
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    program = tmp_path / "swarm"
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    os.mkfifo(tmp_path / "pipe")
    return program


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Path]:
    """Where the demo makes its home; empty again at the end."""
    (tmp_path / "t").mkdir()
    yield tmp_path / "t"
    assert list((tmp_path / "t").iterdir()) == []


def start(stand_in: Path, homes: Path, **env: str) -> "subprocess.Popen[str]":
    variables = {**os.environ, "TMPDIR": str(homes), "PIPE": str(stand_in.parent / "pipe"), **env}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(stand_in)],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("at", ["up", "run", "down"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_step_leaves_no_process(stand_in: Path, homes: Path, at: str, number: signal.Signals) -> None:
    demo = start(stand_in, homes, BLOCK=at)
    (stand_in.parent / "pipe").read_text()  # returns once that step has begun
    demo.send_signal(number)
    if at == "down":  # the clean-up asks again
        (stand_in.parent / "pipe").read_text()
        hanging(demo)
    out, errors = demo.communicate(timeout=60)
    assert demo.returncode == (1 if at == "down" else 128 + number), errors
    assert processes_of(Path(out.strip())) == {}


def hanging(demo: "subprocess.Popen[str]") -> None:
    """End the `down` that hangs, as its own deadline would."""
    children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)


@pytest.mark.parametrize(("at", "said"), [("up", "swarm up"), ("run", "swarm run")])
def test_a_failure_shows_the_logs_and_leaves_no_process(stand_in: Path, homes: Path, at: str, said: str) -> None:
    demo = start(stand_in, homes, BREAK=at)
    out, errors = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "the core says hello" in errors
    assert f"error: `{said}" in errors
    assert "ended with exit code 4" in errors
    assert processes_of(Path(out.strip())) == {}


def test_a_good_end_leaves_nothing_either(stand_in: Path, homes: Path) -> None:
    demo = start(stand_in, homes)
    out, errors = demo.communicate(timeout=60)
    assert demo.returncode == 0, errors
    assert errors == ""
    assert processes_of(Path(out.strip())) == {}


def test_the_table_shows_the_job_s_own_steps_below_it() -> None:
    drawn = table({"upload": 1.0, "job": 0.5}, {"queue": 0.25, "run": 0.1, "pull": None})
    lines = drawn.splitlines()
    assert [line.split()[0] for line in lines] == ["upload", "job", "queue", "run", "in"]
    assert lines[0].endswith("█" * 30)
    assert lines[-1].split() == ["in", "all", "1.500", "s"]


def test_a_command_is_shown_as_it_would_be_typed() -> None:
    assert shown(("run", "--output", "*.txt", "x", "--", "sh", "-c", "one\ntwo")) == (
        "swarm run --output '*.txt' x -- sh -c 'one …'"
    )


def test_output_that_is_not_the_right_one_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "count.txt").write_text("3\n")
    with pytest.raises(Failure, match="should be"):
        check_output([tmp_path / "count.txt"])
