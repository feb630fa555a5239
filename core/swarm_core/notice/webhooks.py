"""Webhooks of projects, kept by their operators; and what became of all that was to be told."""

from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from swarm_core.identity.seal import Sealer
from swarm_core.notice import payload
from swarm_core.notice.courier import bound
from swarm_core.notice.settings import NoticeSettings, check_mail
from swarm_core.notice.signing import make_secret
from swarm_core.notice.targets import parse_target
from swarm_core.store import deliveries, keys
from swarm_core.store import webhooks as rows
from swarm_core.store.database import Database, transaction
from swarm_core.store.deliveries import DeliveryView
from swarm_core.store.webhooks import New, WebhookView
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId, uuid7
from swarm_protocol.notice import ENDS, HOOK_RULE, USUAL_ENDS, is_address, is_hook_name, mail_address

MAX_KEPT: Final = 100
"""Webhooks of one project."""
MAX_OVERLAP: Final = 30 * 86400.0
_STATES: Final = ("waiting", "delivered", "dead")


class Caller(Protocol):
    """Who asks."""

    @property
    def name(self) -> str: ...
    @property
    def project(self) -> ProjectId: ...
    @property
    def role(self) -> str: ...


class Wanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A webhook to be added."""

    name: str
    url: str
    """https://…, or mail:ADDRESS."""
    states: list[str] = msgspec.field(default_factory=lambda: list(USUAL_ENDS))
    """The ends that it is told of."""
    job_name: str | None = None
    tag: str | None = None
    only_named: bool = False
    """Only of jobs that name it (`notify` of a spec)."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook with its secret, which is shown this once; None for mail."""

    webhook: WebhookView
    secret: str | None


