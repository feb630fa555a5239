"""The worker imports only what its extra names: a package that comes with another one may leave with it."""

import ast
import sys
import tomllib
from pathlib import Path

import swarm_worker

ROOT = Path(__file__).parents[3]
OURS = {"swarm_worker", "swarm_protocol"}


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["worker"]
    return {line.split(">")[0].strip() for line in lines}


def imported() -> set[str]:
    (folder,) = swarm_worker.__path__
    found: set[str] = set()
    for path in Path(folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - OURS


def test_what_is_imported_is_declared() -> None:
    assert imported() <= declared()


def test_the_engine_is_spoken_to_without_a_client_library() -> None:
    assert not {"docker", "aiodocker"} & (imported() | declared())
