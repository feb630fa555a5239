"""The command on a terminal: the question on first use, drawn tables, the pager, the progress bar."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from .conftest import Run
from .fake_core import PASSWORD, FakeCore


def on_terminal(environment: dict[str, str], *words: str, typed: bytes = b"") -> tuple[int, str]:
    """Run the command with a terminal as all three of its streams; its exit code and what was to be seen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "swarm_consumer", *words],
        env={**environment, "TERM": "xterm", "PAGER": "sed s/^/PAGED/", "LINES": "10", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, typed)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    return process.wait(30), seen.decode(errors="replace")


def test_login_asks_whether_to_trust_a_core_it_does_not_know(
    core: FakeCore, environment: dict[str, str], home: Path
) -> None:
    (home / "credentials.json").unlink()
    code, seen = on_terminal(environment, "login", core.url, "--user", "ada", typed=b"n\n")
    assert code == 125
    assert "was not trusted" in seen
    assert core.count("POST", "/login") == 0
    code, seen = on_terminal(
        environment | {"SWARM_PASSWORD": PASSWORD}, "login", core.url, "--user", "ada", typed=b"y\n"
    )
    assert code == 0, seen
    assert "signed in to" in seen


def test_tables_are_drawn_and_long_ones_paged(swarm: Run, environment: dict[str, str]) -> None:
    swarm("submit", "busybox", "--name", "[red]x\x1b[31m", "--", "echo")
    code, seen = on_terminal(environment, "jobs")
    assert code == 0
    assert "[red]x�[31m" in seen
    swarm("submit", "busybox", "--count", "30", "--", "echo")
    code, seen = on_terminal(environment, "jobs")
    assert code == 0
    assert seen.count("PAGED") == 32


def test_uploads_draw_a_bar(environment: dict[str, str], tmp_path: Path, core: FakeCore) -> None:
    data = tmp_path / "data"
    data.write_bytes(os.urandom(3 << 20))
    code, seen = on_terminal(environment, "submit", "busybox", "--input", str(data), "--", "echo")
    assert code == 0
    assert "upload" in seen
    assert len(core.store.blobs) == 1


def test_downloads_draw_a_bar(swarm: Run, environment: dict[str, str], tmp_path: Path) -> None:
    swarm("submit", "busybox", "--", "write", "result", "42")
    code, seen = on_terminal(environment, "fetch", "1", "--to", str(tmp_path / "got"))
    assert code == 0, seen
    assert "download" in seen


def test_logs_are_not_changed_on_a_terminal(swarm: Run, environment: dict[str, str]) -> None:
    swarm("submit", "busybox", "--", "echo", "\x1b[31mred")
    assert "\x1b[31mred" in on_terminal(environment, "logs", "1")[1]
