"""A whole home as processes: real servers, the real supervisor and commands, tiny programs as core and worker."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from swarm_core.home import detach
from swarm_core.home.layout import find_home
from swarm_core.home.show import showing
from swarm_protocol.errors import SwarmError

from .conftest import NewHome
from .live_home import ROLES, SCRIPT, LiveHome


def _running(pids: dict[str, int]) -> list[str]:
    return [role for role, pid in pids.items() if pid and psutil.pid_exists(pid) and _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_then_a_signal_ends_all_in_order(fresh_home: LiveHome, number: signal.Signals) -> None:
    supervisor = fresh_home.up_and_ready()
    pids = fresh_home.pids()
    assert list(pids) == ROLES
    assert sorted(_running(pids)) == sorted(ROLES)
    supervisor.send_signal(number)
    printed, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0, printed
    assert _running(pids) == []
    assert fresh_home.journal() == ["core started", "worker started", "worker SIGINT", "core SIGTERM"]
    assert fresh_home.report()["state"] == "stopped"


def test_down_and_status(home: LiveHome) -> None:
    assert home.command("status").returncode == 3
    home.up_and_ready()
    shown = home.command("status", "--json")
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    assert [item["role"] for item in document["children"]] == ROLES
    assert all(item["state"] == "ready" and item["pid"] for item in document["children"])
    assert document["children"][0]["address"].startswith("127.0.0.1:")
    assert "worker" in home.command("status").stdout
    pids = home.pids()
    done = home.command("down")
    assert (done.returncode, done.stdout.strip()) == (0, "swarm is down"), done.stderr
    assert _running(pids) == []
    again = home.command("down")
    assert (again.returncode, again.stdout.strip()) == (0, "swarm is not running")


def test_up_on_a_running_home_changes_nothing(home: LiveHome) -> None:
    home.up_and_ready()
    before = home.pids()
    second = home.command("up")
    assert second.returncode == 0, second.stderr
    assert "already running" in second.stdout
    assert home.pids() == before
    assert len(_running(before)) == 4


@pytest.mark.parametrize("role", ROLES)
def test_a_child_that_is_killed_is_started_again(home: LiveHome, role: str) -> None:
    home.up_and_ready()
    before = home.pids()
    os.kill(before[role], signal.SIGKILL)
    home.until(lambda: home.child(role)["pid"] not in (None, before[role]) and home.child(role)["state"] == "ready")
    after = home.pids()
    assert {name for name in ROLES if after[name] != before[name]} == {role}
    assert home.child(role)["restarts"] == 1
    assert len(_running(after)) == 4


def test_after_a_killed_supervisor_up_takes_over(home: LiveHome) -> None:
    supervisor = home.up_and_ready()
    before = home.pids()
    supervisor.kill()
    supervisor.wait()
    assert len(_running(before)) == 4
    shown = home.command("status")
    assert shown.returncode == 3
    assert "the supervisor was killed and left postgres, valkey, core, worker running" in shown.stdout
    home.up_and_ready()
    after = home.pids()
    assert (after["postgres"], after["valkey"]) == (before["postgres"], before["valkey"]), "adopted"
    assert _running({role: before[role] for role in ("core", "worker")}) == []
    assert len(_running(after)) == 4


def test_after_a_killed_supervisor_down_ends_all(home: LiveHome) -> None:
    supervisor = home.up_and_ready()
    pids = home.pids()
    supervisor.kill()
    supervisor.wait()
    done = home.command("down")
    assert done.returncode == 0, done.stderr
    assert "stopped worker, core, valkey, postgres" in done.stdout
    assert _running(pids) == []
    assert home.journal()[-2:] == ["worker SIGINT", "core SIGTERM"]


def test_killed_while_it_starts_nothing_is_lost_track_of(fresh_home: LiveHome) -> None:
    supervisor = fresh_home.up()
    fresh_home.until(lambda: any(item["pid"] for item in fresh_home.report()["children"]))
    supervisor.kill()
    supervisor.wait()
    fresh_home.up_and_ready()
    data = str(fresh_home.folder / "data")
    servers = [item for item in psutil.process_iter() if any(word.startswith(data) for word in _words(item))]
    assert len(servers) == 2, servers


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_first_start_that_fails_stops_the_rest_and_shows_the_log(home: LiveHome) -> None:
    (home.folder / "state").mkdir(parents=True, exist_ok=True)
    (home.folder / "state" / "journal.broken").touch()
    supervisor = home.up()
    printed, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode != 0
    report = home.report()
    assert report["state"] == "failed"
    assert "core is broken on purpose" in report["error"]
    assert "core       failed" in printed
    assert _running(home.pids()) == []


def test_two_homes_side_by_side(new_home: NewHome) -> None:
    one, two = new_home("one"), new_home("two")
    one.up_and_ready()
    two.up_and_ready()
    addresses = [home.child(role)["address"] for home in (one, two) for role in ("postgres", "valkey")]
    assert len(set(addresses)) == 4
    pids = two.pids()
    assert one.command("down").returncode == 0
    assert len(_running(pids)) == 4


def test_data_moves_and_is_remembered(fresh_home: LiveHome, open_folder: Path) -> None:
    fresh_home.up_and_ready("--data", str(open_folder / "elsewhere"))
    assert (open_folder / "elsewhere" / "postgres" / "data" / "PG_VERSION").exists()
    assert not (fresh_home.folder / "data").exists()
    fresh_home.command("down")
    fresh_home.up_and_ready()
    assert fresh_home.report()["data"] == str(open_folder / "elsewhere")
    assert not (fresh_home.folder / "data").exists()


def test_port_taken_is_said_with_the_remedy(home: LiveHome) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for words in (["up", "--port", str(port)], ["up", "--detach", "--port", str(port)]):
            done = home.command(*words)
            assert done.returncode == 125
            assert f"port {port} is taken" in done.stderr
            assert "--port" in done.stderr
    assert _running(home.pids()) == []


def _detached(home: LiveHome, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("SWARM_HOME", str(home.folder))
    with showing(live=False) as show:
        return detach.start(find_home(), None, None, show, program=(sys.executable, str(SCRIPT)))


def test_detached_returns_when_all_is_up(
    home: LiveHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _detached(home, monkeypatch)
    assert "swarm is up at https://127.0.0.1:" in capsys.readouterr().out
    report, pids = home.report(), home.pids()
    assert report["state"] == "ready"
    assert os.getsid(report["pid"]) == report["pid"], "it has no terminal that could take it along"
    assert not _detached(home, monkeypatch), "a second one changes nothing"
    assert home.pids() == pids
    assert home.command("down").returncode == 0
    assert _running({**pids, "supervisor": report["pid"]}) == []


def test_detached_failure_is_told_with_the_end_of_the_log(home: LiveHome, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.folder / "state").mkdir(parents=True, exist_ok=True)
    (home.folder / "state" / "journal.broken").touch()
    with pytest.raises(SwarmError, match="core is broken on purpose"):
        _detached(home, monkeypatch)
    assert _running(home.pids()) == []
