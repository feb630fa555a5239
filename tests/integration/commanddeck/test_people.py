"""People, settings and audit of the deck, driven on a real core; what the core then has is looked at beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.decks import deck_on, loaded, until
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core
from textual.pilot import Pilot
from textual.widgets import Input, Select

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.screens.ask import Ask
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.screens.told import Told
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer import Client
from swarm_consumer.session import sign_in
from swarm_protocol.errors import SwarmError


class Seat:
    """Somebody at the deck."""

    def __init__(self, core: LiveCore, pilot: Pilot[None]) -> None:
        self.core = core
        self.pilot = pilot
        assert isinstance(pilot.app, DeckApp)
        self.app = pilot.app

    @property
    def table(self) -> LiveTable[Any]:
        assert self.app.front is not None
        return self.app.front.query_one(LiveTable)

    @property
    def rows(self) -> list[Any]:
        return list(self.table.window.held)

    @property
    def current(self) -> Any:
        return self.table.current

    @property
    def told(self) -> str:
        return " | ".join(str(note.message) for note in self.app._notifications)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def goes(self, key: str, screen: str) -> None:
        """Press a key that leads to another screen, and wait until that has loaded."""
        await self.press(key)
        await until(lambda: type(self.app.front).__name__ == screen, f"{key} leads to {screen}")
        await loaded(self.pilot)

    async def at(self, name: str) -> None:
        """The cursor on the row of this name."""
        await until(lambda: any(_name(row) == name for row in self.rows), f"{name} is shown")
        key = next(self.table._key(row) for row in self.rows if _name(row) == name)
        assert self.table.go_to(key)
        await self.pilot.pause()

    async def answer(self, key: str, **fields: str) -> None:
        """Press a key that asks, fill in, and hand it back."""
        await self.press(key)
        await until(lambda: isinstance(self.app.screen, Ask), f"{key} asks")
        for name, value in fields.items():
            widget = self.app.screen.query_one(f"#field-{name}")
            assert isinstance(widget, Input | Select)
            widget.value = value
        await self.pilot.pause()
        await self.press("ctrl+s")

    async def confirm(self, key: str, *says: str) -> None:
        """Press a key that wants to be sure, look at what will happen, and say yes."""
        await self.press(key)
        await until(lambda: isinstance(self.app.screen, Confirm), f"{key} asks first")
        text = "\n".join(str(each.render()) for each in self.app.screen.query("Static"))
        for word in says:
            assert word in text
        await self.press("y")

    async def secret(self) -> str:
        """What is shown this once."""
        await until(lambda: isinstance(self.app.screen, Told), "it is shown once")
        assert isinstance(self.app.screen, Told)
        found = self.app.screen._copy
        await self.press("escape")
        return found

    async def says(self, text: str) -> None:
        await until(lambda: text in self.told, f"it says {text!r}: {self.told}")


def _name(row: Any) -> str:
    return str(getattr(row, "name", "") or getattr(row, "user", ""))


@asynccontextmanager
async def seat(core: LiveCore, person: str, at: str) -> AsyncIterator[Seat]:
    url = f"https://127.0.0.1:{core.server.port}"
    held = await sign_in(url, person, PASSWORD, ca_pem=core.cluster.authority.pem, client_name="the deck")
    async with deck_on(lambda project: Client(held, project=project), at=at) as pilot:
        yield Seat(core, pilot)


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        await core.person("root", "admin")
        await core.person("opal", "operator")
        yield core


async def done(core: LiveCore, action: str) -> int:
    found: int = await core.database.api.fetchval("select count(*) from audit where action = $1", action)
    return found


async def may_sign_in(core: LiveCore, name: str, password: str) -> bool:
    url = f"https://127.0.0.1:{core.server.port}"
    try:
        await sign_in(url, name, password, ca_pem=core.cluster.authority.pem, client_name="x")
    except SwarmError:
        return False
    return True


async def test_a_user_from_the_first_day_to_the_last(core: LiveCore) -> None:
    async with seat(core, "root", "people") as one:
        await one.answer("a", name="ben", role="observer", password="")
        first = await one.secret()
        assert await may_sign_in(core, "ben", first)
        await one.at("ben")
        await one.answer("e", role="operator")
        await one.says("ben is operator now")
        await one.answer("w", password="another horse")
        await one.says("ben has another password")
        assert not await may_sign_in(core, "ben", first)
        assert await may_sign_in(core, "ben", "another horse")
        await one.at("ben")
        await one.confirm("d", "ben (operator)", "Their jobs go on")
        await one.says("disabled ben")
        assert not await may_sign_in(core, "ben", "another horse")
        await until(lambda: one.current.disabled_at, "it is shown")
        await one.confirm("d", "ben may sign in again as operator")
        await one.says("ben may sign in again")
        await until(lambda: not one.current.disabled_at, "it is shown")
        await one.confirm("x", "can't be taken back")
        await one.says("deleted ben")
        await until(lambda: [row.name for row in one.rows] == ["opal", "root"], "ben is gone")
        await one.at("root")
        await one.confirm("x")
        await one.says("root is the last administrator")
    for action in ("add_user", "set_role", "reset_password", "disable_user", "enable_user", "remove_user"):
        assert await done(core, action) == 1


async def test_a_project_its_members_and_its_limits(core: LiveCore) -> None:
    async with seat(core, "root", "people") as one:
        await one.goes("p", "ProjectsScreen")
        await one.answer("a", name="lab")
        await one.says("project lab is there")
        await one.at("lab")
        await one.goes("enter", "ProjectScreen")
        await one.answer("a", user="opal", role="consumer")
        await one.says("opal is consumer in lab")
        await one.at("opal")
        await one.answer("e", role="operator")
        await one.says("opal is operator in lab")
        await one.answer("L", queued="500", cpu_millis="1.5", memory="64G")
        await one.says("limits of lab are set")
        async with await core.client("root") as client:
            limits = await client.projects.limits("lab")
            assert (limits.queued, limits.running, limits.cpu_millis, limits.memory) == (500, None, 1500, 64 << 30)
            assert [(member.name, member.role) for member in await client.projects.members("lab")] == [
                ("opal", "operator")
            ]
        await one.at("opal")
        await one.confirm("x", "opal (operator) sees nothing of lab any more")
        await one.says("takes no part in lab")
        await one.goes("escape", "ProjectsScreen")
        await one.at("lab")
        await one.confirm("x", "lab, with its members and limits")
        await one.says("deleted lab")
        await until(lambda: [row.name for row in one.rows] == ["default"], "lab is gone")


async def test_tokens_and_sign_ins_of_others_end(core: LiveCore) -> None:
    async with await core.client("opal") as opal, seat(core, "root", "people") as one:
        await opal.tokens.add("grafana", role="observer")
        await one.goes("t", "TokensScreen")
        await one.answer("a", name="ci", ttl="1h")
        made = await one.secret()
        whoami = "/api/v1/whoami"
        assert (await core.call("GET", whoami, made)).status_code == 200
        await one.at("ci")
        await one.confirm("r", "refused at once")
        fresh = await one.secret()
        assert [(await core.call("GET", whoami, token)).status_code for token in (made, fresh)] == [401, 200]
        await one.at("grafana")
        await one.press("r")
        await one.says("only they can rotate it")
        await one.confirm("x", "opal: grafana, observer in default")
        await one.says("revoked grafana of opal")
        assert await opal.tokens.all() == []
        await one.goes("i", "SignInsScreen")
        await one.at("opal")
        await one.confirm("x", "opal: test")
        await one.says("ended sign-in of opal")
        with pytest.raises(SwarmError, match="the sign-in of opal has run out"):
            await opal.whoami()


async def test_a_setting_is_changed_counts_and_is_in_the_audit(core: LiveCore) -> None:
    live, worker = core.parts.live, await core.worker("w1")
    async with seat(core, "root", "settings") as one:
        await one.at("terminal_role")
        await one.answer("e", value="nobody")
        await one.says("terminal_role is nobody now")
        assert live.now.terminal_role == "nobody"
        await one.at("retention.jobs")
        await one.press("e")
        await until(lambda: isinstance(one.app.screen, Ask), "it asks")
        field = one.app.screen.query_one("#field-value", Input)
        assert field.value == "30d"
        field.value = "5m"
        await one.press("ctrl+s")
        wrong = str(one.app.screen.query_one("#wrong").render())
        assert "a time from 1h to 3650d" in wrong
        field.value = "12h"
        await one.pilot.pause()
        await one.press("ctrl+s")
        await until(lambda: isinstance(one.app.screen, Confirm), "what would be lost is asked for")
        assert live.now.retention.jobs == live.start.retention.jobs
        await one.press("y")
        await one.says("retention.jobs is 12h now")
        assert live.now.retention.jobs == 43200.0
        await one.goes("y", "SettingHistoryScreen")
        await until(lambda: [(row.old, row.new) for row in one.rows] == [(2592000.0, 43200.0)], "its history")
        await one.goes("escape", "SettingsScreen")
        await one.at("timers.lease")
        await one.press("e")
        await one.says("takes a restart with SWARM_TIMER_LEASE")
        await one.at("retention.jobs")
        await one.confirm("r", "It will be what SWARM_RETENTION_JOBS")
        await one.says("retention.jobs is 30d again")
        assert live.now.retention.jobs == live.start.retention.jobs
        await one.goes("9", "AuditScreen")
        await until(
            lambda: [row.action for row in one.rows[:3]] == ["reset_setting", "set_setting", "set_setting"], "audit"
        )
        await one.app.client.rename_worker(str(worker), "rack-7")
        await until(lambda: one.rows[0].action == "rename_worker", "what is done meanwhile is shown")
        await one.press("slash", *"act")
        assert "there is no" not in str(one.app.screen.query_one(".line-wrong").render())
        one.app.screen.query_one("LineInput Input", Input).value = "action:set_setting subject:terminal_role"
        await one.pilot.pause()
        await one.press("enter")
        await until(lambda: [row.subject for row in one.rows] == ["terminal_role"], "it is narrowed")
        await one.press("enter")
        await until(lambda: isinstance(one.app.screen, Told), "all of it is shown")


async def test_long_lists_of_the_audit_come_in_pages(core: LiveCore) -> None:
    await core.database.api.execute(
        "insert into audit (at, actor, action, subject) select now() - n * interval '1 second', 'user:x', 'y', n::text"
        " from generate_series(1, 700) n"
    )
    async with seat(core, "root", "audit") as one:
        await until(lambda: len(one.table.window) == 200, "the first page")
        await one.press("G")
        await until(lambda: len(one.table.window) == 400, "the next page")
        await one.press("f")
        await until(lambda: len(one.rows) >= 200 and all(row.actor == "user:x" for row in one.rows), "only theirs")
        await one.press("escape")


@pytest.mark.parametrize(
    ("at", "key", "says"),
    [
        ("people", "a", "making users needs the role admin; opal is operator"),
        ("settings", "e", "changing settings needs the role admin; opal is operator"),
    ],
)
async def test_what_an_operator_may_not_is_grey_and_says_why(core: LiveCore, at: str, key: str, says: str) -> None:
    async with seat(core, "opal", at) as one:
        await one.press(key)
        await one.says(says)
        if at == "settings":
            await until(lambda: len(one.rows) > 40, "they are seen all the same")
        else:
            await one.goes("t", "TokensScreen")
            await one.answer("a", name="mine", role="operator", ttl="1h")
            assert (await one.secret()).startswith("SSAT1-")
            await one.at("mine")
            await one.confirm("x", "opal: mine")
            await one.says("revoked mine of opal")
    assert await done(core, "add_user") == 0
