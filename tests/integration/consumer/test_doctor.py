"""`swarm doctor` as a person runs it, beside a core that can be broken."""

import json
from pathlib import Path

from swarm_consumer import credentials as files
from swarm_consumer.credentials import Credentials

from .conftest import Run
from .fake_core import FakeCore, make_certificates


def found(out: str) -> dict[str, str]:
    """Level by name, of `--json`."""
    return {one["name"]: one["level"] for one in json.loads(out)["checks"]}


def test_all_is_well(core: FakeCore, swarm: Run) -> None:
    out = swarm("doctor").stdout.splitlines()
    assert [line.split()[:3] for line in out][:3] == [
        ["ok", "consumer", "sign-in"],
        ["ok", "consumer", "core"],
        ["warn", "consumer", "certificate"],
    ]
    done = swarm("doctor", "--json")
    assert json.loads(done.stdout)["ok"] is True
    assert found(done.stdout) | {"version": "-"} == {
        "sign-in": "ok",
        "core": "ok",
        "certificate": "warn",
        "clock": "ok",
        "version": "-",
    }


def test_nobody_is_signed_in(swarm: Run, home: Path) -> None:
    (home / "credentials.json").unlink()
    out = swarm("doctor", check=1).stdout
    assert "fail  consumer  sign-in       you are not signed in\n" in out
    assert "→ start a core on this machine with `swarm up`" in out


def test_a_core_that_is_away_and_one_in_its_place(
    core: FakeCore, swarm: Run, home: Path, signed_in: Credentials
) -> None:
    files.save(
        Credentials(url=core.url, user="ada", ca_pem=make_certificates().ca_pem, refresh_token="refresh"),
        home / "credentials.json",
    )
    assert found(swarm("doctor", "--json", check=1).stdout) == {"sign-in": "fail", "certificate": "fail"}
    files.save(signed_in, home / "credentials.json")
    core.stop()
    assert found(swarm("doctor", "--json", check=1).stdout) == {"sign-in": "fail", "core": "fail"}
