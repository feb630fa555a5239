"""Whom a spec wants told of its end, brought to what is kept and checked."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from swarm_core.notice.settings import Mail, check_mail
from swarm_core.specs import invalid_spec
from swarm_core.store import webhooks
from swarm_core.store.database import Connection
from swarm_protocol.notice import parse_notice
from swarm_protocol.spec import JobSpec

Named = tuple[int, str]
"""A webhook's place among a spec's notices, and its name."""


def kept(spec: JobSpec) -> str | None:
    """The notices of a spec that was checked, as JSON; None where there are none."""
    if not spec.notify:
        return None
    return msgspec.json.encode([parse_notice(text) for text in spec.notify]).decode()


def hooks_of(spec: JobSpec) -> tuple[Named, ...]:
    """The webhooks that a spec names."""
    found = ((at, parse_notice(text).hook) for at, text in enumerate(spec.notify))
    return tuple((at, name) for at, name in found if name)


def check_mails(spec: JobSpec, mail: Mail | None, above: str = "") -> None:
    """Whether mail can go to each address that a spec names. Raises SwarmError(invalid_spec).

    `above` stands before the names of wrong fields.
    """
    for at, text in enumerate(spec.notify):
        if address := parse_notice(text).mail:
            check_mail(mail, address, f"{above}notify[{at}]")


async def need_hooks(connection: Connection, project: UUID, named: Iterable[Named], above: str = "") -> None:
    """The project must have every one; `above` as with mail. Raises SwarmError(invalid_spec)."""
    wanted = list(named)
    known = await webhooks.known(connection, project, {name for _, name in wanted}) if wanted else set()
    wrong = [(at, name) for at, name in wanted if name not in known]
    if wrong:
        error = invalid_spec(
            [{"field": f"{above}notify[{at}]", "message": f"there is no webhook {name}"} for at, name in wrong]
        )
        error.hint = "`swarm webhook list` shows what there is; an operator adds one with `swarm webhook add`"
        raise error
