"""`swarm settings`: list, show, set, reset, history."""

from typing import Annotated

import typer

from swarm_consumer.cli.completion import setting_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.client import Client
from swarm_consumer.settings import Setting, SettingChange
from swarm_protocol.setting_rules import range_of, shown

_HERE = "swarm_consumer.cli.settings"


class SettingGroup(LazyGroup):
    """Commands about settings."""

    entries = {  # noqa: RUF012
        "list": Entry(_HERE, "listing", "Commands"),
        "show": Entry(_HERE, "show", "Commands"),
        "set": Entry(_HERE, "put", "Commands"),
        "reset": Entry(_HERE, "reset", "Commands"),
        "history": Entry(_HERE, "history", "Commands"),
    }
    prefix = "settings."


app = typer.Typer(cls=SettingGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def settings() -> None:
    """What can be changed of the cores while they run, and what else they were told."""


Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as retention.jobs.", autocompletion=setting_names)]


def listing(
    changed: Annotated[bool, typer.Option("--changed", help="Only those that are not as usual.")] = False,
    json: Json = False,
) -> None:
    """List all settings; those marked fixed take a restart."""
    found = with_client(lambda client: client.settings.all())
    found = [each for each in found if not changed or each.source != "default"]
    if json:
        document(found)
        return
    rows = [(each.name, value(each), usual(each), _from(each), _who(each)) for each in found]
    table(("NAME", "VALUE", "DEFAULT", "FROM", "CHANGED"), rows)


def show(name: Name, json: Json = False) -> None:
    """Show one with its meaning and its range."""
    found = with_client(lambda client: client.settings.get(name))
    if json:
        document(found)
        return
    pairs = (
        ("setting", found.name),
        ("meaning", found.meaning),
        ("value", value(found)),
        ("from", _from(found)),
        ("default", usual(found)),
        ("range", range_of(found.rule)),
        ("changed", _who(found)),
        ("variable", found.variable),
        ("fixed", found.fixed or ""),
    )
    write("".join(f"{key:<8} {clean(text)}\n" for key, text in pairs if text))


def put(
    name: Name,
    to: Annotated[str, typer.Argument(metavar="VALUE", help="As `swarm settings show NAME` says: 30d, 500, operator.")],
    json: Json = False,
) -> None:
    """Set one on all cores, at once."""
    made = with_client(lambda client: client.settings.set(name, to))
    _tell(made, json)


def reset(name: Name, json: Json = False) -> None:
    """Let the environment of the cores say again what it is."""
    _tell(with_client(lambda client: client.settings.reset(name)), json)


def history(name: Name, json: Json = False) -> None:
    """Show who changed it from what to what."""
    found, changes = with_client(lambda client: _history(client, name))
    if json:
        document(changes)
        return
    rule = found.rule
    rows = [
        (
            moment(each.at),
            clean(each.actor),
            shown(rule, each.old),
            shown(rule, each.new),
            "reset" if each.reset else "",
        )
        for each in changes
    ]
    table(("TIME", "WHO", "FROM", "TO", ""), rows)


async def _history(client: Client, name: str) -> tuple[Setting, list[SettingChange]]:
    found = await client.settings.get(name)
    return found, [change async for change in client.settings.history(name)]


def value(found: Setting) -> str:
    """What it is, for people."""
    return shown(found.rule, found.value)


def usual(found: Setting) -> str:
    """What it is where nothing is said."""
    return shown(found.rule, found.default)


def _from(found: Setting) -> str:
    return f"{found.source}, fixed" if found.fixed else found.source


def _who(found: Setting) -> str:
    return f"{found.changed_by or ''} {age(found.changed_at)}".strip()


def _tell(made: Setting, json: bool) -> None:
    if json:
        document(made)
        return
    status(f"{made.name} is {value(made) or 'empty'} now ({made.source}), on all cores within seconds")
