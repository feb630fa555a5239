"""Traces (W3C Trace Context, version 00): the id that a job has from who submitted it, and each attempt's span."""

import hashlib
import re
from typing import Final, NamedTuple
from uuid import UUID

_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_SAMPLED: Final = "01"
"""Of a job that nobody's trace leads to: its own programs shall record what they do."""


class Origin(NamedTuple):
    """What a `traceparent` says of who submits."""

    trace: UUID
    span: str
    """The submitter's, 16 hexadecimal digits."""
    flags: str
    """Two hexadecimal digits."""

    @property
    def rest(self) -> str:
        """Span and flags, as they are kept."""
        return f"{self.span}-{self.flags}"


def parse(text: str | None) -> Origin | None:
    """The origin in a `traceparent`; None for one that is not well-formed: a new trace then, as the standard has it."""
    found = _PARENT.fullmatch(text or "")
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    return Origin(UUID(trace), span, flags)


def of_attempt(trace: UUID, origin: str | None, attempt: int) -> str:
    """The `traceparent` that an attempt runs under. `origin` is what was kept of the submitter (`Origin.rest`).

    The span is made of trace and attempt, so that whoever knows these knows it.
    """
    span = hashlib.sha256(trace.bytes + attempt.to_bytes(4, "big")).hexdigest()[:16]
    flags = origin.rpartition("-")[2] if origin else _SAMPLED
    return f"00-{trace.hex}-{span}-{flags}"
