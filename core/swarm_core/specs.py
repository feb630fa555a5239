"""Job specs as they come in: reading and checking them. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from swarm_core.placement import Shape
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import MAX_SPEC_BYTES, JobSpec, check, demands, needs

_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""In JSON a NUL is always written so. Postgres keeps it, and then can't read a single field of that document."""


def decode_spec(raw: bytes) -> JobSpec:
    """Read and check a spec. Raises SwarmError(too_large | invalid_spec), which names each wrong field."""
    if len(raw) > MAX_SPEC_BYTES:
        hint = "put large data into inputs, and many inputs into an archive"
        raise SwarmError("too_large", f"a spec of {len(raw)} bytes is over {MAX_SPEC_BYTES}", hint=hint)
    try:
        spec = msgspec.json.decode(raw, type=JobSpec)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        field = path.rstrip("`")
        raise invalid_spec([{"field": field or "spec", "message": message}]) from None
    except msgspec.DecodeError as error:
        raise SwarmError("bad_request", f"the spec is no JSON: {error}") from None
    wrong = [{"field": item.field, "message": item.message} for item in check(spec)]
    if _NUL.search(raw):
        wrong.append({"field": "spec", "message": "no text in it can hold a NUL character"})
    if spec.at and _moment(spec.at) is None:
        wrong.append(
            {"field": "at", "message": f"{spec.at!r} is no RFC 3339 time with an offset, such as 2026-12-24T18:00:00Z"}
        )
    if wrong:
        raise invalid_spec(wrong)
    return spec


def invalid_spec(wrong: list[dict[str, str]]) -> SwarmError:
    """The error for a spec with these wrong fields."""
    first = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return SwarmError("invalid_spec", f"{first['field']}: {first['message']}{more}", field=first["field"], errors=wrong)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def wake_at(text: str | None) -> datetime | None:
    """The start time of a spec that was read."""
    return _moment(text) if text else None


def bare(reference: str) -> str:
    """An image reference without its tag or digest; a port in a registry's name is no tag."""
    name = reference.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def shape_of(spec: JobSpec, number: int) -> Shape:
    """What a spec asks of a worker, under the id it was interned with."""
    res = spec.resources
    return Shape(number, res.cpu_millis, res.memory, res.disk, demands(spec), needs(spec))
