"""Cursors of the event stream: opaque text that names the cluster, the database and a place in the stream. Pure."""

import base64
import binascii
import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from swarm_core.store.stream import Place
from swarm_protocol.errors import SwarmError

_FORM: Final = struct.Struct(">B4s4sQQ")
_VERSION: Final = 1
_HINT: Final = "go on without a cursor: that begins now"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader stands."""

    era: bytes
    place: Place


class Cursors:
    """Writes and reads the cursors of one cluster."""

    def __init__(self, cluster: str) -> None:
        self._cluster = _digest(cluster)

    def write(self, cursor: Cursor) -> str:
        """The text of a cursor."""
        data = _FORM.pack(_VERSION, self._cluster, cursor.era, *cursor.place)
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def read(self, text: str) -> Cursor:
        """What `write` wrote, in this cluster. Raises SwarmError(cursor_invalid)."""
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            version, cluster, era, xact, number = _FORM.unpack(data)
        except (ValueError, binascii.Error, struct.error):
            raise _invalid("that is no cursor of the event stream") from None
        if version != _VERSION or number >= 1 << 63:
            raise _invalid("that cursor is of another version of the core")
        if cluster != self._cluster:
            raise _invalid("that cursor is of another cluster")
        return Cursor(era, Place(xact, number))


def era_of(text: str) -> bytes:
    """What a cursor holds of the era that the database names."""
    return _digest(text)


def expired(why: str) -> SwarmError:
    """The error for a cursor that was good once."""
    return SwarmError("cursor_expired", why, hint=_HINT, field="after")


def _invalid(why: str) -> SwarmError:
    return SwarmError("cursor_invalid", why, hint=_HINT, field="after")


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=4).digest()
