"""`swarm token`: add, list, rotate, rm."""

from typing import Annotated

import typer

from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.text import age, moment
from swarm_consumer.cli.users import Role
from swarm_consumer.models import MadeToken
from swarm_protocol.quantities import QuantityError, seconds

_HERE = "swarm_consumer.cli.tokens"


class TokenGroup(LazyGroup):
    """Commands about API tokens."""

    entries = {  # noqa: RUF012
        "add": Entry(_HERE, "add", "Commands"),
        "list": Entry(_HERE, "listing", "Commands"),
        "rotate": Entry(_HERE, "rotate", "Commands"),
        "rm": Entry(_HERE, "remove", "Commands"),
    }
    prefix = "token."


app = typer.Typer(cls=TokenGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def token() -> None:
    """API tokens: what programs sign in with, by SWARM_TOKEN."""


Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")]


def add(
    name: Name,
    role: Annotated[Role, typer.Option("--role", help="The most that it may.")] = Role.CONSUMER,
    ttl: Annotated[str, typer.Option("--ttl", metavar="TIME", help="How long it is good for: 12h, 90d.")] = "90d",
    json: Json = False,
) -> None:
    """Make a token for the project in use; it is shown this once."""
    try:
        limit = seconds(ttl)
    except QuantityError as error:
        raise UsageError(f"--ttl: {error}") from None
    _tell(with_client(lambda client: client.tokens.add(name, role=str(role), ttl=limit)), json)


def listing(json: Json = False) -> None:
    """List your tokens."""
    found = with_client(lambda client: client.tokens.all())
    if json:
        document(found)
        return
    rows = [
        (t.name, t.role, t.project, "expired" if t.expired else age(t.expires_at), age(t.used_at) or "never")
        for t in found
    ]
    table(("NAME", "ROLE", "PROJECT", "ENDS", "USED"), rows)


def rotate(name: Name, json: Json = False) -> None:
    """Give a token another secret; the old one is refused at once."""
    _tell(with_client(lambda client: client.tokens.rotate(name)), json)


def remove(name: Name) -> None:
    """End a token at once."""
    with_client(lambda client: client.tokens.remove(name))
    status(f"token {name} is gone")


def _tell(made: MadeToken, json: bool) -> None:
    if json:
        document(made)
        return
    write(f"{made.token}\n")
    shown = made.view
    status(f"{shown.role} in {shown.project} until {moment(shown.expires_at)}; programs take it from SWARM_TOKEN")
