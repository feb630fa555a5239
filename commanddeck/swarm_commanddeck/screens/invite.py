"""Letting workers in: a join token, the one command to paste, and who has joined since; the tokens that are open."""

from typing import ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from swarm_commanddeck import worker_deeds as deeds
from swarm_commanddeck.columns import Column
from swarm_commanddeck.feed import Batch
from swarm_commanddeck.invitation import Invitation, steps, token_cells
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import Act, DeckScreen, explained
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.joining import join_command, loopback_warning
from swarm_consumer.worker_models import JoinTokenState
from swarm_protocol.errors import SwarmError

_FOLLOWED: Final = 50
"""Workers that have joined since, which are shown by name."""


class InviteScreen(DeckScreen):
    """Asks what for, shows the command, and waits for who comes."""

    place = "workers"
    AUTO_FOCUS = "#tokens"
    watches = frozenset({"worker"})
    needs: ClassVar[dict[str, str]] = {"another": "worker.invite", "uninvite": "worker.uninvite"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "another", "New token", tooltip="Make a join token"),
        Binding("c", "copy", "Copy", tooltip="Put the command into the clipboard, where the terminal lets us"),
        Binding("x", "uninvite", "Take back", tooltip="Let nobody join with this token any more"),
        Binding("escape", "app.back", "Back", show=False),
    ]
    DEFAULT_CSS = """
    InviteScreen #invitation { height: auto; max-height: 60%; margin: 0 0 1 0; }
    InviteScreen #command { height: auto; background: $panel; padding: 0 1; margin: 1 0; text-style: bold; }
    InviteScreen #steps, InviteScreen #joined { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._invitation: Invitation | None = None

    @property
    def crumb(self) -> str:
        """Its last crumb."""
        return "let one in"

    def body(self) -> ComposeResult:
        """The command and who came; below it the tokens."""
        with Vertical(id="invitation", classes="panel") as panel:
            panel.border_title = "Let a worker in"
            yield Static(
                "n makes a join token, and shows the command to paste on the machine", id="steps", markup=False
            )
            yield Static("", id="command", markup=False)
            yield Static("", id="joined", markup=False)
        columns = [
            Column[JoinTokenState]("id", "token", 13, lambda t: (t.id, "strong")),
            Column[JoinTokenState]("state", "state", 9, lambda t: token_cells(t, self.deck.now)[0]),
            Column[JoinTokenState]("left", "uses left", 9, lambda t: (str(t.uses_left), ""), right=True),
            Column[JoinTokenState]("ends", "ends", 10, lambda t: token_cells(t, self.deck.now)[1]),
            Column[JoinTokenState]("by", "made by", 12, lambda t: (t.made_by, "dim"), grow=1),
            Column[JoinTokenState]("name", "name of workers", 15, lambda t: (t.name or "their own", "dim"), grow=1),
        ]
        yield LiveTable(columns, lambda token: token.id, id="tokens", empty="no tokens")

    def on_mount(self) -> None:
        """Who comes here wants a token; not where the role can't make one."""
        super().on_mount()
        self.query_one("#command", Static).display = False
        if self.deck.rights.may("worker.invite"):
            self.action_another()

    async def load(self) -> None:
        """The tokens as they are."""
        tokens = await self.deck.client.join_tokens()
        self.query_one("#tokens", LiveTable).show(tokens)
        if self._invitation is not None:
            self._invitation = self._invitation.seen(tokens)
            self._tell()

    def on_feed(self, batch: Batch) -> None:
        """Who joins, and how they fare."""
        if self._invitation is not None:
            self._invitation = self._invitation.heard(batch.of("worker"), _FOLLOWED)
            self._tell()
        super().on_feed(batch)

    def _tell(self) -> None:
        invitation = self._invitation
        if invitation is not None:
            self.query_one("#joined", Static).update("\n".join(invitation.lines()))

    # Doing.

    @work(group="question", exclusive=True)
    async def action_another(self) -> None:
        """Ask what for, and make a token."""
        fields = [
            Field("uses", "Workers", "1", "how many may join with it", check=deeds.read_count),
            Field("ttl", "Good for", "1h", "30m, 12h, 7d", check=deeds.read_duration),
            Field("name", "Name", "", "of the workers; empty: what their machines are called"),
        ]
        answers = await self.app.push_screen_wait(Ask("Let workers in", fields, verb="Make the token"))
        if answers is None:
            return
        uses, ttl = deeds.read_count(answers["uses"]), deeds.read_duration(answers["ttl"])
        try:
            made = await self.deck.client.join_token(uses=uses, ttl=ttl, name=answers["name"].strip() or None)
        except SwarmError as error:
            return self.deck.tell(explained(error), bad=True)
        url = self.deck.client.credentials.url
        self._invitation = Invitation(made.id, join_command(url, made.token), uses, loopback_warning(url))
        self._show_command(self._invitation)
        self.load_soon(at_once=True)

    def _show_command(self, invitation: Invitation) -> None:
        self.query_one("#steps", Static).update("\n".join(steps(invitation)))
        command = self.query_one("#command", Static)
        command.update(invitation.command)
        command.display = True
        self._tell()
        self.query_one("#tokens", LiveTable).focus()

    def action_copy(self) -> None:
        """Put the command into the clipboard (OSC 52)."""
        if self._invitation is None:
            self.deck.tell("n makes a token first; the secret of an older one is not known any more", bad=True)
        else:
            self.app.copy_to_clipboard(self._invitation.command)
            self.deck.tell("copied, if the terminal lets programs do that")

    def action_uninvite(self) -> None:
        """Take the token under the cursor back."""
        token: JoinTokenState | None = self.query_one("#tokens", LiveTable).current
        if token is None:
            return

        async def do() -> str:
            await self.deck.client.remove_join_token(token.id)
            return f"nobody joins with the token {token.id} any more"

        lines = [f"{token.uses_left} more could join with it.", "Who has joined stays."]
        self.act(
            Act(
                action="worker.uninvite", title=f"Take the token {token.id} back?", lines=lines, verb="Take back", do=do
            )
        )
