"""What an attempt needs before its container: inputs in their folder, the image in the engine."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from swarm_protocol.messages import ImageRef, Ref
from swarm_protocol.spec import InputFile, JobSpec
from swarm_protocol.states import FailureKind
from swarm_worker import failures, files
from swarm_worker.failures import AttemptFailed
from swarm_worker.images import Images, Ready
from swarm_worker.transfer import Transfer, TransferError

_FETCHES: Final = 8
"""Inputs fetched at a time."""


async def fetch(
    ref: Ref, spec: JobSpec, image: ImageRef, folder: Path, transfer: Transfer, images: Images
) -> tuple[Ready, dict[str, float]]:
    """The image, which the caller gives back at the end, and seconds by phase. Raises AttemptFailed, EngineGone."""
    limit = spec.timeouts.pull
    try:
        async with asyncio.timeout(limit):
            begun = time.monotonic()
            await _inputs(ref, spec.inputs, folder, transfer)
            inputs = time.monotonic() - begun
            ready = await images.ensure(image, ref)
    except TimeoutError as error:
        raise failures.pull_timeout(limit or 0.0) from error
    return ready, {"pull": inputs + ready.pull, "load": ready.load}


async def _inputs(ref: Ref, inputs: list[InputFile], folder: Path, transfer: Transfer) -> None:
    gate = asyncio.Semaphore(_FETCHES)

    async def one(item: InputFile) -> None:
        async with gate:
            path = files.place_for(folder, item)
            await transfer.fetch(item.digest, item.size, path, ref, item.mode & 0o777 | 0o444)

    try:
        await _all_or_first_error([one(item) for item in inputs])
    except (TransferError, ValueError) as error:
        raise AttemptFailed(FailureKind.PULL_FAILED, f"an input: {error}") from error
    except OSError as error:
        raise failures.of_disk(error, FailureKind.PULL_FAILED, "placing an input") from error


async def _all_or_first_error(works: list[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
