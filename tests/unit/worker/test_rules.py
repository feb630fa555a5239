"""The rules around the jobs' way out, as text."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from swarm_worker.egress import resolvers
from swarm_worker.rules import CLOSED, FORWARD, INPUT, Names, is_open, restoring
from swarm_worker.settings import SettingsError, parse_networks, read

NAMES = Names("0a1b2c3d")
OUT = "-i swarm-0a1b2c3d -j SWARM-OUT-0a1b2c3d"
IN = "-i swarm-0a1b2c3d -j SWARM-IN-0a1b2c3d"
NOTHING = {FORWARD: "-N DOCKER-USER\n-A DOCKER-USER -j RETURN\n", INPUT: "-P INPUT ACCEPT\n"}


def lines(listings: dict[str, str], blocked: list[str] | None = None, allowed: list[str] | None = None) -> list[str]:
    networks = [[IPv4Network(each) for each in some or []] for some in (blocked, allowed)]
    return restoring(NAMES, listings, *networks).splitlines()


def test_names_fit_where_they_go() -> None:
    assert len(NAMES.bridge) <= 15
    assert all(len(chain) <= 28 for chain in NAMES.hooks.values())


def test_exceptions_come_before_what_is_closed_and_this_machine_is_closed_whole() -> None:
    made = lines(NOTHING, ["203.0.113.9/32"], ["10.0.0.53/32"])
    out = [line for line in made if line.startswith("-A SWARM-OUT")]
    assert out[0] == "-A SWARM-OUT-0a1b2c3d -d 10.0.0.53/32 -j RETURN"
    for closed in (*CLOSED, "203.0.113.9/32"):
        assert f"-A SWARM-OUT-0a1b2c3d -d {closed} -j SWARM-NO-0a1b2c3d" in out
    in_ = [line for line in made if line.startswith("-A SWARM-IN")]
    assert in_[-1] == "-A SWARM-IN-0a1b2c3d -j SWARM-NO-0a1b2c3d"
    assert in_[0] == "-A SWARM-IN-0a1b2c3d -d 10.0.0.53/32 -j RETURN"
    assert made[0] == "*filter"
    assert made[1:4] == [f":SWARM-{which}-0a1b2c3d - [0:0]" for which in ("OUT", "IN", "NO")]
    assert made[5] == "-A SWARM-NO-0a1b2c3d -j REJECT --reject-with icmp-admin-prohibited", "whatever it is"
    assert made[-3:] == [f"-I DOCKER-USER 1 {OUT}", f"-I INPUT 1 {IN}", "COMMIT"]


def test_hooks_are_first_but_for_those_of_other_workers() -> None:
    other = "-A INPUT -i swarm-ffffffff -j SWARM-IN-ffffffff\n"
    ours, accept = f"-A INPUT {IN}\n", "-A INPUT -p tcp -j ACCEPT\n"
    there = {FORWARD: f"-N DOCKER-USER\n-A DOCKER-USER {OUT}\n-A DOCKER-USER -j RETURN\n"}
    assert lines({**there, INPUT: "-P INPUT DROP\n" + other + ours + accept})[-1:] == ["COMMIT"]
    assert not [line for line in lines({**there, INPUT: ours}) if line.startswith(("-I", "-D"))]
    assert lines({**there, INPUT: accept + ours})[-3:] == [f"-D INPUT {IN}", f"-I INPUT 1 {IN}", "COMMIT"]


@pytest.mark.parametrize(
    ("address", "open_"),
    [
        ("8.8.8.8", True),
        ("10.255.255.53", False),
        ("169.254.169.254", False),
        ("172.31.0.1", False),
        ("10.0.0.53", True),
    ],
)
def test_what_is_open(address: str, open_: bool) -> None:
    assert is_open(IPv4Network(address), [IPv4Network("10.0.0.0/24")]) is open_


def test_resolvers_of_a_machine(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# nameserver 1.1.1.1\nsearch x\nnameserver 10.0.0.53\nnameserver ::1\nnameserver x\nnameserver 9.9.9.9\n"
    )
    assert [str(each.network_address) for each in resolvers(file)] == ["10.0.0.53", "9.9.9.9"]
    assert resolvers(tmp_path / "none") == []


def test_settings_of_the_machines_operator(tmp_path: Path) -> None:
    environ = {
        "SWARM_WORKER_DATA": str(tmp_path),
        "SWARM_WORKER_ALLOW_EGRESS": "1",
        "SWARM_WORKER_EGRESS_ALLOW": "10.0.0.53,10.1.0.0/16",
        "SWARM_WORKER_MOUNT_ROOTS": "/srv:/data",
        "SWARM_WORKER_MOUNT_DENY": "/srv/private:",
    }
    found = read(environ)
    assert (found.allow_egress, [str(each) for each in found.egress_allow]) == (True, ["10.0.0.53/32", "10.1.0.0/16"])
    assert (found.mount_roots, found.mount_deny) == ((Path("/srv"), Path("/data")), (Path("/srv/private"),))
    assert read({"SWARM_WORKER_DATA": str(tmp_path)}).allow_egress is False
    for text in ("10.0.0.1/8", "fd00::/8", "example.org", ""):
        with pytest.raises(SettingsError, match="--egress-allow"):
            parse_networks([text])
    with pytest.raises(SettingsError, match="--allow-egress too"):
        read(environ | {"SWARM_WORKER_ALLOW_EGRESS": "no"})
    with pytest.raises(SettingsError, match="--mount-root srv"):
        read(environ | {"SWARM_WORKER_MOUNT_ROOTS": "srv"})
