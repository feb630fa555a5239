"""`swarm worker deploy`: install and join a worker on another machine, from here."""

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarm_consumer import credentials as files
from swarm_consumer.cli.connection import open_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, write
from swarm_consumer.cli.text import clean

if TYPE_CHECKING:
    from swarm_consumer.deploy.plan import Facts, Wanted
    from swarm_consumer.models import Worker


def deploy(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The machine: ssh://host, ssh://user@host:22.")],
    name: Annotated[str | None, typer.Option("--name", help="What the worker is called; else as its host.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="K=V", help="What constraints can ask for; repeatable.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option("--slots", metavar="N", help="Jobs at once; else its number of cpus.", min=1)
    ] = None,
    core: Annotated[
        str | None, typer.Option("--core", metavar="URL", help="Where that machine reaches the core, if not as you do.")
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            help="Where it goes there: /opt/swarm-sync as root, else ~/.local/share/swarm-sync.",
        ),
    ] = None,
    python: Annotated[str | None, typer.Option("--python", metavar="PATH", help="Which Python it uses there.")] = None,
    wheelhouse: Annotated[
        Path | None,
        typer.Option("--wheelhouse", metavar="DIR", help="Wheels to install from, for a machine without an index."),
    ] = None,
    systemd: Annotated[
        bool, typer.Option("--systemd/--no-systemd", help="Have systemd run it, where that is there.")
    ] = True,
    unit: Annotated[str, typer.Option("--unit", metavar="NAME", help="What its unit is called.")] = "swarm-worker",
    ssh: Annotated[str, typer.Option("--ssh", metavar="COMMAND", help="The client: 'ssh -J gate'.")] = "ssh",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look at the machine, say what would be done.")] = False,
    json: Json = False,
) -> None:
    """Install and join a worker on another machine, over ssh; a second time brings it up to date.

    Keys, users and jump hosts are those of your own ssh. What is installed is this very version.
    """
    from swarm_consumer.deploy.target import parse

    machine = parse(target)
    wheels = _wheels(wheelhouse)
    held = files.load()
    wanted = _wanted(core or held.url, held.ca_pem, name, slots, label or [], unit, systemd)

    async def go() -> "Worker | None":
        from swarm_consumer.deploy import wheel
        from swarm_consumer.deploy.ssh import Ssh
        from swarm_consumer.deploy.steps import Deployment

        with tempfile.TemporaryDirectory(prefix="sw-wheel-") as here:
            package = await asyncio.to_thread(wheel.pack, Path(here))
            async with open_client(held) as client, Ssh(machine, ssh) as connection:
                deployment = Deployment(client, connection, wanted, status, wheels)
                facts = await deployment.look(folder, python)
                status(_seen(str(machine), facts))
                plan = await deployment.plan(facts, package)
                if dry_run:
                    write("".join(f"would {clean(line)}\n" for line in plan.lines(wanted)))
                    return None
                return await deployment.carry_out(facts, plan, package)

    found = asyncio.run(go())
    if found is not None:
        _tell(found, json)


def _wanted(
    core: str, ca_pem: str, name: str | None, slots: int | None, labels: list[str], unit: str, systemd: bool
) -> "Wanted":
    from swarm_consumer.deploy.plan import Wanted
    from swarm_consumer.trust import normal_url

    pairs = dict(_label(text) for text in labels)
    url = normal_url(core).replace("https://", "wss://")
    return Wanted(core=url, ca_pem=ca_pem, name=name, slots=slots, labels=pairs, unit=unit, systemd=systemd)


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"--label: {text!r} is not KEY=VALUE")
    return key, value


def _wheels(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    found = sorted(file for file in folder.glob("*.whl") if not file.name.startswith("swarm_sync-"))
    if not found:
        hint = "fill it with `pip wheel --wheel-dir DIR '.[worker]'` in a checkout, on a machine of that kind"
        raise UsageError(f"--wheelhouse: there are no wheels in {folder}", hint)
    return found


def _seen(target: str, facts: "Facts") -> str:
    is_one = f"; it is the worker {facts.joined.name}" if facts.joined is not None else ""
    engine = f"Docker Engine {facts.engine.version}" if facts.engine.version else "no engine"
    runs = f"systemd ({facts.systemd})" if facts.systemd else "no systemd"
    return f"{target}: {facts.system} {facts.machine}, Python {facts.version}, {engine}, {runs}{is_one}"


def _tell(found: "Worker", json: bool) -> None:
    if json:
        return document(found)
    has = found.capacity or {}
    write(f"{clean(found.name)} is {found.state}, with {has.get('slots', '?')} slots\n")
