"""The sign-in on disk."""

from pathlib import Path

import pytest

from swarm_consumer import credentials as files
from swarm_consumer.credentials import Credentials
from swarm_protocol.errors import SwarmError


def test_credentials_are_private_whole_and_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "new" / "credentials.json"
    held = Credentials(url="https://c:1", user="u", ca_pem="x", refresh_token="secret")
    files.save(held, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert files.load(path) == held
    assert "secret" not in repr(held)
    assert [p.name for p in path.parent.iterdir()] == ["credentials.json"]
    assert files.remove(path)
    assert not files.remove(path)
    with pytest.raises(SwarmError, match="not signed in"):
        files.load(path)
    path.write_text("{")
    with pytest.raises(SwarmError, match="is no sign-in"):
        files.load(path)


def test_the_folder_follows_swarm_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARM_HOME", "/some/home")
    assert files.default_path() == Path("/some/home/credentials.json")
    monkeypatch.delenv("SWARM_HOME")
    assert files.default_path().parts[-2:] == ("swarm", "credentials.json")


def test_a_renewed_token_is_kept_with_its_own_sign_in_alone(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    files.keep(Credentials(url="https://c:1", user="u", ca_pem="x", refresh_token="old", access_token="1"), path)
    assert not path.exists()
    files.save(Credentials(url="https://c:1", user="u", ca_pem="x", refresh_token="old"), path)
    files.keep(Credentials(url="https://c:1", user="u", ca_pem="x", refresh_token="old", access_token="2"), path)
    assert files.load(path).access_token == "2"
    files.save(Credentials(url="https://d:1", user="v", ca_pem="x", refresh_token="new"), path)
    files.keep(Credentials(url="https://c:1", user="u", ca_pem="x", refresh_token="old", access_token="3"), path)
    assert files.load(path).user == "v"
