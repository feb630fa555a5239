"""People: who may use the core, and as what. All but one's own password are for administrators."""

from swarm_consumer.models import HeldToken, SignIn, User
from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Call, Transport, part

_EVERYONE = "/users/*"


class Users:
    """The verbs about people. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, name: str, password: str, role: str = "consumer") -> User:
        """Let somebody in."""
        body = {"name": name, "password": password, "role": role}
        return await self._transport.get(User, Call("POST", "/users", json=body))

    async def all(self) -> list[User]:
        """Everyone, by name."""
        return await every(self._transport, "/users", Page[User])

    async def get(self, name: str) -> User:
        """One of them."""
        return await self._transport.get(User, Call("GET", _path(name)))

    async def set_role(self, name: str, role: str) -> User:
        """Give another role: observer, consumer, operator or admin."""
        return await self._change(name, {"role": role})

    async def disable(self, name: str) -> User:
        """Shut somebody out at once; their jobs stay, their schedules don't run."""
        return await self._change(name, {"disabled": True})

    async def enable(self, name: str) -> User:
        """Let somebody in again."""
        return await self._change(name, {"disabled": False})

    async def reset_password(self, name: str, password: str) -> User:
        """Give somebody another password; their sign-ins end."""
        call = Call("POST", f"{_path(name)}/password", json={"password": password}, repeatable=True)
        return await self._transport.get(User, call)

    async def change_password(self, old: str, new: str) -> None:
        """Change one's own password; one's other sign-ins end."""
        kept = self._transport.credentials.refresh_token
        body = {"old": old, "new": new, "refresh_token": kept}
        await self._transport.send(Call("POST", "/password", json=body))

    async def remove(self, name: str) -> None:
        """Delete an account; the jobs stay."""
        await self._transport.send(Call("DELETE", _path(name)))

    async def sign_ins(self, name: str | None = None) -> list[SignIn]:
        """Somebody's sign-ins that go on; of all people where nobody is named."""
        return await every(self._transport, f"{_path(name) if name else _EVERYONE}/sign-ins", Page[SignIn])

    async def end_sign_in(self, name: str, which: str) -> None:
        """End one of somebody's sign-ins at once, by its id."""
        await self._transport.send(Call("DELETE", f"{_path(name)}/sign-ins/{part(which)}"))

    async def end_sign_ins(self, name: str) -> None:
        """End all of somebody's sign-ins at once."""
        await self._transport.send(Call("DELETE", f"{_path(name)}/sign-ins"))

    async def tokens(self, name: str | None = None) -> list[HeldToken]:
        """Somebody's API tokens; of all people where nobody is named."""
        return await every(self._transport, f"{_path(name) if name else _EVERYONE}/tokens", Page[HeldToken])

    async def remove_token(self, name: str, token: str) -> None:
        """End somebody's API token at once."""
        await self._transport.send(Call("DELETE", f"{_path(name)}/tokens/{part(token)}"))

    async def _change(self, name: str, body: dict[str, object]) -> User:
        return await self._transport.get(User, Call("PATCH", _path(name), json=body, repeatable=True))


def _path(name: str) -> str:
    return f"/users/{part(name)}"
