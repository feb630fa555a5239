"""The SDK stays light: importing it, or the command, loads nothing that belongs to a server, an engine or a screen."""

import pkgutil
import subprocess
import sys

import pytest

import swarm_consumer

SERVERS = {
    "asyncpg",
    "redis",
    "textual",
    "starlette",
    "uvicorn",
    "docker",
    "aiodocker",
    "aiohttp",
    "uvloop",
    "cryptography",
}
OURS = {"swarm_core", "swarm_worker", "swarm_migrations"}
SLOW = {"httpx2", "rich", "pydantic", "yaml", "websockets", "importlib.metadata", "platformdirs"}
"""What costs a short command a tenth of its time or more to load."""
SHORT = """
import os; os.environ["SWARM_HOME"] = "/nowhere"
from swarm_consumer.cli.main import execute
assert execute(["submit", "busybox", "--memory", "1G", "--", "echo"]) == 125
"""


def every_module() -> str:
    """A program that imports all of the consumer's modules, and what they load when first used."""
    found = pkgutil.walk_packages(swarm_consumer.__path__, "swarm_consumer.")
    names = [module.name for module in found if not module.name.endswith("__main__")]
    assert len(names) > 40
    return "\n".join(f"import {name}" for name in [*names, "httpx2", "websockets", "yaml"])


@pytest.mark.parametrize("program", ["import swarm_protocol", "import swarm_consumer.client", every_module(), SHORT])
def test_nothing_of_a_server_is_loaded(program: str) -> None:
    assert not loaded(program) & (SERVERS | OURS)


def test_a_short_command_loads_little() -> None:
    assert not loaded(SHORT) & SLOW


def test_importing_the_package_costs_nothing() -> None:
    assert "msgspec" not in loaded("import swarm_consumer")
    assert "swarm_consumer.client" in loaded("from swarm_consumer import Client, JobSpec, SwarmError")


def test_a_module_that_is_loaded_would_be_seen() -> None:
    assert "asyncpg" in loaded("import asyncpg")


def loaded(program: str) -> set[str]:
    """What a fresh interpreter has loaded after a program; isolated, so that no start-up file helps."""
    script = f"import sys\n{program}\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].split())
