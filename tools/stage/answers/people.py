"""People, projects, tokens and sign-ins on the stage."""

from typing import Any

from tools.stage.answers import Table, ago, ahead, listed

_WEEK = 7 * 24


def fill(table: Table) -> None:
    """Four people, three projects."""
    users = [_user("ana", "admin", seen=0.01, sign_ins=2, made=400), _user("ben", "operator", seen=3, sign_ins=1)]
    users += [_user("eve", "observer", seen=30 * 24, disabled=4), _user("kim@example.org", "consumer", seen=26)]
    table.put("GET /users", listed(users))
    table.put("GET /projects", listed([_project("default", 500), _project("lab", 90), _project("render-farm", 12)]))
    for name in ("default", "lab", "render-farm"):
        table.put(f"GET /projects/{name}/limits", _limits(name))
        table.put(f"GET /projects/{name}/members", listed(_members(name)))
    table.put("GET /users/*/tokens", listed(_tokens()))
    table.put("GET /users/*/sign-ins", listed(_sign_ins()))


def _user(
    name: str, role: str, *, seen: float, sign_ins: int = 1, disabled: float = 0, made: float = 120
) -> dict[str, Any]:
    return {
        "name": name,
        "id": f"0193f6a0-0000-7000-8000-{len(name):012d}",
        "role": role,
        "project": "default",
        "created_at": ago(days=made),
        "disabled_at": ago(days=disabled) if disabled else None,
        "seen_at": ago(hours=seen),
        "sign_ins": 0 if disabled else sign_ins,
    }


def _project(name: str, days: float) -> dict[str, Any]:
    identity = f"0193f6a0-0000-7000-8000-{len(name):012d}"
    return {"id": identity, "name": name, "role": "admin", "created_at": ago(days=days)}


def _limits(name: str) -> dict[str, Any]:
    at_most = {"queued": 10_000, "running": 64, "cpu_millis": 128_000, "memory": 512 << 30} if name == "lab" else {}
    return {
        "project": name,
        "queued": None,
        "running": None,
        "cpu_millis": None,
        "memory": None,
        "now_queued": 812,
        "now_running": 41,
        "now_cpu_millis": 88_500,
        "now_memory": 300 << 30,
        "changed_at": ago(days=3) if at_most else None,
        "changed_by": "user:ana" if at_most else None,
        **at_most,
    }


def _members(name: str) -> list[dict[str, Any]]:
    own = name == "default"
    return [
        {
            "name": "ben",
            "role": "operator",
            "own": own,
            "added_at": ago(days=80),
            "added_by": "" if own else "user:ana",
        },
        {
            "name": "eve",
            "role": "observer",
            "own": own,
            "added_at": ago(days=20),
            "added_by": "" if own else "user:ben",
        },
    ]


def _tokens() -> list[dict[str, Any]]:
    return [
        _token("ana", "nightly-ci", "consumer", "lab", ends=400, used=0.2),
        _token("ben", "grafana", "observer", "default", ends=3 * 24, used=0.01),
        _token("ben", "old-script", "operator", "lab", ends=-2, used=None),
    ]


def _token(user: str, name: str, role: str, project: str, *, ends: float, used: float | None) -> dict[str, Any]:
    return {
        "user": user,
        "name": name,
        "role": role,
        "project": project,
        "created_at": ago(days=30),
        "expires_at": ahead(hours=ends),
        "used_at": None if used is None else ago(hours=used),
        "expired": ends < 0,
    }


def _sign_ins() -> list[dict[str, Any]]:
    each = [
        ("ana", "swarm on bureau", 40, 0.02),
        ("ana", "deck on rack-console", 9, 0.01),
        ("ben", "swarm on ben-laptop", 70, 3),
    ]
    return [
        {
            "id": f"0193f6a0-0000-7000-8000-{at:012d}",
            "user": user,
            "client": client,
            "created_at": ago(days=days),
            "used_at": ago(hours=used),
            "expires_at": ahead(hours=4 * _WEEK - used),
        }
        for at, (user, client, days, used) in enumerate(each)
    ]
