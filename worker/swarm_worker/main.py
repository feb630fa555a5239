"""The worker's process: its lock, its identity, its signals, its log."""

import asyncio
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path

from swarm_protocol.errors import SwarmError
from swarm_worker import identity as identities
from swarm_worker.events import Mode
from swarm_worker.identity import Identity
from swarm_worker.join import join
from swarm_worker.runtimes.engine import EngineError
from swarm_worker.service import Service
from swarm_worker.settings import Settings

log = logging.getLogger("swarm.worker")


class DataInUse(Exception):
    """Another worker runs on this data folder."""


def lock(data: Path) -> int:
    """Hold the data folder for this process. Raises DataInUse."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise DataInUse(f"another worker runs on {data}; stop it first or give another --data") from error
    os.ftruncate(handle, 0)
    os.write(handle, b"%d\n" % os.getpid())  # for `control`, which ends it from outside
    return handle


async def ensure_identity(settings: Settings) -> Identity:
    """Who we are; joins first where nobody is. Raises SwarmError, IdentityError, OSError."""
    found = identities.load(settings.data)
    if found is not None:
        return found
    if settings.join_url is None or settings.token_file is None:
        hint = "give --join-url wss://core:8443 and --token-file FILE; `swarm worker token` makes a token"
        raise SwarmError("bad_request", f"this worker has not joined a swarm yet ({settings.data})", hint=hint)
    token = settings.token_file.read_text()
    made = await join(settings.join_url, token, settings.name)
    identities.save(settings.data, made)
    log.info("joined worker=%s name=%s core=%s", made.worker_id, made.name, made.url)
    return made


async def serve(settings: Settings) -> int:
    """Run a worker until a signal: SIGTERM hands over, SIGINT stops what runs. The exit code."""
    identity = await ensure_identity(settings)
    service = Service(settings, identity)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, service.wants, None)
    loop.add_signal_handler(signal.SIGINT, service.wants, Mode.STOPPING)
    try:
        return await service.run()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)


def main(settings: Settings) -> int:
    """The process: lock, log, serve; what a person must know goes to stderr."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    os.umask(0o022)
    try:
        handle = lock(settings.data)
    except (DataInUse, OSError) as error:
        print(f"swarm-worker: {error}", file=sys.stderr)
        return 1
    try:
        return asyncio.run(serve(settings))
    except SwarmError as error:
        print(f"swarm-worker: {error.message}" + (f"\n  {error.hint}" if error.hint else ""), file=sys.stderr)
        return 1
    except (identities.IdentityError, OSError, EngineError) as error:
        print(f"swarm-worker: {error}", file=sys.stderr)
        return 1
    finally:
        os.close(handle)
