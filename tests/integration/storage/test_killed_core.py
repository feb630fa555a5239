"""A core that is killed in the middle of an upload, as a real process."""

import asyncio
import os
import sys
from pathlib import Path

from tests.integration.storage.vault import ANA, OURS, digest_of, pieces, vault

_UPLOADER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from tests.integration.storage.vault import ANA, vault

async def body():
    while True:
        data = await asyncio.to_thread(sys.stdin.buffer.read, 100_000)
        if not data:
            await asyncio.Event().wait()
        yield data

async def main():
    async with vault(sys.argv[1], Path(sys.argv[2])) as one:
        await one.uploads.append(ANA, UUID(sys.argv[3]), 0, body())

asyncio.run(main())
"""


async def test_a_core_killed_in_a_chunk_keeps_what_it_wrote_and_lets_go_of_the_upload(
    database_url: str, tmp_path: Path
) -> None:
    data = os.urandom(4_000_000)
    async with vault(database_url, tmp_path) as one:
        upload, _ = await one.uploads.open(OURS, digest_of(data), len(data))
        core = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _UPLOADER, database_url, str(tmp_path), str(upload), stdin=asyncio.subprocess.PIPE
        )
        assert core.stdin is not None
        core.stdin.write(data[:2_500_000])
        async with asyncio.timeout(30):
            await core.stdin.drain()
            while (offset := (await one.uploads.status(ANA, upload))[0]) < 2_000_000:
                await asyncio.sleep(0.02)
        core.kill()
        await core.wait()
        core.stdin.close()
        offset, _ = await one.uploads.status(ANA, upload)
        assert 2_000_000 <= offset <= 2_500_000
        await one.uploads.append(ANA, upload, offset, pieces(data[offset:]))
        await one.uploads.finish(ANA, upload)
        assert await one.read(digest_of(data)) == data
