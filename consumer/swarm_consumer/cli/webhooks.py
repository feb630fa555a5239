"""`swarm webhook`: add, list, show, test, rm, rotate-secret, enable, deliveries, redeliver."""

import asyncio
from typing import Annotated

import typer

from swarm_consumer.cli.completion import webhook_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.client import Client
from swarm_consumer.models import Delivery, MadeWebhook, Webhook
from swarm_protocol.errors import EXIT_OUR_FAILURE
from swarm_protocol.notice import ENDS, parse_states
from swarm_protocol.quantities import QuantityError, seconds

_HERE = "swarm_consumer.cli.webhooks"
TEST_SECONDS = 45.0
_LOOK_SECONDS = 0.5


class WebhookGroup(LazyGroup):
    """Commands about webhooks."""

    entries = {  # noqa: RUF012
        "add": Entry(_HERE, "add", "Commands"),
        "list": Entry(_HERE, "listing", "Commands"),
        "show": Entry(_HERE, "show", "Commands"),
        "test": Entry(_HERE, "try_out", "Commands"),
        "rotate-secret": Entry(_HERE, "rotate_secret", "Commands"),
        "enable": Entry(_HERE, "enable", "Commands"),
        "rm": Entry(_HERE, "remove", "Commands"),
        "deliveries": Entry(_HERE, "deliveries", "Deliveries"),
        "redeliver": Entry(_HERE, "redeliver", "Deliveries"),
    }
    prefix = "webhook."


app = typer.Typer(cls=WebhookGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def webhook() -> None:
    """Who is told of jobs' ends: an https URL, or a mail address."""


Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called.", autocompletion=webhook_names)]


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="https://…, or mail:ADDRESS.")],
    on: Annotated[str, typer.Option("--on", metavar="STATES", help="Ends, by commas, or all.")] = "failed,timed_out",
    job_name: Annotated[str | None, typer.Option("--job-name", metavar="NAME", help="Only jobs of this name.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only jobs with this tag.")] = None,
    only_named: Annotated[
        bool, typer.Option("--only-named", help="Only jobs that name it with --notify, at the ends that they say.")
    ] = False,
    json: Json = False,
) -> None:
    """Have the ends of the project's jobs told to a URL or a mail address.

    What is posted is signed; the secret to check that with is printed, this once.
    """
    try:
        states = ENDS if on == "all" else parse_states(on)
    except ValueError as error:
        raise UsageError(f"--on: {error}") from None
    made = with_client(
        lambda client: client.webhooks.add(name, url, on=states, job_name=job_name, tag=tag, only_named=only_named)
    )
    _tell(made, json)
    if not json:
        status(f"webhook {name} is told of {_which(made.webhook)}; see that it works: swarm webhook test {name}")


def listing(json: Json = False) -> None:
    """List the project's webhooks."""
    found = with_client(lambda client: client.webhooks.all())
    if json:
        document(found)
        return
    rows = [(w.name, w.url, ",".join(w.states), _state(w), w.waiting or "", w.dead or "") for w in found]
    table(("NAME", "URL", "ON", "STATE", "WAITING", "DEAD"), rows)


def show(name: Name, json: Json = False) -> None:
    """Show one of them."""
    found = with_client(lambda client: client.webhooks.get(name))
    if json:
        document(found)
        return
    pairs = (
        ("name", found.name),
        ("url", found.url),
        ("told of", _which(found)),
        ("state", _state(found)),
        ("secret", f"version {found.version}" if not found.url.startswith("mail:") else ""),
        ("old secret", f"counts until {moment(found.old_until)}" if found.old_until else ""),
        ("waiting", found.waiting or ""),
        ("given up", f"{found.dead}: swarm webhook redeliver --dead {found.name}" if found.dead else ""),
        ("added", f"{moment(found.created_at)} by {found.created_by.removeprefix('user:')}"),
    )
    write("".join(f"{key:<10} {clean(value)}\n" for key, value in pairs if value != ""))


