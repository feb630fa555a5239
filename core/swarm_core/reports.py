"""What a worker reports of an attempt's end, brought to what can be kept. Pure.

A worker is not trusted with more than its own jobs: a report that Postgres can't hold must not keep those of others
from being written, and must not leave its own job running for ever.
"""

from math import isfinite
from typing import Final

import msgspec

from swarm_core.policy import RELEASED
from swarm_protocol.filenames import MAX_BYTES
from swarm_protocol.messages import Artifact, Finished
from swarm_protocol.states import FailureKind

_RESULTS: Final = frozenset({"succeeded", RELEASED, *FailureKind})
_INT: Final = 2**31
_BIGINT: Final = 2**63
_PREVIEW: Final = 2000
"""Characters of a message that are kept."""


def storable(end: Finished) -> Finished:
    """The same report where it can be kept as it is, else one that can, which says what was wrong with it."""
    wrong = _wrong(end)
    if wrong:
        return msgspec.structs.replace(
            end,
            result=str(FailureKind.INVALID),
            exit_code=None,
            message=f"its worker's report can't be kept: {wrong}",
            timings={},
            stdout=_length(end.stdout),
            stderr=_length(end.stderr),
            artifacts=[],
        )
    text = end.message[:_PREVIEW].replace("\0", "\ufffd")
    return end if text == end.message else msgspec.structs.replace(end, message=text)


def _wrong(end: Finished) -> str:
    if end.result not in _RESULTS:
        return f"the result {end.result[:40]!r} is not known"
    if end.exit_code is not None and not -_INT <= end.exit_code < _INT:
        return f"exit code {end.exit_code}"
    if _length(end.stdout) != end.stdout or _length(end.stderr) != end.stderr:
        return "the length of a log"
    if not all(isfinite(seconds) and "\0" not in phase for phase, seconds in end.timings.items()):
        return "its timings"
    bad = next((file for file in end.artifacts if not _is_storable(file)), None)
    return f"output file {bad.name[:80]!r}" if bad else ""


def _is_storable(file: Artifact) -> bool:
    named = "\0" not in file.name + file.digest and len(file.name.encode()) <= MAX_BYTES
    return named and 0 <= file.size < _BIGINT and 0 <= file.mode < _INT


def _length(value: int) -> int:
    return value if 0 <= value < _BIGINT else 0
