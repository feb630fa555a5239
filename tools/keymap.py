"""`make keymap`: docs/commanddeck-keys.md, made from the bindings of the deck's own code; `--check` only compares."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

from textual.binding import BindingType
from textual.dom import DOMNode
from textual.screen import ModalScreen

from swarm_commanddeck import keymap, screens, widgets
from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.places import PLACES
from swarm_commanddeck.screens.base import DeckScreen
from tools.failure import Failure, exit_with, say

PAGE: Final = Path(__file__).parents[1] / "docs" / "commanddeck-keys.md"


def main() -> int:
    """Write the page, or say that it is old. Raises Failure."""
    made = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made)
        say(f"{PAGE.name} is up to date")
    elif not PAGE.exists() or PAGE.read_text() != made:
        raise Failure(f"docs/{PAGE.name} is not what the bindings say: run `make keymap`")
    return 0


def page() -> str:
    """The page as the code has it."""
    parts = {"Everywhere": [keymap.section("The deck", DeckApp.BINDINGS)]}
    shown = list(classes(screens))
    for kind in sorted((kind for kind in shown if not _is_base(kind, shown)), key=_order):
        parts[_title(kind)] = [keymap.section(_kind(kind), _own(kind))]
    for kind in classes(widgets):
        parts[_title(kind)] = [keymap.section("Where it has the focus", _own(kind))]
    return keymap.page({title: found for title, found in parts.items() if any(part.lines for part in found)})


def classes(package: ModuleType) -> Iterator[type[DOMNode]]:
    """The screens or widgets that a package's modules define."""
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        for found in vars(import_module(module.name)).values():
            if isinstance(found, type) and issubclass(found, DOMNode) and found.__module__ == module.name:
                yield found


def _is_base(kind: type[DOMNode], shown: list[type[DOMNode]]) -> bool:
    """Whether it is only what others build on: their keys are told with theirs."""
    return any(other is not kind and issubclass(other, kind) for other in shown)


def _own(kind: type[DOMNode]) -> list[BindingType]:
    """The bindings of a class and of those of ours that it builds on."""
    ours = [base for base in kind.__mro__ if base.__module__.startswith("swarm_commanddeck.")]
    return [binding for base in ours for binding in vars(base).get("BINDINGS", ())]


def _order(kind: type[DOMNode]) -> tuple[int, int, str]:
    """Top screens as their keys have them, then details, then questions."""
    homes = [place.home.partition(":")[2] for place in PLACES]
    if kind.__name__ in homes:
        return 0, homes.index(kind.__name__), ""
    return (1 if issubclass(kind, DeckScreen) else 2), 0, kind.__name__


def _kind(kind: type[DOMNode]) -> str:
    if issubclass(kind, ModalScreen):
        return "While it is asked"
    return "On this screen" if issubclass(kind, DeckScreen) else "Where it has the focus"


def _title(kind: type[DOMNode]) -> str:
    for place in PLACES:
        if place.home.endswith(f":{kind.__name__}"):
            return f"{place.title} ({place.key})"
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
    return words.removesuffix(" screen").strip().capitalize()


if __name__ == "__main__":
    exit_with(main)
