"""The audit on the stage."""

from typing import Any

from tools.stage.answers import Table, ago, listed


def fill(table: Table) -> None:
    """What was done in the last days."""
    table.put("GET /audit", listed([_entry(*each, at=at) for at, each in enumerate(_DONE)]))


_DONE: list[tuple[float, str, str, str, str | None, dict[str, Any]]] = [
    (0.1, "user:ana", "login", "deck on rack-console", "default", {}),
    (2, "user:ana", "set_setting", "retention.logs", None, {"old": 1209600.0, "new": 7776000.0, "unit": "seconds"}),
    (3.2, "user:ben", "push_image", "train:2026-11-29", "lab", {"digest": "sha256:9f2c61d0"}),
    (3.4, "user:ben", "cancel_job", "1042", "lab", {"of": "kim@example.org", "name": "train"}),
    (5, "user:kim", "login_failed", "203.0.113.7", None, {}),
    (26, "user:ben", "set_setting", "terminal_role", None, {"old": "operator", "new": "admin"}),
    (30, "worker:0193f6a0", "join", "rack-7", None, {"token": "tk-31"}),
    (31, "user:ben", "make_join_token", "tk-31", None, {"uses": 4, "ttl": 3600.0}),
    (70, "user:ben", "open_terminal", "1017.1", "lab", {"command": "sh -c 'nvidia-smi | head'"}),
    (96, "user:ana", "disable_user", "eve", None, {}),
    (97, "user:ana", "grant", "ben", "lab", {"role": "operator"}),
    (98, "user:ana", "pause_schedule", "nightly-eval", "lab", {"id": 12}),
]


def _entry(
    hours: float, actor: str, action: str, subject: str, project: str | None, detail: dict[str, Any], *, at: int
) -> dict[str, Any]:
    return {
        "id": 500 - at,
        "at": ago(hours=hours),
        "actor": actor,
        "action": action,
        "subject": subject,
        "project": project,
        "detail": detail,
    }
