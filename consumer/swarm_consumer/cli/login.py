"""`swarm login`, `logout`, `whoami`."""

import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from swarm_consumer import credentials as files
from swarm_consumer.cli.connection import open_client, with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, write
from swarm_consumer.cli.text import clean
from swarm_protocol.errors import SwarmError


def login(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of a core: https://core.example:8443.")],
    user: Annotated[str | None, typer.Option("--user", "-u", help="Who signs in; else asked for.")] = None,
    password_file: Annotated[
        str | None,
        typer.Option("--password-file", metavar="FILE", help="Where the password is; - reads standard input."),
    ] = None,
    ca_fingerprint: Annotated[
        str | None,
        typer.Option("--ca-fingerprint", metavar="F", help="Of the core's CA certificate, as its operator tells you."),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", metavar="FILE", help="The core's CA certificate.")
    ] = None,
) -> None:
    """Sign in to a core.

    The password goes only to a core whose certificate is known: by --ca-fingerprint, --ca-file, or your yes.

    Without both you are shown the fingerprint and asked. SWARM_PASSWORD may hold the password.
    """
    from swarm_consumer.session import sign_in

    address, ca_pem = asyncio.run(_trusted(url, ca_fingerprint, ca_file))
    name = user or os.environ.get("SWARM_USER") or _ask_user()
    password = _password(password_file, name)
    held = asyncio.run(sign_in(address, name, password, ca_pem=ca_pem, client_name="swarm command"))
    try:
        where = files.save(held)
    except OSError as error:
        raise SwarmError(
            "bad_request", f"can't save the sign-in: {error}", hint="set SWARM_HOME to another folder"
        ) from None
    status(f"signed in to {held.url} as {held.user} ({where})")


async def _trusted(url: str, given: str | None, ca_file: Path | None) -> tuple[str, str]:
    """The core's address and its CA certificate, vouched for. Raises SwarmError."""
    from swarm_consumer.session import find_core, must_match
    from swarm_consumer.trust import fingerprint, normal_url

    if ca_file is not None:
        try:
            pem = await asyncio.to_thread(ca_file.read_text)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--ca-file: can't read {ca_file}: {error}") from None
        fingerprint(pem)
        return normal_url(url), pem
    found = await find_core(url)
    if given is not None:
        must_match(found, given)
    else:
        _ask_trust(found.url, found.fingerprint)
    return found.url, found.ca_pem


def _ask_trust(url: str, shown: str) -> None:
    if not sys.stdin.isatty():
        hint = f"compare it with what the core's machine says, then add --ca-fingerprint {shown}"
        raise SwarmError("unauthenticated", f"the core at {url} is not known here", hint=hint)
    status(f"The core at {url} is not known here. Its CA certificate has the fingerprint\n")
    status(f"    {shown}")
    if not typer.confirm("Is this the one that its machine shows? Trust it", default=False, err=True):
        raise SwarmError("unauthenticated", f"the core at {url} was not trusted")


def _ask_user() -> str:
    if not sys.stdin.isatty():
        raise UsageError("name who signs in with --user")
    return str(typer.prompt("User", default=getpass.getuser(), err=True))


def _password(file: str | None, user: str) -> str:
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if file is not None:
        try:
            return Path(file).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--password-file: can't read {file}: {error}") from None
    if "SWARM_PASSWORD" in os.environ:
        return os.environ["SWARM_PASSWORD"]
    if not sys.stdin.isatty():
        raise UsageError("give the password with --password-file FILE (- reads standard input)")
    return getpass.getpass(f"Password of {user}: ")


def logout() -> None:
    """Sign out: the core forgets the sign-in, and so does this machine."""
    held = files.load_saved()

    async def go() -> None:
        async with open_client(held) as client:
            await client.logout()

    try:
        asyncio.run(go())
    except SwarmError as error:
        status(f"the core was not told ({error.message}); its side of the sign-in ends in 30 days")
    files.remove()
    status(f"signed out of {held.url}")


def whoami(json: Json = False) -> None:
    """Say who is signed in, and where."""
    held = files.load()
    found = with_client(lambda client: client.whoami())
    if json:
        import msgspec

        document({**msgspec.to_builtins(found), "url": held.url})
        return
    write(clean(f"{found.user} ({found.role}) in project {found.project} at {held.url}") + "\n")
