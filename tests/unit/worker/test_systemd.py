"""The unit: what systemd itself says of it, and whether it may be put where another one is."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from swarm_protocol.errors import SwarmError
from swarm_worker import unit_file
from swarm_worker.notify import Notifier
from swarm_worker.settings import Settings, read
from swarm_worker.systemd import Found, Scope, Unit, compare, folder_of, quoted, unit_name

SCOPES: tuple[Scope, Scope] = ("system", "user")


def unit_of(data: Path, scope: Scope = "user", name: str = "swarm-worker", **environ: str) -> Unit:
    return unit_file.make(read({}, data=data), scope, name, environ)


def complaints(path: Path, scope: Scope, folder: Path) -> list[str]:
    """What systemd says of a unit; the machine's own units may have faults too."""
    words = ["systemd-analyze", f"--{scope}", "verify", "--man=no", str(path)]
    environ = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ, timeout=60)
    return [line for line in done.stdout.splitlines() if path.name in line or done.returncode]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("folder", ["plain", 'a "b\\ %d $HOME'])
def test_systemd_has_nothing_to_complain_of(tmp_path: Path, scope: Scope, folder: str) -> None:
    unit = unit_of(tmp_path / folder, scope, DOCKER_HOST="unix:///run/other docker.sock", SWARM_WORKER_MEMORY="2G")
    path = unit_file.write(unit, tmp_path)
    assert complaints(path, scope, tmp_path) == []
    path.write_text(path.read_text().replace("KillMode=mixed", "KillMode=gentle"))
    assert "Failed to parse kill mode specification, ignoring: gentle" in complaints(path, scope, tmp_path)[0]


def test_it_starts_this_installation_and_holds_no_token(tmp_path: Path) -> None:
    text = unit_of(
        tmp_path, "system", SWARM_JOIN_TOKEN="SSJT1-x", SWARM_WORKER_TOKEN_FILE="/t", SWARM_WORKER_SLOTS="3"
    ).text()
    lines = text.splitlines()
    assert f"ExecStart={Path(sys.executable).with_name('swarm-worker')} run --data {tmp_path}" in lines
    assert "Environment=SWARM_WORKER_SLOTS=3" in lines
    assert "TOKEN" not in text
    assert "SSJT1" not in text
    assert {"Type=notify", "Restart=on-failure", "RestartPreventExitStatus=2 4", "TimeoutStopSec=20"} <= set(lines)
    assert f"ReadWritePaths={tmp_path}" in lines


def test_one_that_sets_rules_for_jobs_may(tmp_path: Path) -> None:
    assert "CAP_NET_ADMIN" in unit_of(tmp_path, "system").text()
    unit = unit_file.make(read({}, data=tmp_path, allow_egress=True), "system", "swarm-worker", {})
    assert "CAP_NET_ADMIN" not in unit.text()
    assert f"ReadWritePaths={tmp_path} -/run/xtables.lock\n" in unit.text()
    assert complaints(unit_file.write(unit, tmp_path), "system", tmp_path) == []


def test_one_for_a_person_asks_for_no_privilege(tmp_path: Path) -> None:
    text = unit_of(tmp_path, "user").text()
    assert "Protect" not in text
    assert "Capability" not in text
    assert "WantedBy=default.target" in text


def test_words_are_read_back_as_they_were() -> None:
    assert quoted("/srv/worker-1") == "/srv/worker-1"
    assert quoted('a "b" \\ 5%', dollar=True) == '"a \\"b\\" \\\\ 5%%"'
    assert (quoted("$x", dollar=True), quoted("$x")) == ('"$$x"', '"$x"')


def test_what_is_there_already(tmp_path: Path) -> None:
    wanted = unit_of(tmp_path).text()
    older = replace(unit_of(tmp_path), command=["/old/swarm-worker", "run"]).text()
    assert compare(None, wanted) is Found.NOTHING
    assert compare(wanted, wanted) is Found.SAME
    assert compare(older, wanted) is Found.OURS
    assert compare(older.replace("RestartSec=5", "RestartSec=9"), wanted) is Found.CHANGED
    assert compare(unit_of(tmp_path / "other").text(), wanted) is Found.ANOTHERS
    assert compare("[Service]\nExecStart=/bin/true\n", wanted) is Found.FOREIGN


def test_only_what_is_nobodys_work_is_replaced(tmp_path: Path) -> None:
    unit = unit_of(tmp_path / "data")
    path = unit_file.write(unit, tmp_path / "units")
    assert unit_file.check(unit, tmp_path / "units", force=False) is Found.SAME
    path.write_text(path.read_text() + "Nice=5\n")
    with pytest.raises(SwarmError, match="that somebody has changed; nothing was changed") as told:
        unit_file.check(unit, tmp_path / "units", force=False)
    assert "--force" in str(told.value.hint)
    assert unit_file.check(unit, tmp_path / "units", force=True) is Found.CHANGED


def test_names_and_folders(tmp_path: Path) -> None:
    assert unit_name("gpu-1") == unit_name("gpu-1.service") == "gpu-1.service"
    with pytest.raises(SwarmError, match="no name of a unit"):
        unit_of(tmp_path, name="../x")
    with pytest.raises(SwarmError, match="can't hold"):
        unit_of(tmp_path / "a\nExecStart=/bin/sh")
    assert folder_of("system", {}, tmp_path) == Path("/etc/systemd/system")
    assert folder_of("user", {}, tmp_path) == tmp_path / ".config/systemd/user"
    assert folder_of("user", {"XDG_CONFIG_HOME": "/x"}, tmp_path) == Path("/x/systemd/user")


def test_secrets_stay_writable(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, secrets=Path("/mnt/memory"))
    assert f"ReadWritePaths={tmp_path} /mnt/memory" in unit_file.make(settings, "system", "w", {}).text()


def test_a_socket_by_name_is_told_and_nobody_is_no_trouble() -> None:
    name = f"swarm-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0{name}")
        heard.settimeout(10)
        notifier = Notifier.from_environment({"NOTIFY_SOCKET": f"@{name}"})
        notifier.status("two\nlines")
        notifier.status("two lines")
        notifier.ready()
        assert [heard.recv(100), heard.recv(100)] == [b"STATUS=two lines", b"READY=1"]
    notifier.stopping()
    Notifier.from_environment({}).ready()
