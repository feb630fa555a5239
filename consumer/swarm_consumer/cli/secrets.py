"""`swarm secret`: set, list, rm."""

import sys
from typing import Annotated, BinaryIO

import typer

from swarm_consumer.cli.completion import secret_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table
from swarm_consumer.cli.text import age
from swarm_protocol.errors import SwarmError
from swarm_protocol.secrets import MAX_SECRET, NAME_RULE, is_secret_name

_HERE = "swarm_consumer.cli.secrets"


class SecretGroup(LazyGroup):
    """Commands about secrets."""

    entries = {  # noqa: RUF012
        "set": Entry(_HERE, "set_secret", "Commands"),
        "list": Entry(_HERE, "listing", "Commands"),
        "rm": Entry(_HERE, "remove", "Commands"),
    }
    prefix = "secret."


app = typer.Typer(cls=SecretGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def secret() -> None:
    """What jobs read from /run/secrets, and nobody reads back."""


Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called.", autocompletion=secret_names)]


def set_secret(
    name: Name,
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="FILE", help="Where it is; - reads standard input.")
    ] = None,
    json: Json = False,
) -> None:
    """Keep a secret, in place of one of the same name.

    It comes from FILE or from standard input, byte for byte, or is asked for on a terminal; never from an argument.
    """
    if not is_secret_name(name):
        raise UsageError(f"{name!r} can't be a secret's name", NAME_RULE)
    value = secret_value(file, name)
    made = with_client(lambda client: client.secrets.set(name, value))
    if json:
        document(made)
        return
    status(f"secret {name} is kept (version {made.version}, {made.size} bytes); a job reads it with --secret {name}")


def listing(json: Json = False) -> None:
    """List the project's secrets; what they are is shown to nobody."""
    found = with_client(lambda client: client.secrets.all())
    if json:
        document(found)
        return
    rows = [(s.name, s.version, s.size, s.changed_by.removeprefix("user:"), age(s.changed_at)) for s in found]
    table(("NAME", "VERSION", "SIZE", "SET BY", "SET"), rows)


def remove(name: Name) -> None:
    """Delete a secret; what runs keeps its own."""
    with_client(lambda client: client.secrets.remove(name))
    status(f"secret {name} is gone")


def secret_value(file: str | None, name: str) -> bytes:
    """A secret from a file, standard input, or who sits there. Raises UsageError, SwarmError(too_large)."""
    if file is None and sys.stdin.isatty():
        return _asked(name)
    if file is None or file == "-":
        return _bounded(sys.stdin.buffer)
    try:
        with open(file, "rb") as opened:
            return _bounded(opened)
    except OSError as error:
        raise UsageError(f"--file: can't read {file}: {error.strerror}") from None


def _bounded(stream: BinaryIO) -> bytes:
    value = stream.read(MAX_SECRET + 1)
    if len(value) > MAX_SECRET:
        hint = "bring large files with --input"
        raise SwarmError("too_large", f"a secret has at most {MAX_SECRET} bytes", hint=hint)
    return value


def _asked(name: str) -> bytes:
    import getpass

    first = getpass.getpass(f"Secret {name}: ")
    if first != getpass.getpass("The same again: "):
        raise UsageError("the two are not the same")
    return first.encode("utf-8", "surrogateescape")
