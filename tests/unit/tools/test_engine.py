"""How an engine gets here, decided for each kind of machine, and a daemon's life on a stand-in for dockerd."""

import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import dockerd
from tools.dockerd import Daemon
from tools.engine import command_to_run, control_groups_mounted, ensure
from tools.engine_api import socket_path
from tools.failure import Failure
from tools.machine import Machine

STAND_IN = """\
#!{python}
import socket, sys
path = next(a for a in sys.argv if a.startswith("--host=")).removeprefix("--host=unix://")
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
while True:
    peer, _ = server.accept()
    path = peer.recv(4096).split()[1]
    body = b"OK" if path.endswith(b"_ping") else b'{{"Version": "1.2"}}'
    peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n" % len(body) + body)
    peer.close()
"""


@pytest.mark.parametrize(
    ("machine", "installed", "command"),
    [
        (Machine(root=True, debian=True, systemd=False), False, None),
        (Machine(root=True, debian=True, systemd=True), True, None),
        (Machine(root=True, debian=False, systemd=True), True, None),
        (Machine(root=True, debian=False, systemd=True), False, "package manager"),
        (Machine(root=False, debian=True, systemd=True), False, "sudo apt-get install -y docker.io"),
        (Machine(root=False, debian=True, systemd=True), True, "sudo systemctl enable --now docker"),
        (Machine(root=False, debian=True, systemd=False), False, "sudo .venv/bin/python -m tools.engine ensure"),
    ],
)
def test_where_we_cannot_there_is_one_command(machine: Machine, installed: bool, command: str | None) -> None:
    told = command_to_run(machine, installed)
    assert (command is None) == (told is None)
    assert (command or "") in (told or "")


def test_control_groups_are_recognised_in_both_versions() -> None:
    assert control_groups_mounted("tmpfs / tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    assert control_groups_mounted("cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n")
    assert not control_groups_mounted("proc /proc proc rw 0 0\ntmpfs /sys/fs/cgroup tmpfs rw 0 0\n")


def test_an_engine_that_is_not_on_a_socket_is_refused() -> None:
    assert socket_path({"DOCKER_HOST": "unix:///run/other.sock"}) == Path("/run/other.sock")
    with pytest.raises(Failure, match="unix:///PATH"):
        socket_path({"DOCKER_HOST": "tcp://10.0.0.1:2375"})


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A dockerd that is a small program of ours, first in PATH."""
    install(tmp_path, STAND_IN.format(python=sys.executable))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=os.pathsep)
    made = Daemon(tmp_path / "docker.sock", tmp_path / "state")
    yield made
    dockerd.stop(made)


def install(folder: Path, program: str) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/dockerd").write_text(program)
    (folder / "bin/dockerd").chmod(0o755)


def test_a_daemon_is_started_remembered_and_stopped(daemon: Daemon) -> None:
    dockerd.start(daemon)
    pid = dockerd.running(daemon)
    assert pid is not None
    assert os.getsid(pid) == pid, "it would die with the caller's terminal"
    assert ensure(daemon, Machine(root=False, debian=False, systemd=False)) == 0, "one that answers is used as it is"
    assert dockerd.stop(daemon)
    assert dockerd.running(daemon) is None
    assert not dockerd.stop(daemon)


def test_it_holds_none_of_the_callers_pipes(daemon: Daemon) -> None:
    program = f"""
        from pathlib import Path
        from tools import dockerd
        dockerd.start(dockerd.Daemon(Path({str(daemon.socket)!r}), Path({str(daemon.state)!r})))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    root = Path(__file__).resolve().parents[3]
    # Reads to the end of the pipes, which comes only when nobody holds them any more.
    ran = subprocess.run(command, cwd=root, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert dockerd.running(daemon) is not None


def test_a_daemon_that_ends_at_once_is_told_with_its_log(daemon: Daemon, tmp_path: Path) -> None:
    install(tmp_path, "#!/bin/sh\necho no space on this machine\nexit 3\n")
    with pytest.raises(Failure, match=r"(?s)ended with 3.*no space on this machine"):
        dockerd.start(daemon)
    assert not daemon.record.exists()


def test_a_process_that_got_the_number_later_is_not_ours(daemon: Daemon) -> None:
    daemon.state.mkdir()
    daemon.record.write_text(f'{{"pid": {os.getpid()}, "since": 1}}')
    assert dockerd.running(daemon) is None
    assert not dockerd.stop(daemon)


def test_a_socket_that_may_not_be_used_names_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_self: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", denied)
    with pytest.raises(Failure, match="usermod -aG docker"):
        ensure(Daemon(tmp_path / "docker.sock", tmp_path), Machine(root=False, debian=True, systemd=True))
