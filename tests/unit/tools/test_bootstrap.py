"""What a set-up does for what it finds."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tools import bootstrap
from tools.deferred import deferred, run_apart
from tools.failure import Interrupted

WANT = {"python": "3.11", "packages": "a", "project": "b"}


@pytest.mark.parametrize(
    ("found", "usable", "todo"),
    [
        (WANT, True, []),
        ({}, True, ["packages", "project"]),
        ({**WANT, "packages": "older"}, True, ["packages", "project"]),
        ({**WANT, "project": "older"}, True, ["project"]),
        ({**WANT, "python": "3.12"}, True, ["venv", "packages", "project"]),
        ({"begun": "packages"}, True, ["venv", "packages", "project"]),
        (WANT, False, ["venv", "packages", "project"]),
    ],
)
def test_only_what_changed_is_done(found: dict[str, str], usable: bool, todo: list[str]) -> None:
    assert bootstrap.steps(found, WANT, usable) == todo


def test_a_stamp_that_is_missing_or_broken_counts_as_none(tmp_path: Path) -> None:
    assert bootstrap.read_stamp(tmp_path) == {}
    for text in ("", "[1]", "{"):
        (tmp_path / bootstrap.STAMP).write_text(text)
        assert bootstrap.read_stamp(tmp_path) == {}
    (tmp_path / bootstrap.STAMP).write_text(json.dumps(WANT))
    assert bootstrap.read_stamp(tmp_path) == WANT


def test_a_change_of_the_lock_file_or_the_settings_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / bootstrap.LOCK).write_text("one\n")
    (tmp_path / "pyproject.toml").write_text("two\n")
    before = bootstrap.wanted(tmp_path)
    (tmp_path / bootstrap.LOCK).write_text("other\n")
    after = bootstrap.wanted(tmp_path)
    assert before["packages"] != after["packages"]
    assert before["project"] == after["project"]


def test_a_signal_waits_for_the_command_and_then_counts(tmp_path: Path) -> None:
    done = tmp_path / "done"
    program = f"import os, signal; os.kill({os.getpid()}, signal.SIGTERM); open({str(done)!r}, 'w').close()"
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as caught, deferred():
        assert run_apart([sys.executable, "-c", program]) == 0
    assert caught.value.number == signal.SIGTERM
    assert done.exists()
    assert signal.getsignal(signal.SIGTERM) is before
