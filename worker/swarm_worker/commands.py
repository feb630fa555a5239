"""`swarm worker join`: become a worker of a swarm, and work until stopped.

Nothing heavy is imported before the command runs: `swarm --help` lists it from the consumer's package.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarm_protocol.errors import SwarmError

if TYPE_CHECKING:
    from swarm_worker.settings import Settings


def join(
    url: Annotated[str, typer.Argument(help="Address of a core, such as wss://core:8443.")],
    token: Annotated[
        str | None,
        typer.Option(help="The join token: @FILE, - for standard input, or (seen by others) the text itself."),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="File that holds the join token.")] = None,
    data: Annotated[Path | None, typer.Option(help="The worker's folder.")] = None,
    name: Annotated[str | None, typer.Option(help="How people see the worker; the host's name by default.")] = None,
    slots: Annotated[int | None, typer.Option(help="Jobs at once; the number of cpus by default.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="K=V that constraints can ask for; repeatable.")] = None,
    mount_root: Annotated[
        list[Path] | None, typer.Option(help="Offer named mounts only below this folder; repeatable.")
    ] = None,
    mount_deny: Annotated[list[Path] | None, typer.Option(help="And never this one; repeatable.")] = None,
    allow_egress: Annotated[
        bool, typer.Option("--allow-egress", help="Let jobs ask for a way to the internet.")
    ] = False,
    egress_allow: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="And to these near addresses; repeatable.")
    ] = None,
    run: Annotated[bool, typer.Option(help="Work after joining, until stopped.")] = True,
) -> None:
    """Join this machine to a swarm as a worker, with a token from `swarm worker token`."""
    from swarm_worker import main as root
    from swarm_worker import settings

    try:
        chosen = settings.read(
            data=(data or _default_data()).absolute(),
            join_url=url,
            name=name,
            slots=slots,
            mount_roots=tuple(mount_root) if mount_root else None,
            mount_deny=tuple(mount_deny) if mount_deny else None,
            allow_egress=allow_egress or None,
            egress_allow=settings.parse_networks(egress_allow) if egress_allow else None,
            labels=settings.parse_labels(label) if label else None,
        )
    except settings.SettingsError as error:
        raise _failed(str(error), "see `swarm worker join --help`") from error
    _join(chosen, _token(token, token_file))
    typer.echo(f"joined {url}; the worker's folder is {chosen.data}", err=True)
    if run:
        raise typer.Exit(root.main(chosen))
    typer.echo(f"start it with: swarm-worker run --data {chosen.data}", err=True)


def _join(chosen: "Settings", token: str) -> None:
    import asyncio

    from swarm_worker import identity as identities
    from swarm_worker.join import join as join_core

    try:
        if identities.load(chosen.data) is not None:
            hint = f"start it with `swarm-worker run --data {chosen.data}`, or give another --data"
            raise _failed(f"{chosen.data} belongs to a worker already", hint)
        made = asyncio.run(join_core(chosen.join_url or "", token, chosen.name))
        identities.save(chosen.data, made)
    except (identities.IdentityError, OSError) as error:
        raise _failed(str(error), "see to it that the folder can be written, or give another --data") from error


def _token(token: str | None, token_file: Path | None) -> str:
    """The token from where it stands; asked for at a terminal when it stands nowhere."""
    try:
        if token_file is not None:
            return token_file.read_text()
        if token is not None and token.startswith("@"):
            return Path(token[1:]).read_text()
    except OSError as error:
        hint = "give --token-file the file that holds it; `swarm worker token` makes a new one"
        raise _failed(f"the join token can't be read: {error}", hint) from error
    if token == "-":
        return typer.get_text_stream("stdin").readline()
    if token is None:
        return os.environ.get("SWARM_JOIN_TOKEN") or _asked()
    typer.echo("warning: other users of this machine can read a token in a command; use --token-file", err=True)
    return token


def _asked() -> str:
    if not sys.stdin.isatty():
        hint = "give --token-file FILE, or --token - with it on standard input; `swarm worker token` makes one"
        raise _failed("there is no join token, and no terminal to ask for it", hint)
    return str(typer.prompt("Join token", hide_input=True, err=True))


def _default_data() -> Path:
    if home := os.environ.get("SWARM_HOME"):
        return Path(home) / "worker"
    import platformdirs

    return platformdirs.user_data_path("swarm") / "worker"


def _failed(message: str, hint: str) -> SwarmError:
    """What `swarm` shows as an error and its next step."""
    return SwarmError("bad_request", message, hint=hint)
