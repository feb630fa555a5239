"""`swarm worker join`: become a worker of a swarm, and work until stopped.

Nothing heavy is imported before the command runs: `swarm --help` lists it from the consumer's package.
"""

import enum
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from swarm_protocol.errors import SwarmError

if TYPE_CHECKING:
    from swarm_worker.settings import Settings
    from swarm_worker.systemd import Unit


T = TypeVar("T")


class Scope(enum.StrEnum):
    """Whose systemd runs the worker."""

    AUTO = "auto"
    SYSTEM = "system"
    USER = "user"


class _WithSystemd(TyperCommand):
    """Takes `--systemd` without a value too, which Typer's own options can't."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f"{word}={Scope.AUTO}" if word == "--systemd" else word for word in args])


join = typer.Typer(add_completion=False)


@join.command("join", cls=_WithSystemd)
def join_command(
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
        bool | None,
        typer.Option("--allow-egress/--no-egress", help="Let jobs ask for a way to the internet.", show_default=False),
    ] = None,
    egress_allow: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="And to these near addresses; repeatable.")
    ] = None,
    run: Annotated[bool, typer.Option(help="Work after joining, until stopped.")] = True,
    systemd: Annotated[
        Scope | None,
        typer.Option(
            metavar="[=system|user]",
            help="Write a systemd unit for it, and don't run; by default the system's for root, else your own.",
        ),
    ] = None,
    systemd_print: Annotated[
        bool, typer.Option("--systemd-print", help="Print the unit; join nothing and write nothing.")
    ] = False,
    unit: Annotated[str, typer.Option(metavar="NAME", help="What the unit is called.")] = "swarm-worker",
    force: Annotated[bool, typer.Option("--force", help="Replace a unit that is not ours, or was changed.")] = False,
) -> None:
    """Join this machine to a swarm as a worker, with a token from `swarm worker token`.

    With --systemd or --no-run a machine that has joined that core already needs no token.
    """
    from swarm_worker import main as root
    from swarm_worker import offer, settings

    try:
        told: dict[str, Any] = {
            "slots": slots,
            "mount_roots": tuple(mount_root) if mount_root else None,
            "mount_deny": tuple(mount_deny) if mount_deny else None,
            "allow_egress": allow_egress,
            "egress_allow": settings.parse_networks(egress_allow) if egress_allow else None,
            "labels": settings.parse_labels(label) if label else None,
        }
        chosen = settings.read(data=(data or _default_data()).absolute(), join_url=url, name=name, **told)
    except settings.SettingsError as error:
        raise _failed(str(error), "see `swarm worker join --help`") from error
    wanted = _unit(chosen, systemd, unit) if systemd or systemd_print else None
    if wanted is not None and systemd_print:
        return typer.echo(wanted.text(), nl=False)
    if wanted is not None:
        _check_unit(wanted, force)
    if (run and wanted is None) or not _has_joined(chosen):
        _join(chosen, lambda: _token(token, token_file))
        typer.echo(f"joined {url}; the worker's folder is {chosen.data}", err=True)
    _in_folder(lambda: offer.keep(chosen.data, **told))
    if wanted is not None:
        return _write_unit(wanted)
    if run:
        raise typer.Exit(root.main(chosen))
    typer.echo(f"start it with: swarm-worker run --data {chosen.data}", err=True)


def _has_joined(chosen: "Settings") -> bool:
    """Whether the folder belongs to a worker of that core. Raises SwarmError where it is another's."""
    from swarm_worker import identity as identities

    found = _in_folder(lambda: identities.load(chosen.data))
    if found is not None and found.url.rstrip("/") != (chosen.join_url or "").rstrip("/"):
        raise _failed(f"{chosen.data} belongs to a worker of {found.url}", "give that address, or another --data")
    return found is not None


def _join(chosen: "Settings", token: Callable[[], str]) -> None:
    import asyncio

    from swarm_worker import identity as identities
    from swarm_worker.join import join as join_core

    if _in_folder(lambda: identities.load(chosen.data)) is not None:
        hint = f"start it with `swarm-worker run --data {chosen.data}`, or give another --data"
        raise _failed(f"{chosen.data} belongs to a worker already", hint)
    made = asyncio.run(join_core(chosen.join_url or "", token(), chosen.name))
    _in_folder(lambda: identities.save(chosen.data, made))


def _in_folder(work: Callable[[], T]) -> T:
    """What is done in the worker's folder. Raises SwarmError."""
    from swarm_worker.identity import IdentityError

    try:
        return work()
    except (IdentityError, OSError) as error:
        raise _failed(str(error), "see to it that the folder can be written, or give another --data") from error


def _unit(chosen: "Settings", systemd: Scope | None, name: str) -> "Unit":
    from swarm_worker import unit_file

    system = systemd is Scope.SYSTEM or (systemd is not Scope.USER and os.geteuid() == 0)
    return unit_file.make(chosen, "system" if system else "user", name)


def _units_folder(unit: "Unit") -> Path:
    from swarm_worker.systemd import folder_of

    return folder_of(unit.scope, os.environ, Path.home())


def _check_unit(unit: "Unit", force: bool) -> None:
    """Before anything is joined: a token that is used up for nothing would have to be made anew."""
    from swarm_worker import unit_file

    unit_file.check(unit, _units_folder(unit), force=force)


def _write_unit(unit: "Unit") -> None:
    from swarm_worker import unit_file

    try:
        path = unit_file.write(unit, _units_folder(unit))
    except OSError as error:
        raise _failed(f"the unit can't be written: {error}", "run it with sudo, or take --systemd=user") from error
    typer.echo(f"wrote {path}; now run:", err=True)
    typer.echo("\n".join(unit_file.then(unit)))


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
