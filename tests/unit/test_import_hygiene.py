"""The SDK stays light: importing it, or the command, loads nothing that belongs to a server, an engine or a screen."""

import subprocess
import sys

import pytest

HEAVY = ("asyncpg", "redis", "textual", "starlette", "uvicorn", "docker", "aiodocker", "uvloop")
OURS = ("swarm_core", "swarm_worker", "swarm_migrations")
PROGRAM = "import sys, {module}; print(*(name for name in {names!r} if name in sys.modules))"


@pytest.mark.parametrize(
    "module", ["swarm_protocol", "swarm_consumer", "swarm_consumer.client", "swarm_consumer.cli.main"]
)
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    assert loaded(module, HEAVY + OURS) == []


def test_a_module_that_is_loaded_would_be_seen() -> None:
    assert loaded("json", ("json", "asyncpg")) == ["json"]


def loaded(module: str, names: tuple[str, ...]) -> list[str]:
    """Which of the names a fresh interpreter has loaded after the import; isolated, so that no start-up file helps."""
    command = [sys.executable, "-I", "-c", PROGRAM.format(module=module, names=names)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()
