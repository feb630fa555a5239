"""The server's TLS: one context for the life of the core, whose certificate is changed under way.

A module of its own renews the certificate at two thirds of its life; connections that are open keep theirs.
"""

import ssl
import tempfile
from pathlib import Path
from typing import Final

from swarm_core.clock import Clock
from swarm_core.identity.authority import Authority, ServerCertificate
from swarm_core.module import Log

_LOOK: Final = 3600.0
"""Seconds between looks: a clock may step, and a machine may sleep."""


class Certificate:
    """This core's certificate in its TLS context. A module: `run` renews it until cancelled."""

    name = "certificate"

    def __init__(self, authority: Authority, clock: Clock, log: Log, *, days: float) -> None:
        self._authority = authority
        self._clock = clock
        self._log = log
        self._days = days
        self.context = server_context()
        self.current = self._issue()

    @property
    def renew_at(self) -> float:
        """When two thirds of its life are over, in seconds since the epoch."""
        return self.current.issued_at + (self.current.ends_at - self.current.issued_at) * 2 / 3

    async def run(self) -> None:
        """Renew the certificate whenever it is time."""
        while True:
            left = self.renew_at - self._clock.time()
            if left <= 0:
                self.current = self._issue()
                self._log.success("the server's certificate was renewed", good_for_days=round(self._days, 1))
            else:
                await self._clock.sleep(min(left, _LOOK))

    def _issue(self) -> ServerCertificate:
        made = self._authority.issue(self._clock.time(), self._days)
        _load(self.context, made)
        return made


def server_context() -> ssl.SSLContext:
    """TLS 1.2 for people's clients and proxies at least; workers ask for 1.3 themselves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, made: ServerCertificate) -> None:
    """Into the live context; Python reads certificates from files alone, so there is one for a moment."""
    with tempfile.TemporaryDirectory(prefix="swarm-tls-") as folder:
        file = Path(folder) / "pair.pem"
        file.touch(mode=0o600)
        file.write_bytes(made.key + made.certificate)
        context.load_cert_chain(file)
