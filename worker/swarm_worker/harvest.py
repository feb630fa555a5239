"""What an ended container left in `/out`: found, hashed, brought to the core, also of a job that failed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from swarm_protocol.messages import Artifact, Ref
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import FailureKind
from swarm_worker import failures, files, quota
from swarm_worker.api import ApiError
from swarm_worker.failures import End
from swarm_worker.transfer import Transfer, Upload

Harvested = tuple[End, list[Artifact]]
_NONE: Final[list[Artifact]] = []


async def collect(
    ref: Ref, spec: JobSpec, out: Path, end: End, transfer: Transfer, begins: Callable[[], None]
) -> Harvested:
    """The end, with what the outputs make of it, and the outputs; `begins` is called when there are any to bring."""
    try:
        found = await asyncio.to_thread(_find, out, spec)
    except files.OutputsTooLarge as error:
        return _or_else(end, FailureKind.OUTPUT_TOO_LARGE, str(error)), _NONE
    if found.files:
        begins()
        try:
            await transfer.upload([_upload(out, file) for file in found.files], ref)
        except (ApiError, OSError) as error:
            return _or_else(end, FailureKind.WORKER_LOST, f"the outputs could not be brought: {error}"), _NONE
    if found.unreadable:
        more = f" (and {len(found.unreadable) - 1} more)" if len(found.unreadable) > 1 else ""
        end = _or_else(end, FailureKind.OUTPUT_MISSING, found.unreadable[0] + more)
    elif found.unmatched:
        text = f"no file in /out matches {found.unmatched[0]!r}; the job must write what --output names"
        end = _or_else(end, FailureKind.OUTPUT_MISSING, text)
    return end, [Artifact(name=f.name, digest=f.digest, size=f.size, mode=f.mode) for f in found.files]


def _find(out: Path, spec: JobSpec) -> files.Outputs:
    limit = spec.resources.disk
    if (too_much := quota.overrun(out, limit)) is not None:
        raise files.OutputsTooLarge(too_much)
    return files.collect(out, spec.outputs, limit)


def _upload(out: Path, file: files.Output) -> Upload:
    return Upload(file.digest, file.size, partial(files.open_output, out, file.path))


def _or_else(end: End, kind: FailureKind, text: str) -> End:
    """A failure of the outputs counts where the job itself has none; else it is told beside it."""
    if end.result == failures.SUCCEEDED:
        return replace(end, result=kind.value, message=failures.one_line(text))
    return replace(end, message=failures.one_line(f"{end.message}; {text}"))
