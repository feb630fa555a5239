"""Text into a file of this machine: whole or not at all, and over nothing that was there."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from swarm_protocol.errors import SwarmError


def file_of(text: str) -> Path:
    """The file that a person means; `~` is their home."""
    return Path(text.strip()).expanduser()


async def save_text(path: Path, text: str) -> Path:
    """Write a text; where it is. Raises SwarmError."""

    async def pieces() -> AsyncIterator[bytes]:
        yield text.encode("utf-8", "replace")

    return await save_pieces(path, pieces())


async def save_pieces(target: Path, pieces: AsyncIterator[bytes]) -> Path:
    """Write bytes as they come, readable by their owner alone; where they are. Raises SwarmError."""
    partial = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            async for piece in pieces:
                await asyncio.to_thread(file.write, piece)
        os.link(partial, target)
    except FileExistsError:
        raise SwarmError("conflict", f"{target} is there already", hint="name another file") from None
    except OSError as error:
        raise SwarmError("bad_request", f"can't write {target}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    return target
