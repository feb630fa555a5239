"""API tokens: what programs sign in with. Everyone keeps their own; administrators see and end those of others."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from swarm_commanddeck import people_words as words
from swarm_commanddeck.columns import Column
from swarm_commanddeck.screens.ask import Field
from swarm_commanddeck.screens.base import Act
from swarm_commanddeck.screens.people_part import PeoplePart, asked, in_turn
from swarm_commanddeck.screens.told import Told
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import age, moment
from swarm_consumer.models import HeldToken, MadeToken


class TokensScreen(PeoplePart):
    """One's own tokens, or for administrators those of all."""

    part = "tokens"
    needs: ClassVar[dict[str, str]] = {"add": "token.add", "rotate": "token.rotate", "remove": "token.remove"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "New", tooltip="Make a token of your own"),
        Binding("r", "rotate", "Rotate", tooltip="Give a token of your own another secret"),
        Binding("x,delete", "remove", "Revoke", tooltip="End tokens at once"),
    ]

    def content(self) -> ComposeResult:
        """The list."""
        yield LiveTable[HeldToken](
            [
                Column("user", "user", 12, lambda one: (one.user, "plain"), grow=1),
                Column("name", "token", 14, lambda one: (one.name, "strong"), grow=1),
                Column("role", "role", 11, lambda one: words.role_cell(one.role)),
                Column("project", "project", 12, lambda one: (one.project, "plain"), grow=1),
                Column("ends", "ends", 11, lambda one: words.ends_cell(one, self.deck.now)),
                Column("used", "used", 9, lambda one: (age(one.used_at, self.deck.now) or "never", "plain")),
                Column("made", "made", 9, lambda one: (age(one.created_at, self.deck.now), "dim"), need=96),
            ],
            lambda one: (one.user, one.name),
            empty="no tokens",
        )

    async def fetch(self) -> None:
        """Those of everyone where the role may see them, else one's own."""
        client, rights = self.deck.client, self.deck.rights
        if rights.may("token.see"):
            found: Sequence[HeldToken] = await client.users.tokens()
        else:
            own = await client.tokens.all()
            found = [HeldToken(**msgspec.structs.asdict(token), user=rights.user) for token in own]
        self.table.show(found)
        self.count(found)

    @work
    async def action_add(self) -> None:
        """Make one."""
        rights = self.deck.rights
        roles = words.ROLES[: words.ROLES.index(rights.role) + 1] if rights.role in words.ROLES else words.ROLES[:1]
        answers = await asked(
            self,
            "Make a token",
            [
                Field("name", "Name", check=words.check_token),
                Field("role", "Role", value="consumer", note="the most that it may", choices=roles),
                Field("ttl", "Good for", value="90d", note="from one minute to 366 days", check=words.read_ttl),
            ],
            verb="Make",
            lines=[f"It acts for {rights.user} in {rights.project}, and never may more than {rights.user}."],
        )
        if answers is None:
            return
        name, role, ttl = answers["name"], answers["role"], words.read_ttl(answers["ttl"])

        async def do() -> str:
            self._show(await self.deck.client.tokens.add(name, role=role, ttl=ttl))
            return ""

        self.act(Act(action="token.add", title=f"Make {name}?", verb="Make", do=do, ask=False))

    def _show(self, made: MadeToken) -> None:
        about = f"{made.view.role} in {made.view.project} until {moment(made.view.expires_at)}"
        lines = [made.token, "", about, "", "It is shown this once. Programs take it from SWARM_TOKEN."]
        self.app.push_screen(Told(f"Token {made.view.name}", lines, copy=made.token))

    def action_rotate(self) -> None:
        """Give one's own another secret."""
        token: HeldToken | None = self.table.current
        if token is None:
            return
        if token.user != self.deck.rights.user:
            self.deck.tell(f"{token.name} is {token.user}'s: only they can rotate it; you can revoke it", bad=True)
            return

        async def do() -> str:
            self._show(await self.deck.client.tokens.rotate(token.name))
            return ""

        lines = ["Programs that have the old secret are refused at once.", "The new one is shown once."]
        title = f"Give {token.name} another secret?"
        self.act(Act(action="token.rotate", title=title, lines=lines, verb="Rotate", do=do))

    def action_remove(self) -> None:
        """End those that are chosen."""
        tokens: list[HeldToken] = self.table.chosen
        if not tokens:
            return
        me = self.deck.rights.user
        others = any(token.user != me for token in tokens)
        whose = {f"{token.name} of {token.user}": token for token in tokens}

        async def end(name: str) -> None:
            token, client = whose[name], self.deck.client
            await (
                client.tokens.remove(token.name)
                if token.user == me
                else client.users.remove_token(token.user, token.name)
            )

        async def do() -> str:
            names = await in_turn(whose, end)
            self.table.unmark()
            return f"revoked {names}"

        title = f"Revoke {words.how_many(tokens, 'token', tokens[0].name)}?"
        action, lines = "token.end" if others else "token.remove", words.revoking(tokens, self.deck.now)
        self.act(Act(action=action, title=title, lines=lines, verb="Revoke", do=do))
