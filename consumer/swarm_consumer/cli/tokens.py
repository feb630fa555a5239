"""`swarm token`: add, list, rotate, rm."""

from typing import Annotated

import typer

from swarm_consumer.cli.completion import user_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.text import age, moment
from swarm_consumer.cli.users import Role
from swarm_consumer.models import ApiToken, MadeToken
from swarm_protocol.quantities import QuantityError, seconds

_HERE = "swarm_consumer.cli.tokens"
_COLUMNS = ("NAME", "ROLE", "PROJECT", "ENDS", "USED")


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


def listing(
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Somebody's, as admin.", autocompletion=user_names)
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Everyone's, as admin.")] = False,
    json: Json = False,
) -> None:
    """List your tokens, or for administrators those of others."""
    if user is not None and everyone:
        raise UsageError("--user and --all don't go together")
    if user is not None or everyone:
        _of_others(user, json)
        return
    found = with_client(lambda client: client.tokens.all())
    if json:
        document(found)
        return
    table(_COLUMNS, [_row(token) for token in found])


def _of_others(user: str | None, json: bool) -> None:
    found = with_client(lambda client: client.users.tokens(user))
    if json:
        document(found)
        return
    table(("USER", *_COLUMNS), [(token.user, *_row(token)) for token in found])


def _row(token: ApiToken) -> tuple[str, ...]:
    ends = "expired" if token.expired else age(token.expires_at)
    return token.name, token.role, token.project, ends, age(token.used_at) or "never"


def rotate(name: Name, json: Json = False) -> None:
    """Give a token another secret; the old one is refused at once."""
    _tell(with_client(lambda client: client.tokens.rotate(name)), json)


def remove(
    name: Name,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Somebody's, as admin.", autocompletion=user_names)
    ] = None,
) -> None:
    """End a token at once."""
    if user is None:
        with_client(lambda client: client.tokens.remove(name))
    else:
        with_client(lambda client: client.users.remove_token(user, name))
    status(f"token {name} is gone" if user is None else f"token {name} of {user} is gone")


def _tell(made: MadeToken, json: bool) -> None:
    if json:
        document(made)
        return
    write(f"{made.token}\n")
    shown = made.view
    status(f"{shown.role} in {shown.project} until {moment(shown.expires_at)}; programs take it from SWARM_TOKEN")
