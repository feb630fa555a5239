"""`swarm push`, `swarm images`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.progress import Bar
from swarm_consumer.cli.text import age
from swarm_consumer.client import Client
from swarm_consumer.images import Pushed
from swarm_protocol.quantities import show_size

_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def push(
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="Image in the local engine, or an archive of `docker save`.")
    ],
    rename: Annotated[
        str | None, typer.Option("--as", metavar="NAME[:TAG]", help="What to call it in the swarm.")
    ] = None,
    json: Json = False,
) -> None:
    """Bring an image to the core; only what the core lacks travels."""
    pushed = with_client(lambda client: _push(client, image, rename))
    if json:
        document(
            {
                "name": pushed.name,
                "tag": pushed.tag,
                "digest": pushed.digest,
                "size": pushed.size,
                "sent": pushed.sent,
            }
        )
        return
    write(f"{pushed.name}:{pushed.tag} {pushed.digest}\n")
    status(f"sent {show_size(pushed.sent)} of {show_size(pushed.size)}")


def is_archive(text: str) -> bool:
    """Whether a word names a file rather than an image: by its ending, or because it is a path to a file."""
    return text.endswith(_ENDINGS) or (("/" in text or "\\" in text or "." in text) and os.path.isfile(text))


async def _push(client: Client, image: str, rename: str | None) -> Pushed:
    with Bar() as bar:
        return await client.push(Path(image) if is_archive(image) else image, rename=rename, progress=bar)


def images(json: Json = False) -> None:
    """List images that were pushed."""
    found = with_client(lambda client: client.images())
    if json:
        document(found)
        return
    rows = [
        (
            i.name,
            i.tag or "",
            i.digest[:19],
            show_size(i.size),
            i.platform or "",
            age(i.created_at),
            i.pushed_by or "",
        )
        for i in found
    ]
    table(("NAME", "TAG", "DIGEST", "SIZE", "PLATFORM", "PUSHED", "BY"), rows)
