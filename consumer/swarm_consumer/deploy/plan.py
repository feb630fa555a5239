"""What is to be done on a machine, from what was seen of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import show_size

NEEDS: Final = 512 * 1024 * 1024
"""Bytes: two installations of some 150 MB side by side while one is brought up to date, and some air."""


class Engine(msgspec.Struct, frozen=True):
    """The container engine over there."""

    socket: str
    version: str = ""
    error: str = ""


class Joined(msgspec.Struct, frozen=True):
    """The worker that the folder belongs to already."""

    worker_id: str
    name: str
    url: str
    ca_pem: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What `there` has seen."""

    hostname: str
    uid: int
    folder: str
    python: str
    version: str
    venv: bool
    system: str
    machine: str
    free: int
    engine: Engine
    core: str
    """Why the core can't be reached from there; empty where it can."""
    systemd: str
    joined: Joined | None = None
    installed: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person asked for."""

    core: str
    """`wss://host:port`, as that machine reaches it."""
    ca_pem: str
    name: str | None = None
    slots: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    unit: str = "swarm-worker"
    systemd: bool = True


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps, as far as they are open."""

    folder: str
    build: str
    """Names the environment after the wheel that is in it."""
    install: bool
    join: bool
    scope: str
    """`system` or `user`: whose systemd runs it; empty: it is started without."""
    url: str

    @property
    def data(self) -> str:
        """The worker's folder."""
        return f"{self.folder}/worker"

    @property
    def venv(self) -> str:
        """The environment that it runs from."""
        return f"{self.folder}/venvs/{self.build}"

    def lines(self, wanted: Wanted) -> list[str]:
        """The steps in words."""
        found = [f"install into {self.venv}" if self.install else f"{self.venv} is there already"]
        name = f" as {wanted.name}" if wanted.name else ""
        found.append(f"join {self.url}{name}" if self.join else f"keep the worker that is in {self.data}")
        start = f"{self.scope} unit {wanted.unit} of systemd" if self.scope else "process in the background"
        return [*found, f"(re)start it as a {start}"]


def decide(facts: Facts, wanted: Wanted, build: str) -> Plan:
    """The plan for a machine: `build` says which wheel is to run there.

    Raises SwarmError for one that can't have a worker, with what it lacks.
    """
    build = f"{build}-py{'.'.join(facts.version.split('.')[:2])}"  # another Python needs other packages
    for message, hint in _lacks(facts, wanted):
        raise SwarmError("bad_request", message, hint=hint)
    return Plan(
        folder=facts.folder,
        build=build,
        install=build not in facts.installed,
        join=facts.joined is None,
        scope=facts.systemd if wanted.systemd else "",
        url=facts.joined.url if facts.joined is not None else wanted.core,
    )


def _lacks(facts: Facts, wanted: Wanted) -> list[tuple[str, str]]:
    """What stands in the way, and what to do about it; the most basic first."""
    found: list[tuple[str, str]] = []
    if facts.system != "Linux":
        found.append((f"a worker needs Linux, and that is {facts.system}", "choose another machine"))
    if not facts.venv:
        text = f"{facts.python} there can't make virtual environments"
        found.append(
            (text, "install its `venv`, as with `apt-get install python3-venv`, or name another with --python")
        )
    if facts.free < NEEDS:
        text = f"only {show_size(facts.free)} are free at {facts.folder}; it takes {show_size(NEEDS)}"
        found.append((text, "free some, or name another place with --folder"))
    if facts.engine.error:
        found.append(_no_engine(facts.engine, facts.uid))
    if facts.core and facts.joined is None:
        text = f"from there no core answers at {wanted.core}: {facts.core}"
        found.append((text, "give the address at which that machine reaches it with --core wss://host:8443"))
    if facts.joined is not None and facts.joined.ca_pem.strip() != wanted.ca_pem.strip():
        text = f"that machine is the worker {facts.joined.name} of another core, {facts.joined.url}"
        found.append((text, f"name another place with --folder, or remove {facts.folder}/worker there"))
    return found


def _no_engine(engine: Engine, uid: int) -> tuple[str, str]:
    text = f"the container engine there can't be used ({engine.socket}): {engine.error}"
    if "ermission" in engine.error and uid != 0:
        return text, "let that user use it (`usermod -aG docker USER`), then run this again"
    return text, "install and start Docker Engine there (as with `apt-get install docker.io`), then run this again"
