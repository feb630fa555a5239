"""People: who may come in, and as what."""

from typing import ClassVar, Final

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
from swarm_consumer.cli.text import age
from swarm_consumer.models import User

_PASSWORD: Final = Field(
    "password", "Password", note="empty: one is made and shown once", secret=True, check=words.check_password
)


class PeopleScreen(PeoplePart):
    """The users."""

    part = "users"
    sees = "user.see"
    needs: ClassVar[dict[str, str]] = {
        "add": "user.add",
        "role": "user.change",
        "disable": "user.change",
        "password": "user.reset",
        "sign_out": "user.sign_out",
        "remove": "user.remove",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "New", tooltip="Let somebody in"),
        Binding("e", "role", "Role", tooltip="Give another role"),
        Binding("w", "password", "Password", tooltip="Give another password"),
        Binding("d", "disable", "Disable", tooltip="Shut out, or let in again"),
        Binding("o", "sign_out", "Sign out", tooltip="End all of somebody's sign-ins"),
        Binding("x,delete", "remove", "Delete", tooltip="Delete accounts"),
    ]

    def content(self) -> ComposeResult:
        """The list."""
        yield LiveTable[User](
            [
                Column("name", "user", 16, lambda user: (user.name, "strong"), grow=2),
                Column("role", "role", 11, lambda user: words.role_cell(user.role)),
                Column("state", "state", 11, words.state_cell),
                Column("project", "project", 12, lambda user: (user.project, "plain"), grow=1),
                Column("sign_ins", "sign-ins", 8, lambda user: (str(user.sign_ins), "plain"), right=True),
                Column("seen", "seen", 9, lambda user: words.seen_cell(user, self.deck.now)),
                Column("made", "made", 9, lambda user: (age(user.created_at, self.deck.now), "dim"), need=96),
            ],
            lambda user: user.name,
            empty="nobody",
        )

    async def fetch(self) -> None:
        """Everyone."""
        found = await self.deck.client.users.all()
        self.table.show(found)
        self.count(found)

    @property
    def _chosen(self) -> list[User]:
        return self.table.chosen

    @work
    async def action_add(self) -> None:
        """Let somebody in."""
        answers = await asked(
            self,
            "Let somebody in",
            [
                Field("name", "Name", check=words.check_user),
                Field("role", "Role", value="consumer", choices=words.ROLES),
                _PASSWORD,
            ],
            verb="Let in",
        )
        if answers is not None:
            self._let_in(answers["name"], answers["role"], answers["password"])

    def _let_in(self, name: str, role: str, given: str) -> None:
        password = given or words.make_password()

        async def do() -> str:
            await self.deck.client.users.add(name, password, role)
            if not given:
                self._show_password(name, password)
            return f"{name} may sign in as {role}"

        self.act(Act(action="user.add", title=f"Let {name} in as {role}?", verb="Let in", do=do, ask=False))

    def _show_password(self, name: str, password: str) -> None:
        lines = [f"password  {password}", "", "It is shown this once: the core keeps no more than its hash."]
        self.app.push_screen(Told(f"Password of {name}", lines, copy=password))

    @work
    async def action_role(self) -> None:
        """Give another role."""
        user = self.table.current
        if user is None:
            return
        answers = await asked(
            self,
            f"Role of {user.name}",
            [Field("role", "Role", value=user.role, choices=words.ROLES)],
            verb="Give",
            lines=[f"{user.name} is {user.role}. Another role counts at once, on every core."],
        )
        if answers is not None and answers["role"] != user.role:
            self._give_role(user, answers["role"])

    def _give_role(self, user: User, role: str) -> None:
        async def do() -> str:
            await self.deck.client.users.set_role(user.name, role)
            return f"{user.name} is {role} now"

        self.act(Act(action="user.change", title=f"Make {user.name} {role}?", verb="Give", do=do, ask=False))

    @work
    async def action_password(self) -> None:
        """Give somebody another password."""
        user = self.table.current
        if user is None:
            return
        lines = [f"{user.name} has to sign in again everywhere ({user.sign_ins} sign-ins end)."]
        answers = await asked(self, f"Another password for {user.name}", [_PASSWORD], verb="Give", lines=lines)
        if answers is not None:
            self._give_password(user.name, answers["password"])

    def _give_password(self, name: str, given: str) -> None:
        password = given or words.make_password()

        async def do() -> str:
            await self.deck.client.users.reset_password(name, password)
            if not given:
                self._show_password(name, password)
            return f"{name} has another password"

        self.act(Act(action="user.reset", title=f"Give {name} another password?", verb="Give", do=do, ask=False))

    def action_disable(self) -> None:
        """Shut out who may come in, or, where all that are chosen are shut out, let them in again."""
        users, shut = self._chosen, [user for user in self._chosen if user.disabled_at]
        if not users:
            return
        if len(shut) == len(users):
            return self._enable(shut)
        active = [user for user in users if not user.disabled_at]
        title = f"Disable {words.how_many(active, 'user', active[0].name)}?"

        async def do() -> str:
            return f"disabled {await in_turn([user.name for user in active], self.deck.client.users.disable)}"

        self.act(Act(action="user.change", title=title, lines=words.disabling(active), verb="Disable", do=do))
        return None

    def _enable(self, users: list[User]) -> None:
        async def do() -> str:
            names = await in_turn([user.name for user in users], self.deck.client.users.enable)
            return f"{names} may sign in again"

        title = f"Enable {words.how_many(users, 'user', users[0].name)}?"
        lines = [f"{user.name} may sign in again as {user.role}" for user in users]
        self.act(Act(action="user.change", title=title, lines=lines, verb="Enable", do=do))

    def action_sign_out(self) -> None:
        """End all sign-ins of those that are chosen."""
        users = self._chosen
        if not users:
            return
        lines = [f"{user.name}: {user.sign_ins} sign-ins end at once" for user in users]

        async def do() -> str:
            names = await in_turn([user.name for user in users], self.deck.client.users.end_sign_ins)
            return f"signed out everywhere: {names}"

        title = f"Sign out {words.how_many(users, 'user', users[0].name)}?"
        lines = [*lines, "", "API tokens stay, and so does the password."]
        self.act(Act(action="user.sign_out", title=title, lines=lines, verb="Sign out", do=do))

    def action_remove(self) -> None:
        """Delete the accounts that are chosen."""
        users = self._chosen
        if not users:
            return

        async def do() -> str:
            names = await in_turn([user.name for user in users], self.deck.client.users.remove)
            self.table.unmark()
            return f"deleted {names}"

        title = f"Delete {words.how_many(users, 'user', users[0].name)}?"
        self.act(Act(action="user.remove", title=title, lines=words.deleting(users), verb="Delete", do=do))
