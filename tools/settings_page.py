"""`make settings`: the tables of docs/settings.md, from the registry of settings. Needs the locked packages."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from swarm_core.tuning.overlay import USUAL, plain, value_of
from swarm_core.tuning.registry import SETTINGS, Setting
from swarm_protocol.setting_rules import range_of, shown
from tools.failure import exit_with

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/settings.md"
BEGIN: Final = "<!-- made by `make settings`: begin -->\n"
END: Final = "<!-- made by `make settings`: end -->\n"
_CHANGEABLE: Final = "| setting | what it is | from, to | default | variable |\n|---|---|---|---|---|\n"
_FIXED: Final = """
## Those that take a restart

They are listed too, with why they can't change while cores run. The variable of a core sets one at its start.

| setting | what it is | why | default | variable |
|---|---|---|---|---|
"""


def main() -> int:
    """Write the page."""
    PAGE.write_text(renewed(PAGE.read_text()))
    return 0


def renewed(page: str) -> str:
    """The page with the tables as the registry has them."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{tables()}{END}{after}"


def tables() -> str:
    """Both tables."""
    changeable = [setting for setting in SETTINGS if not setting.fixed]
    fixed = [setting for setting in SETTINGS if setting.fixed]
    first = _rows(changeable, lambda setting: f"{range_of(setting.rule)} {setting.unit}".strip())
    return f"{_CHANGEABLE}{first}{_FIXED}{_rows(fixed, lambda setting: setting.fixed)}"


def _rows(settings: Iterable[Setting], column: Callable[[Setting], str]) -> str:
    return "".join(
        f"| `{each.name}` | {each.meaning} | {column(each)} | {_usual(each)} | `{each.variable}` |\n"
        for each in settings
    )


def _usual(setting: Setting) -> str:
    text = shown(setting.rule, plain(setting.name, value_of(USUAL, setting.name)))
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    exit_with(main)
