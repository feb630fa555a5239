"""What a deck that a browser drives does with the files of the machine that serves it: nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from swarm_commanddeck.web.confine import judge_of

R, W = os.O_RDONLY, os.O_WRONLY | os.O_CREAT


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    (made / "out").symlink_to(tmp_path)
    return made


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("open", ("{home}/notes", "w", None)),
        ("open", ("{home}/notes", None, W)),
        ("open", ("{code}/module.py", "r", R)),
        ("open", ("/dev/null", "r+", os.O_RDWR)),
        ("open", (7, "w", None)),
        ("os.listdir", ("{code}",)),
        ("os.mkdir", ("{home}/a", 0o777, -1)),
        ("os.rename", ("{home}/a", "{home}/b", -1, -1)),
        ("socket.connect", (None, ("127.0.0.1", 1))),
        ("import", ("os", None, [], [], [])),
    ],
)
def test_its_own(home: Path, event: str, arguments: tuple[object, ...]) -> None:
    assert said(home, event, arguments) == ""


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("open", ("{home}/../other", "w", None)),
        ("open", ("{home}/out/other", "w", None)),
        ("open", ("{home}-of-others/x", "r", R)),
        ("open", ("{code}/module.py", "a", None)),
        ("open", ("{code}/module.py", None, os.O_RDWR)),
        ("open", (b"/home/ada/.ssh/id_ed25519", "rb", R)),
        ("open", ("/etc/shadow", "r", R)),
        ("os.scandir", ("/home/ada",)),
        ("os.rename", ("{home}/a", "{code}/b", -1, -1)),
        ("os.symlink", ("/home/ada", "{home}/a", -1)),
        ("os.remove", ("{code}/b", -1)),
        ("subprocess.Popen", ("sh", ["sh"], None, None)),
        ("os.system", ("ls",)),
    ],
)
def test_and_nothing_else(home: Path, event: str, arguments: tuple[object, ...]) -> None:
    assert said(home, event, arguments)


def said(home: Path, event: str, arguments: tuple[object, ...]) -> str:
    code = home.parent / "code"
    judge = judge_of(home, readable=[str(code)])
    return judge(event, tuple(a.format(home=home, code=code) if isinstance(a, str) else a for a in arguments))


def test_it_holds_in_a_process(home: Path) -> None:
    """Where what a program does by itself goes on working."""
    script = f"""
import pathlib, tempfile, os
from swarm_commanddeck.web.confine import confine
home = pathlib.Path({str(home)!r})
confine(home)
import zoneinfo, wave, ssl
zoneinfo.ZoneInfo("Europe/Berlin"), ssl.create_default_context()
(home / "mine").write_text("kept")
for attempt in (
    lambda: (home.parent / "theirs").write_text("x"),
    lambda: pathlib.Path("/etc/passwd").read_text(),
    lambda: os.listdir("/"),
    lambda: os.system("true"),
):
    try:
        attempt()
    except PermissionError as error:
        print(error.strerror)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd=home)
    assert done.stderr == ""
    assert [line.split(" no ")[0].removeprefix("a deck in a browser ") for line in done.stdout.splitlines()] == [
        "writes",
        "reads",
        "reads",
        "starts",
    ]
    assert (home / "mine").read_text() == "kept"
