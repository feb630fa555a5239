"""UDP heartbeats: sealed, counted, at most 512 bytes.

    0        1                 9                 17
    +--------+-----------------+-----------------+---------------------------+
    | version| key id (64 bit) | counter (64 bit)| ChaCha20-Poly1305 (RFC 8439)
    +--------+-----------------+-----------------+---------------------------+

The 17 bytes of header are the associated data; the nonce is four zero bytes and the counter, which never
repeats under one session's key. A receiver keeps a window of the last 64 counters, as IPsec does (RFC 4303
section 3.4.3), so that a reordered beat counts and a replayed one does not.
"""

import struct
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from swarm_protocol.messages import Load

VERSION: Final = 1
MAX_DATAGRAM: Final = 512
_HEADER: Final = struct.Struct("!BQQ")
_TAG: Final = 16
_WINDOW: Final = 64


class Beat(msgspec.Struct, frozen=True, array_like=True):
    """What a beat says."""

    sent_at: float
    """Seconds since the epoch on the worker's clock: tells its skew."""
    state: str
    load: Load


class Header(NamedTuple):
    """Read before any key is used, to find the key."""

    key_id: int
    counter: int


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Beat)


def _nonce(counter: int) -> bytes:
    return counter.to_bytes(12, "big")


class Sealer:
    """The sending side of one session."""

    def __init__(self, key_id: int, key: bytes) -> None:
        self._key_id = key_id
        self._aead = ChaCha20Poly1305(key)
        self._counter = 0

    def seal(self, beat: Beat) -> bytes:
        """The next datagram. Raises ValueError where it would be over 512 bytes."""
        self._counter += 1
        header = _HEADER.pack(VERSION, self._key_id, self._counter)
        datagram = header + self._aead.encrypt(_nonce(self._counter), _encode(beat), header)
        if len(datagram) > MAX_DATAGRAM:
            raise ValueError(f"a beat of {len(datagram)} bytes is over {MAX_DATAGRAM}")
        return datagram


def read_header(datagram: bytes) -> Header | None:
    """The header of a datagram that may be a beat, else None."""
    if not _HEADER.size + _TAG < len(datagram) <= MAX_DATAGRAM or datagram[0] != VERSION:
        return None
    _, key_id, counter = _HEADER.unpack_from(datagram)
    return Header(key_id, counter)


class Opener:
    """The receiving side of one session: its key and its replay window.

    `newest` is the counter of the newest genuine beat, which is how many were sent up to it; 0 before the first.
    """

    __slots__ = ("_aead", "_seen", "newest")

    def __init__(self, key: bytes) -> None:
        self._aead = ChaCha20Poly1305(key)
        self.newest = 0
        self._seen = 0

    def open(self, datagram: bytes, counter: int) -> Beat | None:
        """The beat, or None for a replayed, forged or damaged one; only a genuine beat moves the window."""
        if self._is_old(counter):
            return None
        try:
            plain = self._aead.decrypt(_nonce(counter), datagram[_HEADER.size :], datagram[: _HEADER.size])
            beat = _decoder.decode(plain)
        except (InvalidTag, msgspec.DecodeError):
            return None
        self._note(counter)
        return beat

    def _is_old(self, counter: int) -> bool:
        if counter > self.newest:
            return False
        age = self.newest - counter
        return age >= _WINDOW or bool(self._seen >> age & 1)

    def _note(self, counter: int) -> None:
        if counter > self.newest:
            shift = counter - self.newest
            self._seen = (self._seen << shift | 1) & ((1 << _WINDOW) - 1) if shift < _WINDOW else 1
            self.newest = counter
        else:
            self._seen |= 1 << (self.newest - counter)
