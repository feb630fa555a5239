"""Settings in words: cells, the panel below the table, and what a change will do. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from swarm_commanddeck.columns import Cell
from swarm_consumer.cli.text import age, moment
from swarm_consumer.settings import Setting, SettingChange
from swarm_protocol.setting_rules import Value, range_of, read, shown

_SOURCES: Final = {"default": ("· default", "dim"), "environment": ("◆ environment", "plain"), "set": ("● set", "busy")}


def value_cell(setting: Setting) -> Cell:
    """What counts now."""
    return shown(setting.rule, setting.value) or "–", "plain" if setting.source == "default" else "strong"


def default_cell(setting: Setting) -> Cell:
    """What counts where nothing is said."""
    return shown(setting.rule, setting.default) or "–", "dim"


def source_cell(setting: Setting) -> Cell:
    """Where the value comes from; a lock stands at what takes a restart."""
    words, tone = _SOURCES.get(setting.source, (setting.source, "plain"))
    return (f"{words}, fixed", "dim") if setting.fixed else (words, tone)


def range_cell(setting: Setting) -> Cell:
    """What it may be."""
    return ("takes a restart" if setting.fixed else range_text(setting)), "dim"


def range_text(setting: Setting) -> str:
    """What it may be, with its unit."""
    return f"{range_of(setting.rule)} {setting.unit if setting.type == 'count' else ''}".strip()


def changed_cell(setting: Setting, now: datetime) -> Cell:
    """Who set it, and when."""
    if setting.changed_by is None:
        return "", "dim"
    return f"{setting.changed_by.removeprefix('user:')}, {age(setting.changed_at, now)}", "plain"


def about(setting: Setting) -> list[str]:
    """All that there is to say of one, a line each."""
    lines = [setting.meaning]
    unit = f" ({setting.unit})" if setting.unit else ""
    may = f"may be {range_text(setting)}" if not setting.fixed and range_text(setting) else ""
    lines.append(", ".join(filter(None, (f"{setting.type}{unit}", may, f"usually {default_cell(setting)[0]}"))))
    if setting.changed_by:
        lines.append(f"set by {setting.changed_by.removeprefix('user:')} on {moment(setting.changed_at)}")
    if setting.fixed:
        lines.append(f"takes a restart with {setting.variable}: {setting.fixed}")
    else:
        lines.append(f"{setting.variable} of a core says what counts while nobody has set it")
    return lines


def why_fixed(setting: Setting) -> str:
    """Why it can't be changed here; empty where it can."""
    if setting.fixed is None:
        return ""
    return f"{setting.name} takes a restart with {setting.variable}: {setting.fixed}"


def loses(setting: Setting, new: Value | None) -> list[str]:
    """What is gone for good if it is set to this; nothing where nothing is."""
    before = setting.value
    if not setting.name.startswith("retention.") or not isinstance(before, int | float):
        return []
    if not isinstance(new, int | float) or new >= before:
        return []
    kept = f"from {shown(setting.rule, before)} to {shown(setting.rule, new)}"
    return [setting.meaning, f"{setting.name} goes {kept}: what is past that goes within minutes, for good."]


def changes_to(setting: Setting, text: str) -> Value | None:
    """What one wrote, where it is another value than the one that counts. Raises RuleError."""
    new = read(setting.rule, text)
    return None if new == setting.value or (new == "" and setting.value is None) else new


def resetting(setting: Setting) -> list[str]:
    """What comes of a reset."""
    return [
        f"{setting.name} is {value_cell(setting)[0]}, set by {setting.changed_by or 'nobody'}.",
        f"It will be what {setting.variable} of the cores says, or else {default_cell(setting)[0]}.",
    ]


def history_cells(setting: Setting, change: SettingChange) -> tuple[str, str]:
    """From what to what."""
    new = shown(setting.rule, change.new) or "–"
    return shown(setting.rule, change.old) or "–", f"{new} (reset)" if change.reset else new


def matching(settings: Sequence[Setting], words: str, *, changed: bool = False) -> list[Setting]:
    """Those whose name or meaning has all of these words; `changed`: only what is not as usual."""
    wanted = words.lower().split()
    return [
        setting
        for setting in settings
        if (not changed or setting.source != "default")
        and all(word in f"{setting.name} {setting.meaning} {setting.variable}".lower() for word in wanted)
    ]
