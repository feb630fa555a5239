"""What the SDK and short commands may load, and what is safe to print."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_consumer import credentials as files
from swarm_consumer.cli.text import age, clean, columns
from swarm_consumer.credentials import Credentials
from swarm_consumer.images import reference
from swarm_protocol.errors import SwarmError

NEVER = "asyncpg redis textual starlette uvicorn docker aiodocker uvloop cryptography swarm_core swarm_worker"


def _loaded(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_sdk_loads_no_server_code() -> None:
    every = "\n".join(
        f"import swarm_consumer.{path.stem}"
        for path in sorted(Path(files.__file__).parent.glob("*.py"))
        if path.stem not in ("__init__", "__main__")
    )
    loaded = _loaded(f"{every}\nimport swarm_consumer.cli.main, swarm_consumer.cli.run\nimport httpx2, websockets")
    assert not loaded & set(NEVER.split())


def test_a_short_command_loads_little() -> None:
    code = (
        "import os; os.environ['SWARM_HOME'] = '/nowhere'\n"
        "from swarm_consumer.cli.main import execute\n"
        "assert execute(['submit', 'busybox', '--memory', '1G', '--', 'echo']) == 125"
    )
    heavy = {"httpx2", "rich", "pydantic", "yaml", "websockets", "importlib.metadata", "platformdirs"}
    assert not _loaded(code) & heavy


def test_importing_the_package_costs_nothing() -> None:
    assert "msgspec" not in _loaded("import swarm_consumer")
    assert "swarm_consumer.client" in _loaded("from swarm_consumer import Client, JobSpec, SwarmError")


@given(st.text())
def test_nothing_that_a_terminal_acts_on_is_left(text: str) -> None:
    shown = clean(text)
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in shown)
    shown.encode()


def test_escapes_and_direction_marks_are_visible() -> None:
    assert clean("a\x1b]0;title\x07b\nc\u202ed") == "a�]0;title�b c�d"


def test_columns_are_aligned() -> None:
    assert columns(("A", "B"), [("long", 1), ("x", "two")]) == "A     B\nlong  1\nx     two\n"


def test_ages() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert age(now - timedelta(seconds=5), now) == "5s ago"
    assert age(now - timedelta(hours=30), now) == "1d ago"
    assert age(now + timedelta(minutes=2), now) == "in 2m"
    assert age(None) == ""


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


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("busybox", "busybox", "latest"),
        ("busybox:1", "busybox", "1"),
        ("registry:5000/a/b", "registry:5000/a/b", "latest"),
        ("registry:5000/a/b:c", "registry:5000/a/b", "c"),
    ],
)
def test_image_names(text: str, name: str, tag: str) -> None:
    assert (reference(text).name, reference(text).tag) == (name, tag)


@pytest.mark.parametrize("text", ["", "a:", "a/", "a@sha256:0", "sha256:00"])
def test_what_is_no_image_name(text: str) -> None:
    with pytest.raises(SwarmError, match="is no name"):
        reference(text)
