"""`make schema`: docs/schema.sql, drawn from a database that the migrations have made. Needs the locked packages."""

import asyncio
import os
import tempfile
from pathlib import Path

import asyncpg
from tests.integration.core.schema_picture import picture

from swarm_core.home.postgres import EmbeddedPostgres
from swarm_migrations import migrate
from tools.failure import exit_with

PICTURE = Path(__file__).resolve().parent.parent / "docs/schema.sql"


def main() -> int:
    """Start a server, migrate, draw, stop."""
    with tempfile.TemporaryDirectory(prefix="swarm-schema-") as folder:
        if os.geteuid() == 0:
            Path(folder).chmod(0o711)  # as root the server runs under a user of its own, who must get through
        server = EmbeddedPostgres(Path(folder) / "server", fsync=False)
        try:
            PICTURE.write_text(asyncio.run(draw(server.start().url)))
        finally:
            server.stop()
    return 0


async def draw(url: str) -> str:
    """The picture of an empty database once it is migrated."""
    connection = await asyncpg.connect(url, timeout=20)
    try:
        await migrate(connection)
        return await picture(connection)
    finally:
        await connection.close()


if __name__ == "__main__":
    exit_with(main)
