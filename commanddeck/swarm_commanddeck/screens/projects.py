"""Projects: what belongs together."""

from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from swarm_commanddeck import people_words as words
from swarm_commanddeck.columns import Column
from swarm_commanddeck.places import detail
from swarm_commanddeck.screens.ask import Field
from swarm_commanddeck.screens.base import Act
from swarm_commanddeck.screens.people_part import PeoplePart, asked, in_turn
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import age
from swarm_consumer.models import Project

_PROJECT: Final = "project:ProjectScreen"


class ProjectsScreen(PeoplePart):
    """The projects that one takes part in; all of them for administrators."""

    part = "projects"
    needs: ClassVar[dict[str, str]] = {"add": "project.add", "remove": "project.remove"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "New", tooltip="Make a project"),
        Binding("m", "members", "Members, limits", tooltip="Who takes part, and what it may have"),
        Binding("x,delete", "remove", "Delete", tooltip="Delete projects with nothing in them"),
    ]

    def content(self) -> ComposeResult:
        """The list."""
        yield LiveTable[Project](
            [
                Column("name", "project", 20, lambda one: (one.name, "strong"), grow=2),
                Column("role", "your role", 11, lambda one: words.role_cell(one.role)),
                Column("here", "", 8, lambda one: ("in use" if one.name == self.deck.rights.project else "", "busy")),
                Column("made", "made", 9, lambda one: (age(one.created_at, self.deck.now), "dim"), grow=1),
            ],
            lambda one: one.name,
            empty="no projects",
        )

    async def fetch(self) -> None:
        """All of one's own."""
        found = await self.deck.client.projects.all()
        self.table.show(found)
        self.count(found)

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        self.deck.open(detail(_PROJECT, event.row))

    def action_members(self) -> None:
        """To the one under the cursor."""
        if self.table.current is not None:
            self.deck.open(detail(_PROJECT, self.table.current))

    @work
    async def action_add(self) -> None:
        """Make one."""
        lines = ["Administrators are in it from the start; others are let in on its own page."]
        answers = await asked(
            self, "Make a project", [Field("name", "Name", check=words.check_project)], verb="Make", lines=lines
        )
        if answers is None:
            return
        name = answers["name"]

        async def do() -> str:
            await self.deck.client.projects.add(name)
            return f"project {name} is there"

        self.act(Act(action="project.add", title=f"Make {name}?", verb="Make", do=do, ask=False))

    def action_remove(self) -> None:
        """Delete those that are chosen."""
        projects: list[Project] = self.table.chosen
        if not projects:
            return

        async def do() -> str:
            names = await in_turn([project.name for project in projects], self.deck.client.projects.remove)
            self.table.unmark()
            return f"deleted {names}"

        title = f"Delete {words.how_many(projects, 'project', projects[0].name)}?"
        lines = words.deleting_projects(projects)
        self.act(Act(action="project.remove", title=title, lines=lines, verb="Delete", do=do))
