"""A compressed archive as an uncompressed temporary file, within limits."""

import bz2
import gzip
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from swarm_consumer.archive import Limits, not_an_image
from swarm_protocol.errors import SwarmError

_PIECE = 1 << 20
_FREE_CHOICE = 1 << 30
"""Bytes up to which no ratio is asked about."""


@contextmanager
def uncompressed(path: Path, limits: Limits | None = None) -> Iterator[Path]:
    """The archive itself, or a temporary file with its expanded bytes. Raises SwarmError."""
    try:
        with path.open("rb") as file:
            head = file.read(6)
    except FileNotFoundError:
        hint = "give the name of an image in the engine (`docker images`) or of a file that exists"
        raise SwarmError("not_found", f"there is no file {path}", hint=hint) from None
    except OSError as error:
        hint = "push takes an image of the engine, or a file that `docker save IMAGE -o image.tar` made"
        raise SwarmError("bad_request", f"can't read {path}: {error.strerror}", hint=hint) from None
    opened = _opened(path, head)
    if opened is None:
        yield path
        return
    with temporary() as target, opened as packed:
        _copy(path, packed, target, limits or Limits())
        yield target


@contextmanager
def temporary() -> Iterator[Path]:
    """A new file in the folder for temporary ones, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="swarm-push-"))
    try:
        yield folder / "image.tar"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _opened(path: Path, head: bytes) -> IO[bytes] | None:
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(path, "rb"))
    if head.startswith(b"BZh"):
        return bz2.open(path, "rb")
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.open(path, "rb")
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        raise not_an_image(path, "it is packed with zstd; unpack it with `zstd -d` first")
    return None


def _copy(path: Path, packed: IO[bytes], target: Path, limits: Limits) -> None:
    total, packed_size = 0, max(1, path.stat().st_size)
    most = min(limits.total, max(_FREE_CHOICE, packed_size * limits.ratio))
    try:
        with target.open("wb") as out:
            while piece := packed.read(_PIECE):
                total += len(piece)
                if total > most:
                    raise not_an_image(path, f"its {packed_size} bytes expand to more than {most}, as bombs do")
                out.write(piece)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise not_an_image(path, f"it is cut short or damaged ({error})") from None
    except OSError as error:
        hint = "free some space, or set TMPDIR to a folder that has it"
        raise SwarmError("disk_full", f"can't expand {path}: {error.strerror or error}", hint=hint) from None
