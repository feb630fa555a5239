"""Sign-ins: where people are signed in."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from swarm_commanddeck import people_words as words
from swarm_commanddeck.columns import Column
from swarm_commanddeck.screens.base import Act
from swarm_commanddeck.screens.people_part import PeoplePart, in_turn
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import age
from swarm_consumer.models import SignIn


class SignInsScreen(PeoplePart):
    """The sign-ins of all people."""

    part = "sign-ins"
    sees = "sign_in.see"
    needs: ClassVar[dict[str, str]] = {"end": "sign_in.end"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x,delete", "end", "End", tooltip="End sign-ins at once"),
    ]

    def content(self) -> ComposeResult:
        """The list."""
        yield LiveTable[SignIn](
            [
                Column("user", "user", 16, lambda one: (one.user, "strong"), grow=1),
                Column("client", "signed in with", 20, lambda one: (one.client or "unnamed", "plain"), grow=2),
                Column("made", "since", 9, lambda one: (age(one.created_at, self.deck.now), "dim")),
                Column("used", "used", 9, lambda one: (age(one.used_at, self.deck.now), "plain")),
                Column("ends", "ends", 9, lambda one: (age(one.expires_at, self.deck.now), "dim")),
            ],
            lambda one: one.id,
            empty="nobody is signed in",
        )

    async def fetch(self) -> None:
        """Those of everyone."""
        found = await self.deck.client.users.sign_ins()
        self.table.show(found)
        self.count(found)

    def action_end(self) -> None:
        """End those that are chosen."""
        sign_ins: list[SignIn] = self.table.chosen
        if not sign_ins:
            return
        whose = {one.id: one.user for one in sign_ins}

        async def do() -> str:
            await in_turn(whose, lambda one: self.deck.client.users.end_sign_in(whose[one], one))
            self.table.unmark()
            return f"ended {words.how_many(sign_ins, 'sign-in')} of {', '.join(sorted(set(whose.values())))}"

        title = f"End {words.how_many(sign_ins, 'sign-in')}?"
        lines = words.signing_out(sign_ins, self.deck.now)
        self.act(Act(action="sign_in.end", title=title, lines=lines, verb="End", do=do))
