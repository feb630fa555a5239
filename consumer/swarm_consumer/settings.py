"""Settings of the cores. Operators see them, administrators change them; no core is started again.

async with Client.from_credentials() as client:
    await client.settings.set("retention.jobs", "30d")
"""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from swarm_consumer.pages import Page
from swarm_consumer.transport import Call, Transport, part
from swarm_protocol.setting_rules import Rule, Value


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as it is. Durations are seconds; `default` counts where neither environment nor people say."""

    name: str
    meaning: str = ""
    type: str = "text"
    """duration, count, choice, url or text."""
    unit: str = ""
    default: Value | None = None
    least: float | None = None
    most: float | None = None
    choices: list[str] = []
    value: Value | None = None
    source: str = ""
    """Where the value comes from: default, environment (of the core that answered), or set."""
    changed_by: str | None = None
    changed_at: datetime | None = None
    variable: str = ""
    """Of the environment, which gives the value where nobody has set one."""
    fixed: str | None = None
    """Why it can't change while cores run; None where it can."""

    @property
    def rule(self) -> Rule:
        """What it may be; `setting_rules.read` checks a value by it as the core does."""
        return msgspec.convert(
            {"type": self.type, "least": self.least, "most": self.most, "choices": self.choices}, Rule
        )


class SettingChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a setting; `reset`: back to what the environment says."""

    at: datetime
    actor: str
    reset: bool = False
    old: Value | None = None
    new: Value | None = None


class Settings:
    """The verbs about settings. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def all(self) -> list[Setting]:
        """Every setting."""
        return (await self._transport.get(Page[Setting], Call("GET", "/settings"))).items

    async def get(self, name: str) -> Setting:
        """One of them."""
        return await self._transport.get(Setting, Call("GET", _path(name)))

    async def set(self, name: str, value: float | int | str) -> Setting:
        """Set one on all cores: a number (seconds, for a duration), or as a person writes it, such as `30d`."""
        return await self._transport.get(Setting, Call("PUT", _path(name), json={"value": value}))

    async def reset(self, name: str) -> Setting:
        """Let the environment say again what it is."""
        return await self._transport.get(Setting, Call("DELETE", _path(name)))

    async def history(self, name: str, *, limit: int | None = 100) -> AsyncIterator[SettingChange]:
        """Who changed it from what to what, newest first, as far as the audit goes."""
        cursor, left = None, limit
        while left is None or left > 0:
            query = [("limit", str(min(500, left or 500))), *([("cursor", cursor)] if cursor else [])]
            found = await self._transport.get(Page[SettingChange], Call("GET", f"{_path(name)}/history", query))
            for change in found.items:
                yield change
            left = None if left is None else left - len(found.items)
            cursor = found.next
            if not cursor:
                return


def _path(name: str) -> str:
    return f"/settings/{part(name)}"
