"""`swarm user`: add, list, show, role, disable, enable, password, sign-ins, sign-out, rm."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from swarm_consumer.cli.completion import user_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.models import User

_HERE = "swarm_consumer.cli.users"


class Role(StrEnum):
    """What somebody may do; each may do what those before it may."""

    OBSERVER = "observer"
    CONSUMER = "consumer"
    OPERATOR = "operator"
    ADMIN = "admin"


class UserGroup(LazyGroup):
    """Commands about people."""

    entries = {  # noqa: RUF012
        "add": Entry(_HERE, "add", "Commands"),
        "list": Entry(_HERE, "listing", "Commands"),
        "show": Entry(_HERE, "show", "Commands"),
        "role": Entry(_HERE, "set_role", "Commands"),
        "disable": Entry(_HERE, "disable", "Commands"),
        "enable": Entry(_HERE, "enable", "Commands"),
        "password": Entry(_HERE, "password", "Commands"),
        "sign-ins": Entry(_HERE, "sign_ins", "Commands"),
        "sign-out": Entry(_HERE, "sign_out", "Commands"),
        "rm": Entry(_HERE, "remove", "Commands"),
    }
    prefix = "user."


app = typer.Typer(cls=UserGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def user() -> None:
    """Who may use the core, and as what."""


Name = Annotated[str, typer.Argument(metavar="USER", help="Their name.", autocompletion=user_names)]
NewPassword = Annotated[
    str | None,
    typer.Option("--password-file", metavar="FILE", help="Where the new password is; - reads standard input."),
]


def add(
    name: Annotated[str, typer.Argument(metavar="USER", help="Small letters, digits and . _ @ -")],
    role: Annotated[Role, typer.Option("--role", help="What they may do.")] = Role.CONSUMER,
    password_file: NewPassword = None,
    json: Json = False,
) -> None:
    """Let somebody in; the password is asked for, or comes from a file."""
    secret = _new_password(password_file, name)
    made = with_client(lambda client: client.users.add(name, secret, str(role)))
    if json:
        document(made)
        return
    status(f"{made.name} may sign in as {made.role}: `swarm login URL --user {made.name}`")


def listing(json: Json = False) -> None:
    """List people."""
    found = with_client(lambda client: client.users.all())
    if json:
        document(found)
        return
    rows = [(u.name, u.role, u.project, _state(u), age(u.seen_at)) for u in found]
    table(("NAME", "ROLE", "PROJECT", "STATE", "SEEN"), rows)


def show(name: Name, json: Json = False) -> None:
    """Show one of them."""
    found = with_client(lambda client: client.users.get(name))
    if json:
        document(found)
        return
    pairs = (
        ("user", f"{found.name}  {found.id}"),
        ("role", found.role),
        ("project", found.project),
        ("state", _state(found)),
        ("sign-ins", str(found.sign_ins)),
        ("seen", age(found.seen_at)),
        ("made", moment(found.created_at)),
        ("disabled", moment(found.disabled_at)),
    )
    write("".join(f"{key:<8} {clean(value)}\n" for key, value in pairs if value))


def set_role(name: Name, role: Annotated[Role, typer.Argument(help="What they may do.")]) -> None:
    """Give another role; it counts at once."""
    with_client(lambda client: client.users.set_role(name, str(role)))
    status(f"{name} is {role} now")


def disable(name: Name) -> None:
    """Shut somebody out at once; their jobs stay, their schedules don't run."""
    with_client(lambda client: client.users.disable(name))
    status(f"{name} is shut out; let them in again with `swarm user enable {name}`")


def enable(name: Name) -> None:
    """Let somebody in again."""
    with_client(lambda client: client.users.enable(name))
    status(f"{name} may sign in again")


def password(
    name: Annotated[
        str | None, typer.Argument(metavar="[USER]", help="Somebody else's, as admin.", autocompletion=user_names)
    ] = None,
    password_file: NewPassword = None,
    old_password_file: Annotated[
        str | None, typer.Option("--old-password-file", metavar="FILE", help="Where your old password is.")
    ] = None,
) -> None:
    """Change your password, or give somebody another one; their sign-ins end, yours elsewhere too."""
    if name is not None:
        secret = _new_password(password_file, name)
        with_client(lambda client: client.users.reset_password(name, secret))
        status(f"{name} has another password and has to sign in again")
        return
    old = _read(old_password_file, "--old-password-file") or _asked("Your old password: ")
    new = _new_password(password_file, "you")
    with_client(lambda client: client.users.change_password(old, new))
    status("your password is changed; sign in again where you were signed in elsewhere")


def sign_ins(
    name: Annotated[
        str | None, typer.Argument(metavar="[USER]", help="None: of everyone.", autocompletion=user_names)
    ] = None,
    json: Json = False,
) -> None:
    """List where somebody is signed in, or everyone."""
    found = with_client(lambda client: client.users.sign_ins(name))
    if json:
        document(found)
        return
    rows = [(s.user, s.id, s.client, age(s.created_at), age(s.used_at), age(s.expires_at)) for s in found]
    table(("USER", "ID", "CLIENT", "SIGNED IN", "USED", "ENDS"), rows)


def sign_out(
    name: Name,
    sign_in: Annotated[str | None, typer.Argument(metavar="[ID]", help="One of them; none: all.")] = None,
) -> None:
    """End somebody's sign-ins, or one of them, at once; API tokens stay."""
    if sign_in is None:
        with_client(lambda client: client.users.end_sign_ins(name))
        status(f"{name} is signed out everywhere")
        return
    with_client(lambda client: client.users.end_sign_in(name, sign_in))
    status(f"that sign-in of {name} has ended")


def remove(name: Name) -> None:
    """Delete an account; the jobs stay."""
    with_client(lambda client: client.users.remove(name))
    status(f"user {name} is gone")


def _state(found: User) -> str:
    return "disabled" if found.disabled_at else "active"


def _new_password(file: str | None, whose: str) -> str:
    given = _read(file, "--password-file")
    if given is not None:
        return given
    first = _asked(f"New password of {whose}: ")
    if first != _asked("The same again: "):
        raise UsageError("the two are not the same")
    return first


def _asked(prompt: str) -> str:
    import getpass

    if not sys.stdin.isatty():
        raise UsageError("give the password with --password-file FILE (- reads standard input)")
    return getpass.getpass(prompt)


def _read(file: str | None, flag: str) -> str | None:
    if file is None:
        return None
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return Path(file).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{flag}: can't read {file}: {error}") from None
