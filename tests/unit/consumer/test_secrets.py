"""Where `swarm secret set` takes a secret from."""

import io
import sys
from pathlib import Path

import pytest

from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.secrets import secret_value, set_secret
from swarm_protocol.errors import SwarmError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def typing(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    left = list(lines)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: left.pop(0))


def test_on_a_terminal_it_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    typing(monkeypatch, "by hand ", "by hand ")
    assert secret_value(None, "db") == b"by hand "
    typing(monkeypatch, "one", "two")
    with pytest.raises(UsageError, match="not the same"):
        secret_value(None, "db")


def test_bytes_come_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\0\xff\r\n")
    assert secret_value(str(tmp_path / "key"), "db") == b"\0\xff\r\n"
    for file in (None, "-"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped\n")))
        assert secret_value(file, "db") == b"piped\n"


def test_what_cant_be_one(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 65_537)
    with pytest.raises(SwarmError, match="at most 65536 bytes"):
        secret_value(str(tmp_path / "large"), "db")
    with pytest.raises(UsageError, match="can't read"):
        secret_value(str(tmp_path / "none"), "db")
    with pytest.raises(UsageError, match="can't be a secret's name"):
        set_secret("a/b")
