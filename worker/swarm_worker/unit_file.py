"""Puts the unit of a worker where systemd looks for it; decisions are in `systemd`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from swarm_protocol.errors import SwarmError
from swarm_worker.settings import Settings, environment_names
from swarm_worker.systemd import Found, Scope, Unit, compare, unit_name


def make(settings: Settings, scope: Scope, name: str, environ: Mapping[str, str] = os.environ) -> Unit:
    """The unit of a worker that has joined: its identity and what it offers are in its folder. Raises SwarmError."""
    kept = {variable: environ[variable] for variable in environment_names() if environ.get(variable)}
    try:
        return Unit(
            name=unit_name(name),
            scope=scope,
            command=[*program(), "run", "--data", str(settings.data)],
            data=settings.data,
            writable=[settings.secrets] if settings.secrets is not None else [],
            environment=kept,
            egress=settings.allow_egress,
        )
    except ValueError as error:
        hint = "give another name with --unit, or another folder with --data"
        raise SwarmError("bad_request", str(error), hint=hint) from error


def program() -> list[str]:
    """How this very installation is started: its console script, or its interpreter where there is none."""
    script = Path(sys.executable).with_name("swarm-worker")
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-P", "-m", "swarm_worker"]


def check(unit: Unit, folder: Path, *, force: bool) -> Found:
    """What is there already. Raises SwarmError where it is not to be replaced, or can't be."""
    path = folder / unit.name
    try:
        found = compare(_read(path), unit.text())
    except OSError as error:
        raise SwarmError("bad_request", f"{path} can't be read: {error.strerror}", hint="run it with sudo") from error
    if not (force or found.may_be_replaced):
        hint = f"look at it; --force replaces it, --unit gives this worker one of another name than {unit.name}"
        raise SwarmError("conflict", f"{path} is {found.value}; nothing was changed", hint=hint)
    nearest = next(parent for parent in path.parents if parent.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        hint = "run it with sudo, or take --systemd=user for a unit of your own"
        raise SwarmError("bad_request", f"{folder} can't be written to by you", hint=hint)
    return found


def write(unit: Unit, folder: Path) -> Path:
    """Write it, whole or not at all; its path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path, fresh = folder / unit.name, folder / f".{unit.name}.new"
    fresh.write_text(unit.text())
    fresh.chmod(0o644)
    fresh.replace(path)
    return path


def then(unit: Unit) -> list[str]:
    """The commands that a person runs next."""
    lines = [unit.commands]
    if unit.scope == "user":
        lines.append("loginctl enable-linger")  # else it would end with the last sign-out
    return lines


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return ""
