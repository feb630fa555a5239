"""Frames: one msgpack array of messages, at most 1 MiB.

Lists cost a twentieth of a frame for each message (performance.md). A message whose tag this version does not
know is skipped, so that a later minor version may say more.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from swarm_protocol.messages import FromCore, FromWorker

MAX_FRAME: Final = 1024 * 1024
"""Bytes; also the websocket's own limit on both sides."""

M = TypeVar("M")


class FrameError(ValueError):
    """A frame that can't be read at all; the connection that sent it is closed."""


class _Tagged(msgspec.Struct):
    t: str


class Codec(Generic[M]):
    """Reads frames of one direction."""

    def __init__(self, union: object, tags: frozenset[str]) -> None:
        self._whole: msgspec.msgpack.Decoder[list[M]] = msgspec.msgpack.Decoder(list[union])  # type: ignore[valid-type]
        self._one: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(union)
        self._tags = tags

    def decode(self, frame: bytes) -> list[M]:
        """The messages of a frame, without those of a later version. Raises FrameError."""
        if len(frame) > MAX_FRAME:
            raise FrameError(f"a frame of {len(frame)} bytes is over the limit of {MAX_FRAME}")
        try:
            return self._whole.decode(frame)
        except msgspec.DecodeError:
            return self._decode_known(frame)

    def _decode_known(self, frame: bytes) -> list[M]:
        try:
            parts = msgspec.msgpack.decode(frame, type=list[msgspec.Raw])
            tagged = ((part, msgspec.msgpack.decode(part, type=_Tagged).t) for part in parts)
            return [self._one.decode(part) for part, tag in tagged if tag in self._tags]
        except msgspec.DecodeError as error:
            raise FrameError(f"a frame that is no list of messages: {error}") from error


def _tags(union: object) -> frozenset[str]:
    members = getattr(union, "__args__", ())
    return frozenset(str(member.__struct_config__.tag) for member in members)


from_worker: Final[Codec[FromWorker]] = Codec(FromWorker, _tags(FromWorker))
from_core: Final[Codec[FromCore]] = Codec(FromCore, _tags(FromCore))

_encoder: Final = msgspec.msgpack.Encoder()


def encode(messages: Sequence[FromWorker | FromCore]) -> bytes:
    """One frame of these messages; the caller keeps it below MAX_FRAME (see `pack`)."""
    return _encoder.encode(messages)


def pack(messages: Iterable[FromWorker | FromCore], limit: int = MAX_FRAME - 16) -> list[bytes]:
    """As few frames as hold these messages in order, each below the limit. Raises FrameError for a giant one."""
    frames: list[bytes] = []
    parts: list[msgspec.Raw] = []
    total = 0
    for message in messages:
        part = _encoder.encode(message)
        if len(part) > limit:
            raise FrameError(f"a message of {len(part)} bytes is over the limit of {limit}")
        if parts and total + len(part) > limit:
            frames.append(_encoder.encode(parts))
            parts, total = [], 0
        parts.append(msgspec.Raw(part))
        total += len(part)
    if parts:
        frames.append(_encoder.encode(parts))
    return frames
