"""RuntimeSettings: keeps what counts as the database has it, on every core, and takes changes.

A change wakes the other cores through Redis; who is not told looks by itself every few seconds. A core that can't reach
the database goes on with what it read last.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from swarm_core.audit import Audit
from swarm_core.clock import Clock
from swarm_core.live import Live
from swarm_core.module import Log
from swarm_core.settings import Settings
from swarm_core.store import keys
from swarm_core.store import settings as rows
from swarm_core.store.audit import AuditView, Filter, Place
from swarm_core.store.database import LOST, Connection, Database, transaction
from swarm_core.store.settings import Kept
from swarm_core.tuning import overlay
from swarm_core.tuning.registry import BY_NAME, SETTINGS, Setting
from swarm_protocol import setting_rules as rules
from swarm_protocol.errors import SwarmError
from swarm_protocol.setting_rules import UNITS, RuleError, Type, Value

_LOOK: Final = 10.0
"""Seconds after which a core looks that is told of changes."""
_LOOK_UNTOLD: Final = 2.0
"""The same without Redis."""
_CHANGES: Final = ("set_setting", "reset_setting")


class SettingView(msgspec.Struct, kw_only=True, frozen=True):
    """A setting as it is. Durations are seconds. `default` is what counts where neither environment nor people say."""

    name: str
    meaning: str
    type: Type
    unit: str
    default: Value | None
    least: float | None
    most: float | None
    choices: list[str]
    value: Value | None
    source: Literal["default", "environment", "set"]
    """Where the value comes from; the environment is that of the core that answers."""
    changed_by: str | None
    changed_at: datetime | None
    variable: str
    """Of the environment."""
    fixed: str | None
    """Why it can't change while cores run; null where it can."""


class ChangeView(msgspec.Struct, kw_only=True, frozen=True):
    """One change of a setting."""

    at: datetime
    actor: str
    reset: bool
    """Whether it was back to what the environment says."""
    old: Value | None
    new: Value | None


