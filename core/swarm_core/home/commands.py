"""`swarm up`, `swarm down`, `swarm status`: registered by entry points; nothing heavy is imported before they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from swarm_core.home.layout import Home
    from swarm_core.home.report import Report

EXIT_NOT_RUNNING = 3
_DOWN_SECONDS = 180.0
_IS = {"failed": "has failed"}


def up(
    data: Annotated[Path | None, typer.Option(help="Folder for the servers' data; remembered.")] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once all is up.")] = False,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the core (8443, or a free one).")] = None,
) -> None:
    """Run Postgres, Redis, a core and a worker on this machine, and sign in."""
    import os

    from swarm_core.home import detach as background
    from swarm_core.home.layout import find_home
    from swarm_core.home.lock import Locked, is_held
    from swarm_core.home.run import run
    from swarm_core.home.show import showing

    home = find_home()
    if is_held(home.lock):
        return _already(home)
    try:
        with showing() as show:
            if detach and not background.start(home, data, port, show):
                raise Locked
            if not detach:
                run(home, data, port, os.environ, show)
    except Locked:
        _already(home)


def down() -> None:
    """Stop what `swarm up` started, in order: worker (with its containers), core, Redis, Postgres."""
    from swarm_core.home import report
    from swarm_core.home.layout import find_home
    from swarm_core.home.lock import is_held

    home = find_home()
    last = report.read(home.report)
    if is_held(home.lock):
        _stop_supervisor(home)
    elif last is not None and (left := _end_left_behind(home)):
        typer.echo(f"the supervisor was gone already; stopped {', '.join(left)}")
        return
    else:
        typer.echo("swarm is not running")
        return
    typer.echo("swarm is down")


def status(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show each process of `swarm up`: role, pid, address, state. Exit code 3 when nothing runs."""
    from swarm_core.home import report
    from swarm_core.home.layout import find_home

    last = _as_it_is(report.read(find_home().report))
    if json:
        _print_json(last)
    else:
        _print_table(last)
    if last is None or last.state in ("stopped", "failed"):
        raise typer.Exit(EXIT_NOT_RUNNING)


def _already(home: "Home") -> None:
    """Say that it runs, and change nothing."""
    from swarm_core.home import report
    from swarm_core.home.show import plain

    last = report.read(home.report)
    typer.echo(f"swarm is already running{f' at {last.url} ({last.state})' if last else ''}; nothing was changed")
    for line in plain(last) if last else []:
        typer.echo(line)
    if last and last.url and not home.credentials.exists():
        words = f"--ca-fingerprint {last.ca_fingerprint} --password-file {home.with_data(None).admin_password}"
        typer.echo(f"you are signed out; sign in with `swarm login {last.url} --user {last.user} {words}`")


def _stop_supervisor(home: "Home") -> None:
    import signal
    import time

    from swarm_core.home import report
    from swarm_core.home.lock import is_held
    from swarm_protocol.errors import SwarmError

    end = time.monotonic() + _DOWN_SECONDS
    told = 0
    while is_held(home.lock):
        last = report.read(home.report)
        running = last.supervisor() if last else None
        if running is not None and running.pid != told:  # one that has only just started has not written yet
            running.send(signal.SIGTERM)
            told = running.pid
        if time.monotonic() > end:
            hint = f"see {home.log('supervisor')}; `swarm status` shows which process does not end"
            raise SwarmError("unavailable", f"swarm did not stop within {_DOWN_SECONDS:.0f} s", hint=hint)
        time.sleep(0.05)
    last = report.read(home.report)
    if last is not None and (leaving := last.supervisor()) is not None:
        leaving.wait(max(1.0, end - time.monotonic()))  # it lets go of the lock some moments before it ends
    if last is not None and last.state == "failed":
        raise SwarmError("unavailable", last.error, hint=f"see {home.log('supervisor')}")


def _end_left_behind(home: "Home") -> list[str]:
    """What a killed supervisor left; held under the lock, so that no `swarm up` comes between."""
    from swarm_core.home.lock import hold
    from swarm_core.home.stack import end_all

    with hold(home.lock):
        return end_all(home.with_data(None))


def _as_it_is(last: "Report | None") -> "Report | None":
    """The last report, corrected where its supervisor is gone."""
    if last is None or last.supervisor() is not None or last.state in ("stopped", "failed"):
        return last
    left = [child.role for child in last.children if child.alive()]
    for child in last.children:
        child.state = "left behind" if child.role in left else "stopped"
    last.state = "failed"
    last.error = "the supervisor was killed" + (f" and left {', '.join(left)} running" if left else "")
    last.hint = "`swarm up` takes over, `swarm down` stops what is left"
    return last


def _print_json(last: "Report | None") -> None:
    import msgspec

    body = msgspec.json.encode(last) if last else b'{"state": "stopped", "children": []}'
    typer.echo(msgspec.json.format(body, indent=2).decode())


def _print_table(last: "Report | None") -> None:
    import sys

    from swarm_core.home.show import drawn, plain

    if last is None or last.state == "stopped":
        typer.echo("swarm is not running; start it with `swarm up`")
        return
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(drawn(last))
    elif last.children:
        typer.echo("\n".join(plain(last)))
    where = f" at {last.url}" if last.url else ""
    typer.echo(f"swarm {_IS.get(last.state, f'is {last.state}')}{where}; data in {last.data}")
    for line in (f"error: {last.error}" * bool(last.error), f"hint: {last.hint}" * bool(last.hint), *last.notes):
        if line:
            typer.echo(line)
