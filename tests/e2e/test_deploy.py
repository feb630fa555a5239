"""A worker is put on another machine through a real SSH server, works, and is brought up to date."""

import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures import wheelhouse
from tests.fixtures.ssh_machine import Machine, machine

from .harness import Home
from .ordinary import become

# What systemd does, as far as it concerns us: it starts what the unit says, and tells how that goes.
SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$HOME/systemctl.log"
[ "$1 $2" = "--user restart" ] || exit 0
start=$(sed -n 's/^ExecStart=//p' "$HOME/.config/systemd/user/$3.service")
setsid $start > "$HOME/unit.log" 2>&1 < /dev/null &
"""
LOGINCTL = """#!/bin/sh
echo "Could not enable linger: Access denied" >&2
exit 1
"""
PLACE = ".local/share/swarm-sync"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheelhouse.fill(folder, "worker")
    return folder


@pytest.fixture
def there(home: Home) -> Iterator[Machine]:
    """Another machine, where one is an ordinary user."""
    user = os.geteuid()
    words: list[str] = []
    if user == 0:
        user = pwd.getpwnam("daemon").pw_uid
        words = become(user)
    folder = home.folder / "there"
    with machine(folder, words, user, SWARM_HOME=str(home.folder), PIP_NO_COMPILE="1") as made:
        yield made


def deploy(home: Home, there: Machine, *words: str) -> str:
    done = home.swarm("worker", "deploy", there.url, "--ssh", there.client, *words, timeout=240)
    return done.stdout.decode() + done.stderr.decode()


def identity(there: Machine) -> dict[str, str]:
    found: dict[str, str] = json.loads((there.home / PLACE / "worker" / "identity.json").read_bytes())
    return found


def ended(home: Home, there: Machine) -> None:
    """Shut it out: then it ends by itself and leaves nothing in the engine."""
    pid = int((there.home / PLACE / "worker" / "lock").read_text())
    home.swarm("worker", "revoke", "rack-1")
    home.until(lambda: not Path(f"/proc/{pid}/stat").exists() or None, "the end of the deployed worker")
    home.swarm("worker", "rm", "rack-1")


def test_from_nothing_to_a_job_and_on_to_a_newer_version(home: Home, there: Machine, wheels: Path) -> None:
    wanted = ("--name", "rack-1", "--label", "rack=one", "--slots", "1", "--wheelhouse", str(wheels))
    said = deploy(home, there, *wanted, "--dry-run")
    assert f"would install into {there.home / PLACE}/venvs/" in said
    assert "as rack-1" in said
    assert not (there.home / ".local").exists()

    said = deploy(home, there, *wanted)
    assert "rack-1 is waiting, with 1 slots" in said
    assert "it runs without systemd: after a reboot start it with" in said
    job = home.sh("echo from the rack", "--constraint", "rack=one")
    assert home.ended(job).worker == "rack-1"
    before = identity(there)
    assert not any("SSJT1" in command for command in there.commands), "a token is in no argument"

    older = there.home / PLACE / "venvs" / "0.0.1-abc"
    older.mkdir()  # what an earlier version has left
    os.chown(older, there.home.stat().st_uid, -1)
    there.program("systemctl", SYSTEMCTL)
    there.program("loginctl", LOGINCTL)
    said = deploy(home, there)
    assert "it is the worker rack-1" in said
    assert "have root run `loginctl enable-linger" in said
    assert "rack-1 is waiting, with 1 slots" in said, "what it offers stays"
    assert identity(there) == before
    assert not older.exists()
    calls = (there.home / "systemctl.log").read_text().splitlines()
    assert calls[-3:] == [
        "--user daemon-reload",
        "--user enable --quiet swarm-worker",
        "--user restart swarm-worker",
    ]
    assert home.ended(home.sh("exit 0", "--constraint", "rack=one")).worker == "rack-1"
    ended(home, there)
