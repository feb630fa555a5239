"""Join tokens that are no good, and clocks that are wrong."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ..harness import Home
from .said import FAILURE, error_of

SHIFT = """
import os, time
_real, _by = time.time, float(os.environ["CLOCK_IS_OFF_BY"])
time.time = lambda: _real() + _by
"""


def token_of(home: Home, file: Path, *words: str) -> Path:
    file.write_text(json.loads(home.swarm("worker", "token", "--json", *words).stdout)["token"])
    return file


def join(home: Home, token: Path, folder: Path, code: int) -> "tuple[str, str] | None":
    url = home.url.replace("https", "wss")
    words = (
        "worker",
        "join",
        url,
        "--token-file",
        str(token),
        "--data",
        str(folder),
        "--name",
        folder.name,
        "--no-run",
    )
    done = home.swarm(*words, check=code)
    assert (folder / "identity.json").exists() == (code == 0)
    return error_of(done) if code else None


def test_a_text_that_is_no_token(home: Home, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hello")
    told = join(home, tmp_path / "token", tmp_path / "w", FAILURE)
    assert told is not None
    assert "that is no join token" in told[0]


def test_no_token_at_all(home: Home, tmp_path: Path) -> None:
    words = ("worker", "join", home.url.replace("https", "wss"), "--data", str(tmp_path / "w"))
    message, hint = error_of(home.swarm(*words, check=FAILURE))
    assert message == "there is no join token, and no terminal to ask for it"
    assert "--token-file" in hint


def test_an_address_where_no_core_is(home: Home, tmp_path: Path) -> None:
    token = token_of(home, tmp_path / "token")
    words = ("worker", "join", "wss://127.0.0.1:1", "--token-file", str(token), "--data", str(tmp_path / "w"))
    message, hint = error_of(home.swarm(*words, check=FAILURE))
    assert message == "no core answers at wss://127.0.0.1:1: Connection refused"
    assert "wss://host:8443" in hint


def test_a_token_that_the_core_never_made(home: Home, tmp_path: Path) -> None:
    token = token_of(home, tmp_path / "token")
    text = token.read_text()
    token.write_text(text[:-1] + ("0" if text[-1] != "0" else "1"))
    told = join(home, token, tmp_path / "w", FAILURE)
    assert told is not None
    assert told[0] == "the core doesn't know this join token"
    assert "swarm worker token" in told[1]


def test_a_token_of_another_swarm_is_not_even_sent(home: Home, tmp_path: Path) -> None:
    token = token_of(home, tmp_path / "token")
    token.write_text(re.sub("^SSJT1-....", "SSJT1-abcd", token.read_text()))
    told = join(home, token, tmp_path / "w", FAILURE)
    assert told is not None
    assert "has another CA than the join token names; the token was not sent" in told[0]


def test_an_expired_token(home: Home, tmp_path: Path) -> None:
    made = home.json("worker", "token", "--ttl", "1s")
    token = tmp_path / "token"
    token.write_text(made["token"])
    ends = datetime.fromisoformat(made["expires_at"])
    home.until(lambda: datetime.now(UTC) > ends or None, "the end of the token")
    told = join(home, token, tmp_path / "w", FAILURE)
    assert told == ("the join token has run out", "make a new one with `swarm worker token`")


def test_a_used_up_token_lets_the_first_in_and_no_other(home: Home, tmp_path: Path) -> None:
    token = token_of(home, tmp_path / "token")
    assert join(home, token, tmp_path / "first", 0) is None
    told = join(home, token, tmp_path / "second", FAILURE)
    assert told == ("the join token was used as often as it may be", "make a new one with `swarm worker token`")
    names = {worker["name"] for worker in home.json("worker", "list")}
    assert "first" in names
    assert "second" not in names
    home.swarm("worker", "revoke", "first")


@pytest.fixture
def shifted(home: Home, tmp_path: Path) -> "Iterator[list[subprocess.Popen[bytes]]]":
    """Workers to be stopped at the end."""
    (tmp_path / "sitecustomize.py").write_text(SHIFT)
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)


@pytest.mark.parametrize(("off", "told"), [(-7200, "behind"), (7200, "ahead of")])
def test_a_worker_whose_clock_is_off_is_told_by_how_much(
    home: Home, tmp_path: Path, shifted: "list[subprocess.Popen[bytes]]", off: int, told: str
) -> None:
    token, folder = token_of(home, tmp_path / "token"), tmp_path / f"off{off}"
    wrong = {"PYTHONPATH": str(tmp_path), "CLOCK_IS_OFF_BY": str(off)}
    url = home.url.replace("https", "wss")
    words = ("worker", "join", url, "--token-file", str(token), "--data", str(folder), "--name", folder.name)
    child = home.start(*words, env=wrong)
    shifted.append(child)
    assert child.stderr is not None
    line = next(line for line in map(bytes.decode, child.stderr) if "not connected" in line)
    seconds = re.search(rf"the worker's clock is (\d+) s {told} the core's: set both by NTP", line)
    assert seconds, line
    assert abs(int(seconds[1]) - abs(off)) < 60
    home.swarm("worker", "revoke", folder.name)


@pytest.mark.parametrize("off", [-7200, 7200])
def test_a_person_whose_clock_is_off_is_served(home: Home, tmp_path: Path, off: int) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHIFT)
    wrong = {"PYTHONPATH": str(tmp_path), "CLOCK_IS_OFF_BY": str(off)}
    assert home.swarm("run", "swarm-sample:1", "--", "echo", "hi", env=wrong).stdout == b"hi\n"
