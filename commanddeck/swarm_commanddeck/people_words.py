"""People, projects, tokens and sign-ins in words: cells, what will happen, and what one writes into forms. Pure."""

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from swarm_commanddeck.columns import Cell
from swarm_consumer.cli.text import age
from swarm_consumer.models import ApiToken, HeldToken, Member, Project, ProjectLimits, SignIn, User
from swarm_protocol.quantities import QuantityError, cpu_millis, seconds, show_size, size

ROLES: Final = ("observer", "consumer", "operator", "admin")
_ROLE_MARKS: Final = {"observer": "○", "consumer": "◔", "operator": "◑", "admin": "●"}
PASSWORD_LEAST: Final = 8
_USER: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")
_PROJECT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TOKEN_SECONDS: Final = (60.0, 366 * 86400.0)
_NO_LIMIT: Final = ("", "none", "-")

# Cells ---------------------------------------------------------------------------------------------------


def role_cell(role: str) -> Cell:
    """A role; the fuller its circle the more it may."""
    return f"{_ROLE_MARKS.get(role, '?')} {role}", "strong" if role == "admin" else "plain"


def state_cell(user: User) -> Cell:
    """Whether somebody may come in."""
    return ("⊘ disabled", "warn") if user.disabled_at else ("✓ active", "good")


def seen_cell(user: User, now: datetime) -> Cell:
    """When somebody was here last."""
    return age(user.seen_at, now) or "never", "dim"


def ends_cell(token: ApiToken, now: datetime) -> Cell:
    """When a token ends; soon is within a week."""
    if token.expired:
        return "✗ expired", "bad"
    soon = token.expires_at is not None and (token.expires_at - now).total_seconds() < 7 * 86400
    return f"{'! ' if soon else ''}{age(token.expires_at, now)}", "warn" if soon else "plain"


def limit_lines(limits: ProjectLimits) -> list[tuple[str, str, str]]:
    """What it is, how much there is now, and how much there may be; in words."""
    return [
        ("jobs that wait", f"{limits.now_queued:,}", _most(limits.queued)),
        ("jobs on workers", f"{limits.now_running:,}", _most(limits.running)),
        ("cpu", f"{limits.now_cpu_millis / 1000:g}", _most(limits.cpu_millis, lambda value: f"{value / 1000:g}")),
        ("memory", show_size(limits.now_memory), _most(limits.memory, show_size)),
    ]


def _most(value: int | None, show: Callable[[int], str] = "{:,}".format) -> str:
    return "no limit" if value is None else show(value)


# What will happen ----------------------------------------------------------------------------------------


def how_many(things: Sequence[object], one: str, name: str = "") -> str:
    """`user ben`, or `3 users`."""
    return f"{one} {name}".strip() if len(things) == 1 else f"{len(things)} {one}s"


def disabling(users: Sequence[User]) -> list[str]:
    """What comes of shutting people out."""
    each = [f"{user.name} ({user.role}): {_sign_ins(user.sign_ins)} end at once" for user in users]
    return [*each, "", "Their jobs go on; their schedules come to nothing until they are enabled again."]


def deleting(users: Sequence[User]) -> list[str]:
    """What comes of deleting accounts."""
    each = [f"{user.name} ({user.role}): {_sign_ins(user.sign_ins)} and all API tokens end at once" for user in users]
    return [*each, "", "Their jobs stay. This can't be taken back; to shut somebody out for a while, disable them."]


def signing_out(sign_ins: Sequence[SignIn], now: datetime) -> list[str]:
    """Which sign-ins end."""
    each = [f"{one.user}: {one.client or 'unnamed'}, used {age(one.used_at, now)}" for one in sign_ins]
    return [*each, "", "At once, on every core. API tokens stay."]


def revoking(tokens: Sequence[HeldToken], now: datetime) -> list[str]:
    """Which tokens end."""
    each = [
        f"{one.user}: {one.name}, {one.role} in {one.project}, used {age(one.used_at, now) or 'never'}"
        for one in tokens
    ]
    return [*each, "", "At once. Programs that sign in with one are refused from then on."]


def removing_members(members: Sequence[Member], project: str) -> list[str]:
    """Who takes part no more."""
    each = [f"{member.name} ({member.role}) sees nothing of {project} any more" for member in members]
    return [*each, "", "Their jobs there go on."]


def deleting_projects(projects: Sequence[Project]) -> list[str]:
    """What comes of deleting projects."""
    each = [f"{project.name}, with its members and limits" for project in projects]
    return [*each, "", "The core refuses one with anything in it."]


def _sign_ins(count: int) -> str:
    return {0: "no sign-ins", 1: "1 sign-in"}.get(count, f"{count} sign-ins")


def why_not_members(project: Project, user: str) -> str:
    """Why somebody may not change who takes part in a project; empty where they may."""
    if project.role == "admin":
        return ""
    return f"that needs the role admin in {project.name}; {user} is {project.role} there: ask an admin"


# Forms ---------------------------------------------------------------------------------------------------


def check_user(text: str) -> None:
    """Raises ValueError for what can't be a person's name."""
    if not _USER.fullmatch(text):
        raise ValueError("small letters, digits and . _ @ -, beginning with a letter or a digit, at most 63")


def check_project(text: str) -> None:
    """Raises ValueError for what can't be a project's name."""
    if not _PROJECT.fullmatch(text):
        raise ValueError("small letters, digits and . _ -, beginning with a letter or a digit, at most 63")


def check_token(text: str) -> None:
    """Raises ValueError for what can't be a token's name."""
    if not _TOKEN.fullmatch(text):
        raise ValueError("letters, digits and . _ -, beginning with a letter or a digit, at most 63")


def check_password(text: str) -> None:
    """Raises ValueError for one that is too short; none is fine, then one is made."""
    if text and len(text) < PASSWORD_LEAST:
        raise ValueError(f"at least {PASSWORD_LEAST} characters, or none: then one is made and shown once")


def make_password() -> str:
    """One that nobody guesses and that can be read out."""
    return "-".join(secrets.token_hex(2) for _ in range(5))


def read_ttl(text: str) -> float:
    """How long a token is good, in seconds. Raises ValueError."""
    found, (least, most) = seconds(text), _TOKEN_SECONDS
    if not least <= found <= most:
        raise ValueError("from one minute to 366 days")
    return found


def read_limit(name: str, text: str) -> int | None:
    """A limit as one writes it; None: no limit. Raises ValueError saying what it may be."""
    plain = text.strip().lower()
    if plain in _NO_LIMIT:
        return None
    try:
        found = {"cpu_millis": cpu_millis, "memory": size}.get(name, _whole)(plain)
    except QuantityError as error:
        raise ValueError(f"{error}; empty: no limit") from None
    return found


def shown_limit(name: str, value: int | None) -> str:
    """A limit as `read_limit` reads it."""
    if value is None:
        return ""
    return {"cpu_millis": lambda: f"{value / 1000:g}", "memory": lambda: show_size(value)}.get(
        name, lambda: str(value)
    )()


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise QuantityError(f"{text!r} is no number of jobs")
    return int(text)
