"""People through the command."""

import json
from pathlib import Path

import pytest

from .harness import IMAGE, Home


@pytest.fixture
def passwords(tmp_path: Path) -> tuple[str, str]:
    """Two files."""
    found = []
    for name in ("first-password", "second-password"):
        (tmp_path / name).write_text(f"{name}\n")
        found.append(str(tmp_path / name))
    return found[0], found[1]


def test_somebody_is_let_in_and_put_out(home: Home, tmp_path: Path, passwords: tuple[str, str]) -> None:
    first, second = passwords
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    ca = theirs / "ca.pem"
    ca.write_text(json.loads((home.folder / "credentials.json").read_text())["ca_pem"])
    env = {"SWARM_HOME": str(theirs)}
    login = ("login", home.url, "--user", "ben", "--ca-file", str(ca), "--password-file")
    try:
        home.swarm("user", "add", "ben", "--role", "observer", "--password-file", first)
        home.swarm(*login, first, env=env)
        assert b"ben (observer)" in home.swarm("whoami", env=env).stdout
        done = home.swarm("submit", IMAGE, "--", "true", env=env, check=125)
        assert b"observer" in done.stderr
        home.swarm("user", "role", "ben", "consumer")
        job = home.swarm("submit", IMAGE, "--", "true", env=env).stdout.strip()
        home.swarm("wait", job.decode(), env=env)
        assert b"admin" in home.swarm("user", "list", env=env, check=125).stderr

        home.swarm("user", "password", "--old-password-file", first, "--password-file", second, env=env)
        assert b"ben (consumer)" in home.swarm("whoami", env=env).stdout
        wrong = home.swarm(
            "user", "password", "--old-password-file", first, "--password-file", second, env=env, check=125
        )
        assert b"that is not your password" in wrong.stderr
        home.swarm("user", "disable", "ben")
        assert home.swarm("whoami", env=env, check=125).stdout == b""
        home.swarm("user", "enable", "ben")
        home.swarm(*login, second, env=env)
        [row] = [line for line in home.swarm("user", "list").stdout.splitlines() if line.startswith(b"ben")]
        assert b"consumer" in row
        assert b"active" in row
    finally:
        home.swarm("user", "rm", "ben", check=False)
    assert b"no user ben" in home.swarm("user", "show", "ben", check=125).stderr


def test_the_last_administrator_stays(home: Home) -> None:
    me = home.json("whoami")["user"]
    for words in (("role", me, "consumer"), ("disable", me), ("rm", me)):
        assert b"is the last administrator" in home.swarm("user", *words, check=125).stderr
