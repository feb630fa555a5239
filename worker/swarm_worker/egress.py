"""The network of jobs that may reach the internet, and nothing nearer: a bridge of the engine's behind rules of ours.

The rules are set before the network is made, anew before each attempt that uses it, and from time to time; where they
can't be, the network is not offered.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from swarm_protocol.needs import EGRESS
from swarm_worker import netfilter
from swarm_worker.netfilter import NetfilterError
from swarm_worker.rules import FORWARD, INPUT, Names, is_open, restoring
from swarm_worker.runtimes.engine import Engine, EngineError, EngineRefused
from swarm_worker.runtimes.profile import NETWORK, Owner

log = logging.getLogger("swarm.worker")
_RESOLVE_SECONDS: Final = 10.0
_RESOLVERS: Final = Path("/etc/resolv.conf")


class NoEgress(Exception):
    """The network can't be had; the message says why."""


class Egress:
    """The network of one worker."""

    def __init__(
        self, engine: Engine, owner: Owner, *, allowed: bool, core: str, exceptions: Sequence[IPv4Network] = ()
    ) -> None:
        """`allowed`: whether the machine's operator wants it. `core`: the core's host, closed to jobs like the rest."""
        self._engine = engine
        self._owner = owner
        self._allowed = allowed
        self._core = core
        self._exceptions = tuple(exceptions)
        self._names = Names(owner.worker.replace("-", "")[-8:])
        self._turn = asyncio.Lock()
        self._warned = False

    @property
    def allowed(self) -> bool:
        """Whether the machine's operator wants it."""
        return self._allowed

    async def ensure(self) -> str:
        """See to rules and network; the network's name. Raises NoEgress."""
        if not self._allowed:
            raise NoEgress("its operator did not allow it (--allow-egress)")
        async with self._turn:
            if not self._allowed:
                raise NoEgress("the worker leaves")
            try:
                await self._filter()
                await self._network()
            except (NetfilterError, EngineError, OSError) as error:
                raise NoEgress(str(error)) from error
        self._warn()
        return self._names.network

    async def remove(self) -> None:
        """Take network and rules away for good, if there are any; not under a container. Raises EngineError."""
        was_allowed, self._allowed = self._allowed, False
        async with self._turn:
            try:
                await self._engine.call("DELETE", f"/networks/{self._names.network}")
            except EngineRefused as error:
                if error.status != 404 or not was_allowed:
                    return self._keep(error)
            await self._unfilter()

    def _keep(self, error: EngineRefused) -> None:
        if error.status != 404:
            log.warning("the network %s stays, and so do its rules: %s", self._names.network, error)

    async def _filter(self) -> None:
        try:
            listings = {parent: await netfilter.listing(parent) for parent in (FORWARD, INPUT)}
        except NetfilterError as error:
            if FORWARD not in str(error):
                raise
            text = f"there is no chain {FORWARD} here: does the engine run with --iptables=false, or another iptables?"
            raise NetfilterError(text) from error
        blocked = await self._addresses_of_core()
        await netfilter.restore(restoring(self._names, listings, blocked, self._exceptions))

    async def _addresses_of_core(self) -> list[IPv4Network]:
        """Its IPv4 addresses: no other is in reach of a network without IPv6."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                found = await loop.getaddrinfo(self._core, None, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise NoEgress(f"the core's name {self._core} can't be looked up in time") from None
        except OSError as error:
            raise NoEgress(f"the core's name {self._core} can't be looked up: {error}") from None
        return [IPv4Network(address[4][0]) for address in found if address[0] == socket.AF_INET]

    async def _network(self) -> None:
        wanted = self._wanted()
        try:
            seen = await self._engine.call("GET", f"/networks/{self._names.network}")
        except EngineRefused as error:
            if error.status != 404:
                raise
            await self._engine.call("POST", "/networks/create", json=wanted)
        else:
            if not _is_as(wanted, seen):
                name = self._names.network
                raise NoEgress(f"the network {name} is not as this worker makes it: docker network rm {name}")
        if self._names.bridge not in {name for _, name in socket.if_nameindex()}:
            raise NoEgress("the engine's networks are not in this worker's network namespace")

    def _wanted(self) -> dict[str, Any]:
        return {
            "Name": self._names.network,
            "CheckDuplicate": True,
            "Driver": "bridge",
            "EnableIPv6": False,
            "Internal": False,
            "Attachable": False,
            "Options": {
                "com.docker.network.bridge.name": self._names.bridge,
                "com.docker.network.bridge.enable_icc": "false",
                "com.docker.network.bridge.enable_ip_masquerade": "true",
            },
            "Labels": self._owner.labels(NETWORK),
        }

    async def _unfilter(self) -> None:
        try:
            for parent, chain in self._names.hooks.items():
                hook = self._names.hook(parent)
                while f"-A {parent} {hook}" in (await netfilter.listing(parent)).splitlines():
                    await netfilter.run("-D", parent, *hook.split())
                await netfilter.run("-F", chain)
                await netfilter.run("-X", chain)
            await netfilter.run("-F", self._names.refusing)
            await netfilter.run("-X", self._names.refusing)
        except NetfilterError as error:
            log.info("rules of the network %s: %s", self._names.network, error)

    def _warn(self) -> None:
        """Once: a resolver that jobs can't reach is the first thing that people stumble over."""
        if self._warned:
            return
        self._warned = True
        for address in resolvers(_RESOLVERS):
            if not is_open(address, self._exceptions) and not address.is_loopback:
                host = address.network_address
                log.warning("jobs with --network %s can't ask the resolver %s: --egress-allow %s", EGRESS, host, host)


def _is_as(wanted: dict[str, Any], seen: dict[str, Any]) -> bool:
    """Whether the engine has a network as it was asked for; options of its own beside ours are its business."""
    plain = all(seen.get(key) == wanted[key] for key in ("Driver", "EnableIPv6", "Attachable", "Internal"))
    return plain and all(wanted[key].items() <= (seen.get(key) or {}).items() for key in ("Options", "Labels"))


def resolvers(file: Path) -> list[IPv4Network]:
    """The name servers of a machine that have an IPv4 address."""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for words in map(str.split, lines):
        with contextlib.suppress(ValueError, IndexError):
            found += [IPv4Network(words[1])] if words[0] == "nameserver" else []
    return found