def try_out(name: Name, json: Json = False) -> None:
    """Have a webhook told of a test, and say what came of it."""
    found = with_client(lambda client: _tested(client, name))
    if json:
        document(found)
    elif found.state == "delivered":
        status(f"{name} took it{'' if found.status is None else f' ({found.status})'}")
    elif found.state == "waiting":
        status(f"no core has tried it within {TEST_SECONDS:g} s; see `swarm webhook deliveries --to {name}`")
    else:
        status(f"error: {name} did not take it: {found.error}")
    raise typer.Exit(0 if found.state == "delivered" else EXIT_OUR_FAILURE)


async def _tested(client: Client, name: str) -> Delivery:
    found = await client.webhooks.test(name)
    try:
        async with asyncio.timeout(TEST_SECONDS):
            while found.state == "waiting":
                await asyncio.sleep(_LOOK_SECONDS)
                found = await client.webhooks.delivery(found.id)
    except TimeoutError:
        pass
    return found


def rotate_secret(
    name: Name,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="TIME", help="So long the old secret signs too: 0s, 24h.")
    ] = "24h",
    json: Json = False,
) -> None:
    """Give a webhook another secret, which is printed this once."""
    try:
        length = seconds(overlap)
    except QuantityError as error:
        raise UsageError(f"--overlap: {error}") from None
    _tell(with_client(lambda client: client.webhooks.rotate_secret(name, overlap=length)), json)


def enable(name: Name) -> None:
    """Tell one again that was disabled because it had answered 410."""
    with_client(lambda client: client.webhooks.enable(name))
    status(f"webhook {name} is told again; what was given up meanwhile: swarm webhook redeliver --dead {name}")


def remove(name: Name) -> None:
    """Delete a webhook, and what it was still to be told."""
    with_client(lambda client: client.webhooks.remove(name))
    status(f"webhook {name} is gone")


def deliveries(
    state: Annotated[
        str | None, typer.Option("--state", "-s", metavar="STATE", help="waiting, delivered or dead (given up).")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="NAME", help="Of this webhook, or mail:ADDRESS.", autocompletion=webhook_names),
    ] = None,
    job: Annotated[int | None, typer.Option("--job", metavar="JOB", help="Of this job.", min=1)] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many.", min=1, max=500)] = 50,
    json: Json = False,
) -> None:
    """List what was and is to be told, newest first."""
    found = with_client(lambda client: client.webhooks.deliveries(state=state, to=to, job=job, limit=limit))
    if json:
        document(found)
        return
    rows = [
        (d.id, d.to, "a test" if d.job is None else d.job, d.state, d.tries, age(d.tried_at), age(d.due_at), d.error)
        for d in found
    ]
    table(("ID", "TO", "JOB", "STATE", "TRIES", "TRIED", "NEXT", "ERROR"), rows)


def redeliver(
    which: Annotated[str | None, typer.Argument(metavar="ID|NAME", help="A delivery; with --dead, a webhook.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that was given up, of a webhook or of all.")] = False,
) -> None:
    """Try anew what was delivered or given up."""
    if dead:
        count = with_client(lambda client: client.webhooks.redeliver_dead(which))
        status(f"{count} tried anew")
        return
    if which is None:
        raise UsageError("name a delivery, or say --dead", "`swarm webhook deliveries` lists them")
    found = with_client(lambda client: client.webhooks.redeliver(which))
    status(f"delivery {found.id} to {found.to} is tried anew")


def _tell(made: MadeWebhook, json: bool) -> None:
    if json:
        document(made)
    elif made.secret is not None:
        write(f"{made.secret}\n")


def _which(webhook: Webhook) -> str:
    if webhook.only_named:
        return "jobs that name it"
    narrowed = [f"named {webhook.job_name}"] if webhook.job_name else []
    narrowed += [f"tagged {webhook.tag}"] if webhook.tag else []
    return " ".join(["jobs", *narrowed, f"that end as {', '.join(webhook.states)}"])


def _state(webhook: Webhook) -> str:
    return f"disabled: {webhook.disabled_why}" if webhook.disabled_at else "on"