class RuntimeSettings:
    """A module: `run` keeps `live` as the database has it, until cancelled."""

    name = "settings"

    def __init__(
        self,
        database: Database,
        audit: Audit,
        live: Live,
        clock: Clock,
        log: Log,
        *,
        changed: Callable[[], None],
        is_told: Callable[[], bool],
    ) -> None:
        """`changed` is called after a commit here, to wake the other cores; `is_told`: whether theirs wake this one."""
        self._database = database
        self._audit = audit
        self._live = live
        self._clock = clock
        self._log = log
        self._changed = changed
        self._is_told = is_told
        self._wake = asyncio.Event()
        self._passed_over: set[str] = set()

    def wake(self) -> None:
        """Somebody has changed a setting."""
        self._wake.set()

    async def run(self) -> None:
        """Take what is set, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.refresh()
            except LOST as error:
                self._log.debug("settings wait for the database", error=f"{type(error).__name__}: {error}")
            await self._rest(_LOOK if self._is_told() else _LOOK_UNTOLD)

    async def refresh(self) -> None:
        """Take what is set now. Raises LOST."""
        self._take(await rows.kept(self._database.api))

    def _take(self, kept: Mapping[str, Kept]) -> None:
        good = {name: value for name, each in kept.items() if (value := self._good(each)) is not None}
        self._live.take(overlay.with_values(self._live.start, good))

    def _good(self, kept: Kept) -> Value | None:
        """The value; None where this core has no such setting, or it no such value: another version wrote it."""
        setting = BY_NAME.get(kept.name)
        try:
            if setting is not None and not setting.fixed:
                return rules.read(setting.rule, kept.value)
        except RuleError:
            pass
        if kept.name not in self._passed_over:
            self._passed_over.add(kept.name)
            self._log.warning("a setting that was set doesn't count here", setting=kept.name, value=kept.value)
        return None

    # What people ask for ---------------------------------------------------------------------------------

    async def all(self) -> list[SettingView]:
        """Every setting, in the order of the registry."""
        kept = await rows.kept(self._database.api)
        self._take(kept)
        return [self._view(setting, kept.get(setting.name)) for setting in SETTINGS]

    async def show(self, name: str) -> SettingView:
        """One of them. Raises SwarmError(not_found)."""
        setting = _find(name)
        kept = await rows.kept(self._database.api)
        self._take(kept)
        return self._view(setting, kept.get(name))

    async def put(self, actor: str, name: str, given: object) -> SettingView:
        """Set one; it counts on every core within seconds. Raises SwarmError: not_found, conflict, bad_request."""
        setting = _changeable(name)
        value = _read(setting, given)
        async with transaction(self._database.api) as connection:
            old, others = await self._old(connection, name)
            if wrong := setting.objection(overlay.with_values(others, {name: value})):
                raise SwarmError("bad_request", f"{name}: {wrong}", field="value")
            await rows.put(connection, name, value, actor)
            await keys.audit(connection, actor, "set_setting", name, None, old=old, new=value, **_unit(setting))
        self._log.info("a setting was changed", setting=name, old=old, new=value, by=actor)
        return await self._told(name)

    async def reset(self, actor: str, name: str) -> SettingView:
        """Let the environment say again; one that isn't set stays so. Raises SwarmError: not_found, conflict."""
        setting = _changeable(name)
        new = overlay.value_of(self._live.start, name)
        async with transaction(self._database.api) as connection:
            old, _ = await self._old(connection, name)
            was_set = await rows.reset(connection, name)
            if was_set:
                await keys.audit(connection, actor, "reset_setting", name, None, old=old, new=new, **_unit(setting))
        if was_set:
            self._log.info("a setting was taken back", setting=name, old=old, new=new, by=actor)
        return await self._told(name)

    async def history(self, name: str, place: Place | None, most: int) -> tuple[list[ChangeView], Place | None]:
        """Who changed it from what to what, newest first, as far as the audit goes. Raises SwarmError(not_found)."""
        _find(name)
        found = await self._audit.page(Filter(subject=name, actions=_CHANGES), place, most)
        return [_change(entry) for entry in found.entries], found.following

    async def _old(self, connection: Connection, name: str) -> tuple[Value, Settings]:
        """The value before a change, and all others beside it; nobody else changes any until the transaction ends."""
        await rows.lock(connection)
        self._take(await rows.kept(connection))
        old: Value = overlay.value_of(self._live.now, name)
        return old, self._live.now

    async def _told(self, name: str) -> SettingView:
        found = await self.show(name)
        self._changed()
        return found

    def _view(self, setting: Setting, kept: Kept | None) -> SettingView:
        name, rule = setting.name, setting.rule
        started, usual = overlay.value_of(self._live.start, name), overlay.value_of(overlay.USUAL, name)
        counts = None if kept is None or self._good(kept) is None else kept
        return SettingView(
            name=name,
            meaning=setting.meaning,
            type=rule.type,
            unit=setting.unit or UNITS[rule.type],
            default=overlay.plain(name, usual),
            least=rule.least,
            most=rule.most,
            choices=list(rule.choices),
            value=overlay.plain(name, overlay.value_of(self._live.now, name)),
            source="set" if counts else "default" if started == usual else "environment",
            changed_by=counts.changed_by if counts else None,
            changed_at=counts.changed_at if counts else None,
            variable=setting.variable,
            fixed=setting.fixed or None,
        )

    async def _rest(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._wake.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _unit(setting: Setting) -> dict[str, str]:
    """What the numbers of an entry are, where they are of something."""
    unit = setting.unit or UNITS[setting.rule.type]
    return {"unit": unit} if unit else {}


def _find(name: str) -> Setting:
    found = BY_NAME.get(name)
    if found is None:
        raise SwarmError("not_found", f"there is no setting {name[:80]}", hint="`swarm settings list` shows them")
    return found


def _changeable(name: str) -> Setting:
    found = _find(name)
    if found.fixed:
        message = f"{name} can't change while cores run: {found.fixed}"
        raise SwarmError("conflict", message, hint=f"the variable {found.variable} of a core sets it at its start")
    return found


def _read(setting: Setting, given: object) -> Value:
    try:
        return rules.read(setting.rule, given)
    except RuleError as error:
        raise SwarmError("bad_request", f"{setting.name} is {error}", field="value") from None


def _change(entry: AuditView) -> ChangeView:
    old, new = entry.detail.get("old"), entry.detail.get("new")
    return ChangeView(at=entry.at, actor=entry.actor, reset=entry.action == "reset_setting", old=old, new=new)
