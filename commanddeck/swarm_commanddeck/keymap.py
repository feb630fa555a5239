"""The keys as people read them, made from the bindings: for `?`, and for the page of the docs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding, BindingType

_NAMES: Final = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "comma": ",",
    "full_stop": ".",
    "escape": "esc",
    "pagedown": "page down",
    "pageup": "page up",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


@dataclass(frozen=True, slots=True)
class KeyLine:
    """Keys, and what they do; `why_not`: why they don't, for this role."""

    keys: str
    does: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """The keys of one part of what is seen."""

    title: str
    lines: list[KeyLine]


def shown(keys: str) -> str:
    """Keys as they stand on a keyboard: `ctrl+d`, `?`, `↓`."""
    return " ".join(_shown(key) for key in keys.split(","))


def _shown(key: str) -> str:
    *modifiers, last = key.split("+")
    name = _NAMES.get(last, last)
    return "+".join([*modifiers, name])


def section(title: str, bindings: Iterable[BindingType], why_not: Callable[[str], str] = lambda _: "") -> Section:
    """The keys of some bindings; `why_not` says of an action why it can't be done."""
    lines: dict[str, KeyLine] = {}
    for given in bindings:
        binding = given if isinstance(given, Binding) else Binding(*given)
        does = binding.tooltip or binding.description
        if not does:
            continue
        before = lines.get(does)
        keys = shown(binding.key) if before is None else f"{before.keys} {shown(binding.key)}"
        lines[does] = KeyLine(keys, does, why_not(binding.action.partition("(")[0]))
    return Section(title, list(lines.values()))


def page(sections: Mapping[str, Iterable[Section]]) -> str:
    """The page of the docs: a table for each section, below the heading of its screen."""
    parts = ["# Keys of the deck", "", "Made by `make keymap` from the bindings; `?` shows those of where one is.", ""]
    for screen, found in sections.items():
        parts += [f"## {screen}", ""]
        for part in found:
            if part.lines:
                parts += _table(part)
    return "\n".join(parts).rstrip() + "\n"


def _table(part: Section) -> list[str]:
    rows = [f"| {_code(line.keys)} | {line.does} |" for line in part.lines]
    return [f"**{part.title}**", "", "| keys | |", "|---|---|", *rows, ""]


def _code(keys: str) -> str:
    return " ".join(f"`{key}`" if key != "|" else "`\\|`" for key in keys.split(" "))
