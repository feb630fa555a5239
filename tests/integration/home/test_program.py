"""Programs of ours behind the port: real processes that don't get ready."""

import sys
import threading
from pathlib import Path

import pytest

from swarm_core.home.program import Program, Spec
from swarm_protocol.errors import SwarmError


def program(folder: Path, text: str) -> Program:
    return Program(
        Spec(
            name="core", argv=[sys.executable, "-c", text], env={}, log=folder / "log", pid_file=folder / "pid",
            ready=lambda _: False,
        )
    )  # fmt: skip


def test_one_that_ends_while_starting_is_quoted(tmp_path: Path) -> None:
    text = "import sys; sys.exit('something before\\nerror: the database is away\\nhint: start it')"
    with pytest.raises(SwarmError) as caught:
        program(tmp_path, text).start()
    assert (caught.value.message, caught.value.hint) == ("core: the database is away", "start it")


def test_one_that_says_nothing_is_shown_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(SwarmError, match=r"ended while starting \(exit code 3\)"):
        program(tmp_path, "print('first'); raise SystemExit(3)").start()


def test_stopped_while_it_starts_it_ends_with_an_error(tmp_path: Path) -> None:
    slow = program(tmp_path, "import time; time.sleep(60)")
    errors: list[BaseException] = []

    def start() -> None:
        try:
            slow.start()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    while not slow.alive():
        thread.join(0.01)
    assert slow.stop()
    thread.join(20)
    assert [type(error).__mro__[1] for error in errors] == [SwarmError]
