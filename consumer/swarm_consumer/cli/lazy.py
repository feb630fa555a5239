"""Groups whose commands are loaded when they are used, and plug-in commands of other packages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from swarm_consumer.cli.quick import quicken
from swarm_protocol.errors import SwarmError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "swarm.commands"
_EXTRAS = {"swarm_core": "core", "swarm_worker": "worker", "swarm_commanddeck": "deck"}
WORDS = "swarm.words"
"""Where a context keeps the words after `--`."""


@dataclass(frozen=True)
class Entry:
    """Where a command is: a function or a Typer app in a module."""

    module: str
    attribute: str
    panel: str
    words: bool = False
    """Whether words after `--` are the job's command."""


class QuickCommand(TyperCommand):
    """A command whose plain parameters cost next to nothing."""

    def get_params(self, ctx: Any) -> list[Any]:
        return quicken(super().get_params(ctx))


class WordsCommand(QuickCommand):
    """Keeps the words after `--` apart, so that they are never taken for an image or a flag."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[WORDS] = args[:at], args[at + 1 :]
        return super().parse_args(ctx, args)


class LazyGroup(TyperGroup):
    """A group made of entries and plug-ins."""

    entries: Mapping[str, Entry] = {}
    prefix = ""
    """What the names of its plug-ins begin with: `worker.` for those under `swarm worker`."""

    def get_params(self, ctx: Any) -> list[Any]:
        return quicken(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self.entries, *(name for name in self._plugins() if name not in self.entries)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = self.entries.get(cmd_name)
        if entry is not None:
            loaded = getattr(import_module(entry.module), entry.attribute)
            return _command(cmd_name, loaded, entry.panel, entry.words)
        plugin = self._plugins().get(cmd_name)
        return None if plugin is None else _command(cmd_name, _load(plugin), "This machine", False)

    def _plugins(self) -> dict[str, "EntryPoint"]:
        cut = len(self.prefix)
        own = ((name[cut:], point) for name, point in _all_plugins().items() if name.startswith(self.prefix))
        return {name: point for name, point in own if "." not in name}

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            from swarm_consumer.cli.exits import EXIT_PIPE
            from swarm_consumer.cli.output import give_up_stdout

            give_up_stdout()
            raise typer.Exit(EXIT_PIPE) from None


@cache
def _all_plugins() -> dict[str, "EntryPoint"]:
    from importlib.metadata import entry_points

    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def _load(plugin: "EntryPoint") -> Any:
    """The plug-in, or a stand-in that says what is missing."""
    try:
        return plugin.load()
    except (ImportError, AttributeError) as error:
        return _stand_in(plugin, error)


def _stand_in(plugin: "EntryPoint", error: Exception) -> Callable[..., None]:
    package = plugin.value.partition(".")[0].partition(":")[0]
    extra = _EXTRAS.get(package)
    words = plugin.name.replace(".", " ")
    install = f"pip install 'swarm-sync[{extra}]'" if extra else f"install what {package} needs"

    def missing(ctx: typer.Context) -> None:
        raise SwarmError("unavailable", f"`swarm {words}` can't be loaded: {error}", hint=install)

    missing.__doc__ = f"Needs the extra {extra or package}, which is not installed."
    return missing


def _command(name: str, loaded: Any, panel: str, words: bool) -> Any:
    """A command from a function or a Typer app."""
    if isinstance(loaded, typer.Typer):
        command = typer.main.get_command(loaded)
        command.name = name
    else:
        app = typer.Typer(add_completion=False)
        lenient = getattr(loaded, "__name__", "") == "missing"
        settings = {"ignore_unknown_options": True, "allow_extra_args": True} if lenient else None
        app.command(name, cls=WordsCommand if words else QuickCommand, context_settings=settings)(loaded)
        command = typer.main.get_command(app)
    command.rich_help_panel = panel  # type: ignore[attr-defined]
    return command
