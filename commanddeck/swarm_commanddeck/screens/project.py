"""One project: who takes part, and what it may have at once."""

from functools import partial
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from swarm_commanddeck import people_words as words
from swarm_commanddeck.columns import Column
from swarm_commanddeck.screens.ask import Field
from swarm_commanddeck.screens.base import Act, DeckScreen
from swarm_commanddeck.screens.people_part import asked, in_turn
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import age, clean
from swarm_consumer.models import Member, Project, ProjectLimits
from swarm_protocol.errors import SwarmError

_LIMITS: Final = {
    "queued": ("Jobs that wait", "a number; empty: no limit"),
    "running": ("Jobs on workers", "a number; empty: no limit"),
    "cpu_millis": ("Cpu", "like 16 or 500m; empty: no limit"),
    "memory": ("Memory", "like 64G; empty: no limit"),
}


class ProjectScreen(DeckScreen):
    """One project: its limits, and its members."""

    place = "people"
    pace = 10.0  # no event tells of members and limits
    DEFAULT_CSS = "ProjectScreen > #limits { height: 7; }"
    needs: ClassVar[dict[str, str]] = {
        "grant": "member.change",
        "role": "member.change",
        "revoke": "member.remove",
        "limits": "limit.set",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "grant", "Let in", tooltip="Let somebody take part"),
        Binding("e", "role", "Role", tooltip="Give another role in the project"),
        Binding("x,delete", "revoke", "Take out", tooltip="Let somebody take part no more"),
        Binding("L", "limits", "Limits", tooltip="Set what the project may have at once"),
    ]

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self._limits: ProjectLimits | None = None

    @property
    def crumb(self) -> str:
        """Its name."""
        return self._project.name

    def body(self) -> ComposeResult:
        """Limits above, members below."""
        yield Static("", id="limits", classes="panel", markup=False)
        yield LiveTable[Member](
            [
                Column("name", "member", 16, lambda one: (one.name, "strong"), grow=2),
                Column("role", "role", 11, lambda one: words.role_cell(one.role)),
                Column("how", "", 20, lambda one: ("own project" if one.own else "", "dim")),
                Column("since", "since", 9, lambda one: (age(one.added_at, self.deck.now), "dim")),
                Column("by", "let in by", 12, lambda one: (one.added_by.removeprefix("user:"), "dim"), grow=1, need=90),
            ],
            lambda one: one.name,
            empty="nobody takes part but administrators",
        )

    def on_mount(self) -> None:
        """Say whose limits they are."""
        super().on_mount()
        self.query_one("#limits").border_title = f"Limits of {clean(self._project.name)}"

    async def load(self) -> None:
        """Limits and members."""
        projects, name = self.deck.client.projects, self._project.name
        self._limits = await projects.limits(name)
        self.query_one("#limits", Static).update(self._drawn(self._limits))
        self.table.show(await projects.members(name))

    @property
    def table(self) -> LiveTable[Any]:
        """The members."""
        return self.query_one(LiveTable)

    def _drawn(self, limits: ProjectLimits) -> Text:
        drawn = Text()
        for what, now, most in words.limit_lines(limits):
            drawn.append(f"{what:<16}", style_of(self.app, "dim"))
            drawn.append(f"{now:>10}  of  {most}\n", style_of(self.app, "plain"))
        if limits.changed_by:
            by = limits.changed_by.removeprefix("user:")
            drawn.append(clean(f"set by {by} {age(limits.changed_at, self.deck.now)}"), style_of(self.app, "dim"))
        return drawn

    def _barred(self) -> bool:
        """Whether somebody may not change members, which they are told."""
        why = words.why_not_members(self._project, self.deck.rights.user)
        if why:
            self.deck.tell(why, bad=True)
        return bool(why)

    @work
    async def action_grant(self) -> None:
        """Let somebody take part."""
        if self._barred():
            return
        names = await self._others()
        fields = [
            Field("user", "User", choices=names) if names else Field("user", "User", check=words.check_user),
            Field("role", "Role", value="consumer", choices=words.ROLES),
        ]
        answers = await asked(self, f"Let somebody take part in {self._project.name}", fields, verb="Let in")
        if answers is not None:
            self._grant(answers["user"], answers["role"])

    async def _others(self) -> list[str]:
        """Who could be let in, where the role may know; else a name is to be typed."""
        if not self.deck.rights.may("user.see"):
            return []
        there = {member.name for member in self.table.window.held}
        try:
            return [user.name for user in await self.deck.client.users.all() if user.name not in there]
        except SwarmError:
            return []

    @work
    async def action_role(self) -> None:
        """Give a member another role."""
        member: Member | None = self.table.current
        if member is None or self._barred():
            return
        fields = [Field("role", "Role", value=member.role, choices=words.ROLES)]
        lines = [f"{member.name} is {member.role} in {self._project.name}."]
        answers = await asked(self, f"Role of {member.name}", fields, verb="Give", lines=lines)
        if answers is not None and answers["role"] != member.role:
            self._grant(member.name, answers["role"])

    def _grant(self, user: str, role: str) -> None:
        name = self._project.name

        async def do() -> str:
            await self.deck.client.projects.grant(name, user, role)
            return f"{user} is {role} in {name}"

        self.act(Act(action="member.change", title=f"Make {user} {role} in {name}?", verb="Give", do=do, ask=False))

    def action_revoke(self) -> None:
        """Let those that are chosen take part no more."""
        members: list[Member] = self.table.chosen
        if not members or self._barred():
            return
        name = self._project.name

        async def do() -> str:
            gone = await in_turn(
                [member.name for member in members], lambda user: self.deck.client.projects.revoke(name, user)
            )
            self.table.unmark()
            return f"{gone} takes no part in {name} any more"

        title = f"Take {words.how_many(members, 'member', members[0].name)} out of {name}?"
        lines = words.removing_members(members, name)
        self.act(Act(action="member.remove", title=title, lines=lines, verb="Take out", do=do))

    @work
    async def action_limits(self) -> None:
        """Set what it may have."""
        now = self._limits
        if now is None:
            return
        fields = [
            Field(
                field,
                label,
                value=words.shown_limit(field, getattr(now, field)),
                note=note,
                check=partial(words.read_limit, field),
            )
            for field, (label, note) in _LIMITS.items()
        ]
        lines = ["Jobs that are there already stay; what is over a limit waits, or is refused."]
        answers = await asked(self, f"Limits of {self._project.name}", fields, verb="Set", lines=lines)
        if answers is not None:
            self._set_limits({field: words.read_limit(field, answers[field]) for field in _LIMITS})

    def _set_limits(self, limits: dict[str, int | None]) -> None:
        name = self._project.name

        async def do() -> str:
            await self.deck.client.projects.set_limits(name, **limits)
            return f"limits of {name} are set"

        self.act(Act(action="limit.set", title=f"Set limits of {name}?", verb="Set", do=do, ask=False))
