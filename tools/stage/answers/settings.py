"""Settings on the stage: those of the registry, two of them set."""

from typing import Any, Final

from swarm_core.tuning.overlay import USUAL, plain, value_of
from swarm_core.tuning.registry import SETTINGS, Setting
from swarm_protocol.setting_rules import UNITS
from tools.stage.answers import Table, ago, listed

_SET: Final = {"retention.logs": (90 * 86400.0, "user:ana", 2.0), "terminal_role": ("admin", "user:ben", 26.0)}
_STARTED: Final = {"retention.syslog.info": 14 * 86400.0, "data": "/var/lib/swarm", "port": 8443, "host": "0.0.0.0"}


def fill(table: Table) -> None:
    """All of them, and the history of one."""
    views = [_view(setting) for setting in SETTINGS]
    table.put("GET /settings", listed(views))
    usual, now = 14 * 86400.0, 90 * 86400.0
    changes = [
        {"at": ago(hours=2), "actor": "user:ana", "reset": False, "old": usual, "new": now},
        {"at": ago(days=9), "actor": "user:ben", "reset": True, "old": 7 * 86400.0, "new": usual},
        {"at": ago(days=12), "actor": "user:ben", "reset": False, "old": usual, "new": 7 * 86400.0},
    ]
    for view in views:
        name = view["name"]
        table.put(f"GET /settings/{name}", view)
        table.put(f"GET /settings/{name}/history", listed(changes if name == "retention.logs" else []))


def _view(setting: Setting) -> dict[str, Any]:
    name, rule = setting.name, setting.rule
    usual = plain(name, value_of(USUAL, name))
    value, by, hours = _SET.get(name, (_STARTED.get(name, usual), None, 0.0))
    return {
        "name": name,
        "meaning": setting.meaning,
        "type": rule.type,
        "unit": setting.unit or UNITS[rule.type],
        "default": usual,
        "least": rule.least,
        "most": rule.most,
        "choices": rule.choices,
        "value": value,
        "source": "set" if by else "environment" if name in _STARTED else "default",
        "changed_by": by,
        "changed_at": ago(hours=hours) if by else None,
        "variable": setting.variable,
        "fixed": setting.fixed or None,
    }
