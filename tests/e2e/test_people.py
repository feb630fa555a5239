"""People through the command."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import IMAGE, Home


@pytest.fixture
def ben(home: Home, tmp_path: Path, passwords: tuple[str, str]) -> Iterator[dict[str, str]]:
    """Somebody else on a machine of their own, who is let in: their variables."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    ca = theirs / "ca.pem"
    ca.write_text(json.loads((home.folder / "credentials.json").read_text())["ca_pem"])
    env = {"SWARM_HOME": str(theirs)}
    home.swarm("user", "add", "ben", "--role", "observer", "--password-file", passwords[0])
    try:
        sign_in(home, env, passwords[0])
        yield env
    finally:
        home.swarm("user", "rm", "ben")


def sign_in(home: Home, env: dict[str, str], password: str) -> None:
    ca = f"{env['SWARM_HOME']}/ca.pem"
    home.swarm("login", home.url, "--user", "ben", "--ca-file", ca, "--password-file", password, env=env)


@pytest.fixture
def passwords(tmp_path: Path) -> tuple[str, str]:
    """Two files."""
    found = []
    for name in ("first-password", "second-password"):
        (tmp_path / name).write_text(f"{name}\n")
        found.append(str(tmp_path / name))
    return found[0], found[1]


def test_a_role_and_a_password(home: Home, ben: dict[str, str], passwords: tuple[str, str]) -> None:
    first, second = passwords
    assert b"ben (observer)" in home.swarm("whoami", env=ben).stdout
    done = home.swarm("submit", IMAGE, "--", "true", env=ben, check=125)
    assert b"observer" in done.stderr
    home.swarm("user", "role", "ben", "consumer")
    job = home.swarm("submit", IMAGE, "--", "true", env=ben).stdout.strip()
    home.swarm("wait", job.decode(), env=ben)
    assert b"admin" in home.swarm("user", "list", env=ben, check=125).stderr

    change = ("user", "password", "--old-password-file", first, "--password-file", second)
    home.swarm(*change, env=ben)
    assert b"ben (consumer)" in home.swarm("whoami", env=ben).stdout
    assert b"that is not your password" in home.swarm(*change, env=ben, check=125).stderr
    home.swarm("user", "disable", "ben")
    assert home.swarm("whoami", env=ben, check=125).stdout == b""
    home.swarm("user", "enable", "ben")
    sign_in(home, ben, second)
    [row] = [line for line in home.swarm("user", "list").stdout.splitlines() if line.startswith(b"ben")]
    assert b"consumer" in row
    assert b"active" in row


def test_who_is_gone_is_not_there(home: Home) -> None:
    assert b"no user nobody" in home.swarm("user", "show", "nobody", check=125).stderr


def test_a_project_of_its_own(home: Home, ben: dict[str, str]) -> None:
    home.swarm("project", "add", "lab")
    assert b"no project lab" in home.swarm("project", "use", "lab", env=ben, check=125).stderr
    home.swarm("project", "grant", "lab", "ben", "consumer")
    home.swarm("project", "use", "lab", env=ben)
    assert b"ben (consumer) in project lab" in home.swarm("whoami", env=ben).stdout
    assert b"there is no image" in home.swarm("submit", IMAGE, "--", "true", env=ben, check=125).stderr

    home.swarm("push", IMAGE, env=ben)
    job = int(home.swarm("submit", IMAGE, "--", "sh", "-c", "echo in the lab", env=ben).stdout)
    home.swarm("wait", str(job), env=ben)
    assert home.swarm("logs", "-f", str(job), env=ben).stdout == b"in the lab\n"
    assert b"no job" in home.swarm("show", str(job), check=125).stderr, "not in the project default"
    assert home.json("jobs", "--all") == [j for j in home.json("jobs", "--all") if j["project"] == "default"]
    in_lab = home.swarm("show", str(job), "--json", env={"SWARM_PROJECT": "lab"})
    assert json.loads(in_lab.stdout)["project"] == "lab"
    assert b"has jobs, images" in home.swarm("project", "rm", "lab", check=125).stderr

    assert b"ben" in home.swarm("project", "members", "lab").stdout
    home.swarm("project", "revoke", "lab", "ben")
    assert b"no project lab" in home.swarm("jobs", env=ben, check=125).stderr
    home.swarm("project", "use", env=ben)
    assert b"ben (observer) in project default" in home.swarm("whoami", env=ben).stdout


def test_a_program_signs_in_with_a_token(home: Home, tmp_path: Path) -> None:
    made = home.swarm("token", "add", "ci", "--role", "consumer", "--ttl", "1h")
    token = made.stdout.decode().strip()
    assert b"consumer in project" not in made.stdout
    assert b"consumer in default until" in made.stderr
    (tmp_path / "ca.pem").write_text(json.loads((home.folder / "credentials.json").read_text())["ca_pem"])
    (tmp_path / "token").write_text(f"{token}\n")
    program = {"SWARM_HOME": str(tmp_path), "SWARM_URL": home.url, "SWARM_CA_FILE": str(tmp_path / "ca.pem")}
    for env in (program | {"SWARM_TOKEN": token}, program | {"SWARM_TOKEN_FILE": str(tmp_path / "token")}):
        assert home.swarm("run", IMAGE, "--", "echo", "built", env=env).stdout == b"built\n"
        assert b"admin" in home.swarm("user", "list", env=env, check=125).stderr
    assert (
        b"signs in with" in home.swarm("token", "add", "more", env=program | {"SWARM_TOKEN": token}, check=125).stderr
    )
    [row] = [line for line in home.swarm("token", "list").stdout.splitlines() if line.startswith(b"ci")]
    assert b"never" not in row
    home.swarm("token", "rm", "ci")
    gone = home.swarm("jobs", env=program | {"SWARM_TOKEN": token}, check=125)
    assert b"does not take this token" in gone.stderr
    half = {"SWARM_TOKEN": token, "SWARM_URL": home.url}
    assert b"SWARM_TOKEN needs SWARM_CA_FILE too" in home.swarm("jobs", env=half, check=125).stderr


def test_the_last_administrator_stays(home: Home) -> None:
    me = home.json("whoami")["user"]
    for words in (("role", me, "consumer"), ("disable", me), ("rm", me)):
        assert b"is the last administrator" in home.swarm("user", *words, check=125).stderr
