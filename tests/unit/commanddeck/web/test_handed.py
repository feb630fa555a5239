"""A sign-in on its way to a deck's process, and what else that process is told."""

import os
import site
from pathlib import Path

import pytest

from swarm_commanddeck.web import handed
from swarm_commanddeck.web.process import DRIVER, environment
from swarm_consumer.credentials import Credentials


def test_a_sign_in_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Credentials(url="https://c:1", user="ada", ca_pem="x" * 9000, refresh_token="r", access_token="a")
    monkeypatch.setenv(handed.VARIABLE, str(handed.offer(given)))
    assert handed.taken() == given
    assert handed.VARIABLE not in os.environ
    assert handed.taken() is None


def test_who_serves_is_not_who_looks() -> None:
    own = {
        "PATH": "/bin",
        "SWARM_TOKEN": "t",
        "SWARM_TOKEN_FILE": "f",
        "SWARM_PROJECT": "p",
        "SWARM_URL": "u",
        "SWARM_HOME": "/home/ada/.config/swarm",
        "HOME": "/home/ada",
        "XDG_CONFIG_HOME": "/home/ada/.config",
        "TEXTUAL_DRIVER": "other",
    }
    found = environment(own, Path("/tmp/session"))
    assert found == {
        "PATH": "/bin",
        "HOME": "/tmp/session",
        "SWARM_HOME": "/tmp/session",
        "TMPDIR": "/tmp/session",
        "PYTHONUSERBASE": site.getuserbase(),
        "TEXTUAL_DRIVER": DRIVER,
        "TEXTUAL_FPS": "30",
    }
