"""What is to be done on a machine, and what stands in the way; this installation as a wheel."""

import csv
import io
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from swarm_consumer.deploy import there, wheel
from swarm_consumer.deploy.plan import Engine, Facts, Joined, Wanted, decide
from swarm_consumer.deploy.target import Target, parse
from swarm_protocol.errors import SwarmError

FACTS = Facts(
    hostname="rack",
    uid=1000,
    folder="/home/a/place",
    python="/usr/bin/python3",
    version="3.12.1",
    venv=True,
    system="Linux",
    machine="aarch64",
    free=1 << 40,
    engine=Engine(socket="/run/docker.sock", version="27.0"),
    core="",
    systemd="user",
)
WANTED = Wanted(core="wss://core:8443", ca_pem="ours", name="rack-1")
MINE = Joined(worker_id="1", name="old", url="wss://10.0.0.1:8443", ca_pem="ours\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ssh://rack", ["--", "rack"]),
        ("ssh://ada@rack.example:2222", ["-p", "2222", "-l", "ada", "--", "rack.example"]),
        ("ssh://ada@[fe80::1%eth0]:22/", ["-p", "22", "-l", "ada", "--", "fe80::1%eth0"]),
        ("ssh://10.0.0.7", ["--", "10.0.0.7"]),
    ],
)
def test_machines(text: str, words: list[str]) -> None:
    assert parse(text).words == words


@pytest.mark.parametrize(
    "text",
    ["rack", "http://rack", "ssh://", "ssh://-oProxyCommand=x", "ssh://-l@rack", "ssh://a b", "ssh://rack:0",
     "ssh://rack:70000", "ssh://rack/etc", "ssh://a:secret@rack", "ssh://@rack"],
)  # fmt: skip
def test_what_names_no_machine(text: str) -> None:
    with pytest.raises(SwarmError, match="names no machine"):
        parse(text)


def test_shown_without_what_is_not_said() -> None:
    assert [str(Target("rack")), str(Target("rack", "ada", 22))] == ["rack", "ada@rack"]


def test_everything_on_a_fresh_machine() -> None:
    plan = decide(FACTS, WANTED, "1.0-abc")
    assert (plan.install, plan.join, plan.scope) == (True, True, "user")
    assert plan.lines(WANTED) == [
        "install into /home/a/place/venvs/1.0-abc-py3.12",
        "join wss://core:8443 as rack-1",
        "(re)start it as a user unit swarm-worker of systemd",
    ]


def test_only_what_is_open_on_one_that_has_a_worker() -> None:
    facts = msgspec.structs.replace(FACTS, joined=MINE, installed=["0.9-x", "1.0-abc-py3.12"], core="refused")
    plan = decide(facts, replace(WANTED, systemd=False), "1.0-abc")
    assert (plan.install, plan.join, plan.scope) == (False, False, "")
    assert plan.url == MINE.url, "it goes on where it has joined, however one reaches the core now"
    assert plan.lines(WANTED)[1:] == [
        "keep the worker that is in /home/a/place/worker",
        "(re)start it as a process in the background",
    ]


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"system": "Darwin"}, "needs Linux, and that is Darwin", "another machine"),
        ({"venv": False}, "can't make virtual environments", "python3-venv"),
        ({"free": 1 << 20}, "only 1M are free", "--folder"),
        ({"engine": Engine(socket="/s", error="Permission denied")}, "Permission denied", "usermod -aG docker"),
        ({"engine": Engine(socket="/s", error="No such file or directory")}, "(/s): No such file", "docker.io"),
        ({"core": "Connection refused"}, "no core answers at wss://core:8443: Connection refused", "--core"),
        ({"joined": Joined(worker_id="1", name="w", url="wss://x", ca_pem="theirs")}, "of another core", "--folder"),
    ],
)
def test_what_a_machine_lacks(changes: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(SwarmError) as told:
        decide(msgspec.structs.replace(FACTS, **changes), WANTED, "1.0-abc")
    assert message in told.value.message
    assert hint in str(told.value.hint)


def test_the_machine_is_seen_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, python in (("1-a", "/nowhere/python"), ("2-b", sys.executable)):
        (tmp_path / "place/venvs" / name / "bin").mkdir(parents=True)
        (tmp_path / "place/venvs" / name / "bin/python").symlink_to(python)
        (tmp_path / "place/venvs" / name / "complete").touch()
    (tmp_path / "place/venvs/3-c").mkdir()
    asked = {"folder": str(tmp_path / "place"), "host": "127.0.0.1", "port": 1}
    facts = msgspec.convert(there.look({**asked}), Facts)
    assert (facts.engine.error, facts.core) == ("No such file or directory", "Connection refused")
    assert (facts.installed, facts.joined, facts.systemd) == (["2-b"], None, "")
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2375")
    assert there.engine()["error"] == "DOCKER_HOST is no socket of this machine"


def test_this_installation_as_a_wheel(tmp_path: Path) -> None:
    path = wheel.pack(tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        info = next(name.partition("/")[0] for name in names if name.endswith("/METADATA"))
        record = csv.reader(io.StringIO(archive.read(f"{info}/RECORD").decode()))
        points = archive.read(f"{info}/entry_points.txt").decode()
    assert {row[0] for row in record} == names
    assert {"swarm_worker/systemd.py", "swarm_consumer/deploy/there.py", "swarm_core/store/sql/jobs.sql"} <= names
    assert not any(name.endswith(".pyc") for name in names)
    assert "swarm-worker = swarm_worker.__main__:main" in points
    (tmp_path / "again").mkdir()
    again = wheel.pack(tmp_path / "again")
    assert wheel.build_of(again) == wheel.build_of(path), "the same files, the same wheel"
