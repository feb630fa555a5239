"""`swarm push`, `swarm images`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from swarm_consumer.cli.completion import image_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.progress import Bar
from swarm_consumer.cli.text import age, clean
from swarm_consumer.client import Client
from swarm_consumer.image_words import consequences, some
from swarm_consumer.images import Pushed
from swarm_consumer.models import Image, ImageUse
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


Long = Annotated[bool, typer.Option("--long", "-l", help="With what is shared, and who uses it.")]
Image_ = Annotated[
    str, typer.Argument(metavar="IMAGE", help="Name and tag.", autocompletion=image_names, show_default=False)
]


def images(
    image: Annotated[
        str | None,
        typer.Argument(metavar="IMAGE", help="One, with who uses it.", autocompletion=image_names, show_default=False),
    ] = None,
    long: Long = False,
    json: Json = False,
) -> None:
    """List images that were pushed, or show who uses one."""
    if image is not None:
        one = with_client(lambda client: client.image_use(image))
        document(one) if json else write(described(one))
        return
    found = with_client(lambda client: client.images())
    if json:
        document(found)
    elif long:
        table((*_COLUMNS, "OWN", "SHARED", "USED", "JOBS", "SCHEDULES", "WORKERS"), [_row(i) + _use(i) for i in found])
    else:
        table(_COLUMNS, [_row(i) for i in found])


_COLUMNS = ("NAME", "TAG", "DIGEST", "SIZE", "PLATFORM", "PUSHED", "BY")


def _row(i: Image) -> tuple[str, ...]:
    return (
        i.name,
        i.tag or "",
        i.digest[:19],
        show_size(i.size),
        i.platform or "",
        age(i.created_at),
        i.pushed_by or "",
    )


def _use(i: Image) -> tuple[str, ...]:
    counts = (str(count or "") for count in (i.jobs, i.schedules, i.workers))
    return (show_size(i.own), show_size(i.shared), age(i.last_used_at), *counts)


def described(found: ImageUse) -> str:
    """An image, a line for each thing there is to say."""
    image, users = found.image, found.used_by
    pairs = (
        ("image", f"{image.name}:{image.tag}"),
        ("digest", image.digest),
        ("platform", image.platform or ""),
        ("size", f"{show_size(image.size)}: {show_size(image.own)} of its own, {show_size(image.shared)} shared"),
        ("pushed", f"{age(image.created_at)} by {image.pushed_by}"),
        ("used", age(image.last_used_at)),
        ("jobs", some(image.jobs, [str(job) for job in users.jobs])),
        ("schedules", some(image.schedules, users.schedules)),
        ("workers", some(image.workers, users.workers)),
    )
    return "".join(f"{key:<9} {clean(value)}\n" for key, value in pairs if value)


def remove_image(image: Image_, yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False) -> None:
    """Take an image's tag away; what nothing else needs is reclaimed later."""
    if not yes and sys.stdin.isatty():
        found = with_client(lambda client: client.image_use(image))
        for line in consequences(found):
            status(clean(line))
        if not typer.confirm(f"remove {clean(image)}?", err=True):
            raise typer.Abort
    gone = with_client(lambda client: client.remove_image(image))
    status(f"image {gone.image.name}:{gone.image.tag} is gone")
    if yes or not sys.stdin.isatty():
        for line in consequences(gone):
            status(clean(line))
