"""Runs the web face until it is told to stop."""

import asyncio
import logging
import signal
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from swarm_commanddeck.web.address import Site, check_exposure, read_listen, read_public
from swarm_commanddeck.web.guests import LOG, Guests
from swarm_commanddeck.web.server import Told, WebFace
from swarm_consumer import credentials
from swarm_consumer.trust import normal_url, pinned_context
from swarm_protocol.errors import SwarmError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asked for."""

    listen: str
    core: str | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    public_url: str | None = None
    insecure_http: bool = False
    observe: bool = False
    at: str = "overview"
    project: str | None = None


def run(wanted: Wanted) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises SwarmError for what keeps it from starting."""
    told, ca_pem, tls = judge(wanted)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    LOG.setLevel(logging.INFO)  # who came and went; libraries tell of trouble alone
    if not told.listen.loopback and tls is None:
        LOG.warning("WARNING: --insecure-http: passwords and all that the deck shows cross the network unencrypted")
    asyncio.run(serve(told, Guests(told.core, ca_pem, time.monotonic), tls))


def judge(wanted: Wanted) -> tuple[Told, str, ssl.SSLContext | None]:
    """What was asked for, checked, with the core's CA certificate. Raises SwarmError."""
    listen, tls = read_listen(wanted.listen), _tls(wanted.cert, wanted.key)
    public = read_public(wanted.public_url) if wanted.public_url else ""
    check_exposure(listen, tls=tls is not None, insecure=wanted.insecure_http)
    core, ca_pem = _core(wanted.core, wanted.ca)
    site = Site("https" if tls else "http", listen.loopback, public)
    return Told(listen, site, core, deck_command(wanted), wanted.observe), ca_pem, tls


def deck_command(wanted: Wanted) -> list[str]:
    """What starts a deck."""
    words = [sys.executable, "-m", "swarm_commanddeck", "--at", wanted.at]
    words += ["--project", wanted.project] if wanted.project else []
    return words + (["--observe"] if wanted.observe else [])


def _core(url: str | None, ca: Path | None) -> tuple[str, str]:
    if (url is None) != (ca is None):
        missing, hint = ("--ca", "`swarm core ca` prints the certificate") if url else ("--core", None)
        raise SwarmError("bad_request", f"--core and --ca go together: {missing} is missing", hint=hint)
    if url is None or ca is None:
        saved = credentials.load_saved()
        return saved.url, saved.ca_pem
    ca_pem = _read(ca)
    pinned_context(ca_pem)
    return normal_url(url), ca_pem


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None:
        if key is not None:
            raise SwarmError("bad_request", "--key needs --cert, the certificate that it belongs to")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:  # an SSLError too
        raise SwarmError("bad_request", f"can't use {cert} with {key or 'the key in it'}: {error}") from None
    return context


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SwarmError("bad_request", f"can't read {file}: {error}", field="ca") from None


async def serve(told: Told, guests: Guests, tls: ssl.SSLContext | None) -> None:
    """Serve until a signal. Raises SwarmError where the address can't be had."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    runner = web.AppRunner(WebFace(told, guests).app(), access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        port = await _listen(runner, told, tls)
        where = told.site.public or f"{told.site.scheme}://{_in_a_browser(told.listen.host)}:{port}"
        print(f"the deck of {told.core} is at {where}/ (Ctrl-C ends it)", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, told: Told, tls: ssl.SSLContext | None) -> int:
    try:
        await web.TCPSite(runner, told.listen.host, told.listen.port, ssl_context=tls).start()
    except OSError as error:
        hint = "name another with --listen"
        raise SwarmError("bad_request", f"can't listen at {told.listen}: {error.strerror}", hint=hint) from None
    port: int = runner.addresses[0][1]
    return port


def _in_a_browser(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host