class Webhooks:
    """Keeps webhooks and shows deliveries."""

    def __init__(self, database: Database, sealer: Sealer, settings: NoticeSettings) -> None:
        self._database = database
        self._sealer = sealer
        self._settings = settings

    # Keeping ---------------------------------------------------------------------------------------------

    async def add(self, who: Caller, wanted: Wanted) -> Made:
        """Keep one. Raises SwarmError: bad_request, invalid_spec, conflict."""
        self._check(wanted)
        webhook = uuid7()
        secret = None if mail_address(wanted.url) else make_secret()
        sealed = self._sealer.seal(bound(webhook, 1), secret.encode()) if secret else None
        new = New(
            id=webhook,
            project=who.project,
            name=wanted.name,
            url=wanted.url,
            states=tuple(dict.fromkeys(wanted.states)),
            job_name=wanted.job_name,
            tag=wanted.tag,
            only_named=wanted.only_named,
            secret=sealed,
            actor=f"user:{who.name}",
        )
        async with transaction(self._database.api) as connection:
            await rows.lock(connection, who.project)
            if await rows.count(connection, who.project) >= MAX_KEPT:
                hint = "remove one: `swarm webhook rm`"
                raise SwarmError("conflict", f"the project has {MAX_KEPT} webhooks, which is the most", hint=hint)
            if not await rows.add(connection, new):
                message = f"there is a webhook {wanted.name} already"
                raise SwarmError("conflict", message, hint="`swarm webhook rm` it, or take another name", field="name")
            await keys.audit(connection, f"user:{who.name}", "add_webhook", wanted.name, who.project)
        return Made(webhook=await self.show(who, wanted.name), secret=secret)

    def _check(self, wanted: Wanted) -> None:
        if not is_hook_name(wanted.name):
            message = f"{wanted.name[:80]!r} can't be a webhook's name"
            raise SwarmError("bad_request", message, hint=HOOK_RULE, field="name")
        wrong = next((state for state in wanted.states if state not in ENDS), None)
        if wrong is not None or not wanted.states:
            message = f"{wrong!r} is no end of a job" if wrong else "name at least one end that it is told of"
            raise SwarmError("bad_request", message, hint=f"one of {', '.join(ENDS)}", field="states")
        for name, text, most in (("job_name", wanted.job_name, 200), ("tag", wanted.tag, 64)):
            if text is not None and (not 0 < len(text) <= most or "\0" in text):
                raise SwarmError("bad_request", f"{name} has from 1 to {most} characters", field=name)
        address = mail_address(wanted.url)
        if address is None:
            parse_target(wanted.url, self._settings.allowed)
        elif not is_address(address):
            raise SwarmError("bad_request", f"{address[:80]!r} is no mail address", field="url")
        else:
            check_mail(self._settings.mail, address, "url")

    async def page(self, who: Caller, after: str, most: int) -> list[WebhookView]:
        """The project's, by name."""
        return [shown_to(who.role, view) for view in await rows.page(self._database.api, who.project, after, most)]

    async def show(self, who: Caller, name: str) -> WebhookView:
        """One of them. Raises SwarmError(not_found)."""
        found = await rows.page(self._database.api, who.project, "", 1, name)
        if not found:
            raise _no_webhook(name)
        return shown_to(who.role, found[0])

    async def remove(self, who: Caller, name: str) -> None:
        """Delete one, and what it was still to be told. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            if not await rows.remove(connection, who.project, name):
                raise _no_webhook(name)
            await keys.audit(connection, f"user:{who.name}", "remove_webhook", name, who.project)

    async def rotate(self, who: Caller, name: str, overlap: float) -> Made:
        """Another secret; for `overlap` seconds the old one signs too.

        Raises SwarmError: not_found, conflict, bad_request.
        """
        if not 0 <= overlap <= MAX_OVERLAP:
            raise SwarmError("bad_request", f"from 0 to {MAX_OVERLAP:g} seconds", field="overlap")
        secret = make_secret()
        async with transaction(self._database.api) as connection:
            found = await rows.locked(connection, who.project, name)
            if found is None:
                raise _no_webhook(name)
            if mail_address(found.url):
                raise SwarmError("conflict", f"{name} is a mail address, which has no secret")
            sealed = self._sealer.seal(bound(found.id, found.version + 1), secret.encode())
            await rows.rotate(connection, found.id, found.version + 1, sealed, overlap)
            await keys.audit(connection, f"user:{who.name}", "rotate_webhook", name, who.project)
        return Made(webhook=await self.show(who, name), secret=secret)

    async def enable(self, who: Caller, name: str) -> WebhookView:
        """Tell one again that was disabled. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            if not await rows.enable(connection, who.project, name):
                raise _no_webhook(name)
            await keys.audit(connection, f"user:{who.name}", "enable_webhook", name, who.project)
        return await self.show(who, name)

    # Deliveries ------------------------------------------------------------------------------------------

    async def test(self, who: Caller, name: str) -> DeliveryView:
        """Have one told of a test, once; what comes of it is to be looked up. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            found = await rows.locked(connection, who.project, name)
            if found is None:
                raise _no_webhook(name)
            lane = "mail" if mail_address(found.url) else str(found.id)
            body = payload.of_test(found.now)
            new = deliveries.New(who.project, found.id, name, lane, None, body)
            [made] = await deliveries.enqueue(connection, [new])
        return await self.delivery(who, made)

    async def deliveries(
        self,
        who: Caller,
        most: int,
        *,
        below: UUID | None = None,
        state: str | None = None,
        to: str | None = None,
        job: int | None = None,
    ) -> Sequence[DeliveryView]:
        """What was and is to be told, newest first. Raises SwarmError(bad_request)."""
        if state is not None and state not in _STATES:
            raise SwarmError("bad_request", f"state is one of {', '.join(_STATES)}", field="state")
        return await deliveries.page(self._database.api, who.project, most, below=below, state=state, to=to, job=job)

    async def delivery(self, who: Caller, delivery: UUID) -> DeliveryView:
        """One of them. Raises SwarmError(not_found)."""
        found = await deliveries.page(self._database.api, who.project, 1, only=delivery)
        if not found:
            raise _no_delivery(delivery)
        return found[0]

    async def redeliver(self, who: Caller, delivery: UUID) -> DeliveryView:
        """Try one anew, for as long as a new one. Raises SwarmError: not_found, conflict."""
        async with transaction(self._database.api) as connection:
            done = await deliveries.again(connection, who.project, delivery)
        found = await self.delivery(who, delivery)
        if not done:
            raise SwarmError("conflict", "it is still being tried", hint="see `swarm webhook deliveries`")
        return found

    async def redeliver_dead(self, who: Caller, to: str | None) -> int:
        """Try anew all that was given up, of one target or of all; how many."""
        async with transaction(self._database.api) as connection:
            return await deliveries.all_again(connection, who.project, to)


def shown_to(role: str, view: WebhookView) -> WebhookView:
    """A webhook as a role may see it: to many receivers, who knows the URL is let in."""
    if role in ("operator", "admin") or mail_address(view.url):
        return view
    parts = urlsplit(view.url)
    return msgspec.structs.replace(view, url=f"{parts.scheme}://{parts.netloc}/…")


def _no_webhook(name: str) -> SwarmError:
    return SwarmError("not_found", f"there is no webhook {name[:80]}", hint="`swarm webhook list` shows yours")


def _no_delivery(delivery: UUID) -> SwarmError:
    return SwarmError("not_found", f"there is no delivery {delivery}", hint="`swarm webhook deliveries` lists yours")
