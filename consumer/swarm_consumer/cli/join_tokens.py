"""`swarm worker token` and `swarm worker tokens`: letting workers in."""

from typing import Annotated

import typer

from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.text import age, moment
from swarm_consumer.client import Client
from swarm_consumer.models import JoinToken
from swarm_consumer.worker_models import JoinTokenState
from swarm_protocol.quantities import QuantityError, seconds


def token(
    uses: Annotated[int, typer.Option("--uses", metavar="N", help="How many workers may use it.", min=1)] = 1,
    ttl: Annotated[str, typer.Option("--ttl", metavar="TIME", help="How long it is good for.")] = "1h",
    name: Annotated[str | None, typer.Option("--name", help="A name for the worker.")] = None,
    json: Json = False,
) -> None:
    """Make a join token; it is shown this once."""
    try:
        limit = seconds(ttl)
    except QuantityError as error:
        raise UsageError(f"--ttl: {error}") from None

    async def make(client: Client) -> tuple[JoinToken, str]:
        return await client.join_token(uses=uses, ttl=limit, name=name), client.credentials.url

    made, url = with_client(make)
    if json:
        document(made)
        return
    from swarm_consumer.joining import join_command, loopback_warning

    write(f"{made.token}\n")
    status(f"good for {uses} worker(s) until {moment(made.expires_at)}; there:")
    status(f"  {join_command(url, made.token)}")
    if warning := loopback_warning(url):
        status(f"warning: {warning}")


def tokens(
    remove: Annotated[
        str | None, typer.Option("--rm", metavar="ID", help="Let nobody join with this one any more.")
    ] = None,
    json: Json = False,
) -> None:
    """List join tokens, without their secrets, or take one back."""
    if remove is not None:
        with_client(lambda client: client.remove_join_token(remove))
        status(f"nobody joins with the token {remove} any more; who has joined stays")
        return
    found = with_client(lambda client: client.join_tokens())
    if json:
        document(found)
        return
    rows = [(t.id, state_of(t), t.uses_left, t.name, t.made_by, age(t.created_at), age(t.expires_at)) for t in found]
    table(("ID", "STATE", "USES LEFT", "NAME", "BY", "MADE", "ENDS"), rows)


def state_of(token: JoinTokenState) -> str:
    """Whether it still lets anybody in."""
    if token.is_open:
        return "open"
    return "expired" if token.expired else "used up"
