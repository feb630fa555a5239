"""`swarm core …`: run a core, and the few things that are done beside a running one, with the database alone.

Nothing heavy is imported before a command runs: `swarm --help` lists these from the consumer's package.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def core() -> None:
    """Run a core. Settings come from SWARM_… variables; `swarm core settings` shows them."""


@app.command()
def serve() -> None:
    """Run a core until it is stopped."""
    from swarm_core import main, settings

    main.run(settings.from_environment())


@app.command()
def init(
    admin: Annotated[str, typer.Option("--admin", metavar="NAME", help="Who becomes the first administrator.")],
    password_file: Annotated[
        str, typer.Option("--password-file", metavar="FILE", help="Where the password is; - reads standard input.")
    ],
    json: Json = False,
) -> None:
    """Make the first administrator if there is none, and sign them in."""
    from swarm_core import oneshot

    found = _run(oneshot.init(os.environ, admin, _read(password_file)))
    _show(found, json, f"{found['user']} may sign in at {found['url']}")


@app.command()
def ca(json: Json = False) -> None:
    """Print the CA certificate that clients pin."""
    from swarm_core import oneshot

    found = _run(oneshot.ca(os.environ))
    _show(found, json, found["ca_pem"].rstrip("\n"))


@app.command(name="join-token")
def join_token(
    uses: Annotated[int, typer.Option("--uses", metavar="N", help="How many workers may use it.", min=1)] = 1,
    ttl: Annotated[float, typer.Option("--ttl", metavar="SECONDS", help="How long it is good for.", min=1)] = 3600.0,
    json: Json = False,
) -> None:
    """Make a token that lets workers join; it is shown this once."""
    from swarm_core import oneshot

    found = _run(oneshot.join_token(os.environ, uses, ttl))
    _show(found, json, found["token"])


@app.command()
def migrate(json: Json = False) -> None:
    """Bring the database to this version's schema."""
    from swarm_core import oneshot

    applied = _run(oneshot.migrate(os.environ))
    words = "\n".join(f"applied {name}" for name in applied) or "the schema is this version's already"
    _show({"applied": applied}, json, words)


@app.command()
def settings(json: Json = False) -> None:
    """Print the settings that a core would start with, without passwords."""
    from swarm_core import oneshot
    from swarm_core.settings import from_environment

    found = oneshot.shown(from_environment())
    _show(found, json, "\n".join(_lines(found)))


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _show(value: dict[str, Any], json: bool, text: str) -> None:
    if json:
        import msgspec

        text = msgspec.json.format(msgspec.json.encode(value)).decode()
    typer.echo(text)


def _lines(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """A line for each value, with those of a group under its name."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{prefix}{name}.")
        else:
            yield f"{prefix + name:<24} {'-' if value is None else value}"


def _read(file: str) -> str:
    from swarm_protocol.errors import SwarmError

    try:
        text = sys.stdin.readline() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SwarmError("bad_request", f"--password-file: can't read {file}: {error}") from None
    return text.rstrip("\r\n")
