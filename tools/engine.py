"""`make engine`, `make engine-stop`: see to a Docker Engine.

One that answers is used as it is. Else, as root on Debian or Ubuntu, the distribution's docker.io is installed, and
started by systemd, or by us where there is none. Else the one command to run is printed.
"""

import argparse
import os
import subprocess
from pathlib import Path

from tools import dockerd
from tools.dockerd import Daemon
from tools.engine_api import DEFAULT, EngineApi, socket_path
from tools.failure import Failure, exit_with, say
from tools.machine import Machine, apt_install, find_daemon, with_sbin

STATE = Path("/var/lib/swarm-engine")
PACKAGES = ("docker.io", "cgroupfs-mount", "busybox-static")
"""The engine, the control groups where no init system mounts them, and what the sample image is made of."""


def main() -> int:
    """`ensure` or `stop`."""
    parser = argparse.ArgumentParser(prog="python -m tools.engine", description=__doc__)
    parser.add_argument("action", choices=["ensure", "stop"])
    parser.add_argument("--home", type=Path, help="an engine apart from the machine's, all of it in this folder")
    chosen = parser.parse_args()
    daemon = dockerd.private(chosen.home) if chosen.home else Daemon(socket_path(), STATE)
    if chosen.action == "stop":
        return stop(daemon)
    return ensure(daemon, Machine.here())


def ensure(daemon: Daemon, machine: Machine) -> int:
    """Return when an engine answers. Raises Failure that says what to do."""
    api = EngineApi(daemon.socket)
    try:
        api.ping()
    except PermissionError:
        raise Failure(
            f"you may not use {daemon.socket}: run `sudo usermod -aG docker {_user()}`, and sign in again"
        ) from None
    except OSError:
        _bring_up(daemon, machine)
        say(f"Docker Engine {api.version()} was started at {daemon.socket}")
    return 0


def _bring_up(daemon: Daemon, machine: Machine) -> None:
    installed = find_daemon("dockerd") is not None
    if command := command_to_run(machine, installed):
        raise Failure(f"no Docker Engine answers at {daemon.socket}; run: {command}")
    if not installed:
        apt_install(machine, *PACKAGES)
        if _answers(daemon):
            return  # an init system started what was installed
    if machine.systemd and daemon.socket == DEFAULT:
        return _start_unit()
    if not control_groups_mounted(Path("/proc/mounts").read_text()):
        _mount_control_groups()
    dockerd.start(daemon)


def _answers(daemon: Daemon) -> bool:
    try:
        EngineApi(daemon.socket).ping()
    except OSError:
        return False
    return True


def command_to_run(machine: Machine, installed: bool) -> str | None:
    """What a person has to run, where we can't; None where we can."""
    if machine.root and (machine.debian or installed):
        return None
    if not (machine.debian or installed):
        return "your package manager, to install Docker Engine (such as `dnf install moby-engine`), then `make engine`"
    if not machine.systemd:
        begin = "sudo .venv/bin/python -m tools.engine ensure"
    elif installed:
        begin = "sudo systemctl enable --now docker"
    else:
        begin = "sudo apt-get install -y docker.io"
    return f"{begin} && sudo usermod -aG docker {_user()} && newgrp docker"


def control_groups_mounted(mounts: str) -> bool:
    """Whether any control group hierarchy is mounted, by the text of /proc/mounts."""
    return any(line.split()[2].startswith("cgroup") for line in mounts.splitlines())


def _mount_control_groups() -> None:
    program = find_daemon("cgroupfs-mount")
    if program is None:
        raise Failure("no control groups are mounted; run: apt-get install -y cgroupfs-mount && cgroupfs-mount")
    subprocess.run([program], check=False, stdin=subprocess.DEVNULL)


def _start_unit() -> None:
    started = subprocess.run(["systemctl", "start", "docker"], env=with_sbin(os.environ), stdin=subprocess.DEVNULL)
    if started.returncode != 0:
        raise Failure("systemd could not start the Docker Engine; run: journalctl -u docker -n 50")


def stop(daemon: Daemon) -> int:
    """Stop the engine that `ensure` started; another is left alone, and that is said."""
    if dockerd.stop(daemon):
        say("the Docker Engine that was started here has stopped")
    else:
        say("no Docker Engine of ours runs; one that others started is left alone")
    return 0


def _user() -> str:
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or "$USER"


if __name__ == "__main__":
    exit_with(main)
