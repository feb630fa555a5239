"""`swarm worker`: list, pause, resume, label, rename, revoke, rm. What takes more has a file of its own.

`join` comes from the worker's package."""

from typing import Annotated

import typer

from swarm_consumer.cli.completion import worker_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import brief, document, status, table, write
from swarm_consumer.cli.text import age, clean
from swarm_consumer.cli.worker_text import count, labels_of, offers

_HERE = "swarm_consumer.cli.workers"
Name = Annotated[str, typer.Argument(metavar="WORKER", help="Name or id.", autocompletion=worker_names)]


class WorkerGroup(LazyGroup):
    """Commands about workers."""

    entries = {  # noqa: RUF012
        "token": Entry("swarm_consumer.cli.join_tokens", "token", "Commands"),
        "tokens": Entry("swarm_consumer.cli.join_tokens", "tokens", "Commands"),
        "deploy": Entry("swarm_consumer.cli.deploy", "deploy", "Commands"),
        "list": Entry(_HERE, "listing", "Commands"),
        "show": Entry("swarm_consumer.cli.worker_show", "show", "Commands"),
        "pause": Entry(_HERE, "pause", "Commands"),
        "drain": Entry("swarm_consumer.cli.drain", "drain", "Commands"),
        "resume": Entry(_HERE, "resume", "Commands"),
        "capacity": Entry("swarm_consumer.cli.capacity", "capacity", "Commands"),
        "history": Entry("swarm_consumer.cli.worker_show", "history", "Commands"),
        "label": Entry(_HERE, "label", "Commands"),
        "rename": Entry(_HERE, "rename", "Commands"),
        "revoke": Entry(_HERE, "revoke", "Commands"),
        "rm": Entry(_HERE, "remove", "Commands"),
    }
    prefix = "worker."


app = typer.Typer(cls=WorkerGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def worker() -> None:
    """Let workers in, look at them, put them out."""


def listing(json: Json = False) -> None:
    """List workers."""
    found = with_client(lambda client: client.workers())
    if json:
        document([brief(worker, "attempts") for worker in found])
        return
    rows = [(w.name, w.state, offers(w), count(w), age(w.seen_at), labels_of(w)) for w in found]
    table(("NAME", "STATE", "OFFERS", "RUNNING", "SEEN", "LABELS"), rows)


def pause(name: Name) -> None:
    """Give it nothing new; what runs there goes on."""
    with_client(lambda client: client.pause_worker(name))
    status(f"worker {name} is paused; go on with `swarm worker resume {name}`")


def resume(name: Name) -> None:
    """Give it jobs again: takes back a pause, and a drain that is under way."""
    with_client(lambda client: client.resume_worker(name))
    status(f"worker {name} takes jobs again")


def label(
    name: Name,
    labels: Annotated[list[str], typer.Argument(metavar="KEY=VALUE|KEY-...", help="KEY- takes it away again.")],
) -> None:
    """Set labels over its own; jobs name them with --constraint."""
    found = with_client(lambda client: client.label_worker(name, dict(_label(text) for text in labels)))
    write(f"{clean(labels_of(found))}\n")


def _label(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    if equals and key:
        return key, value
    if text.endswith("-") and len(text) > 1:
        return text[:-1], None
    raise UsageError(f"{text!r} is neither KEY=VALUE nor KEY-")


def rename(name: Name, to: Annotated[str, typer.Argument(metavar="NEW", help="Letters, digits and . _ -")]) -> None:
    """Call it otherwise."""
    with_client(lambda client: client.rename_worker(name, to))
    status(f"worker {name} is called {to} now")


def remove(name: Name) -> None:
    """Forget a worker that was revoked."""
    with_client(lambda client: client.remove_worker(name))
    status(f"worker {name} is forgotten")


def revoke(name: Name) -> None:
    """Shut a worker out for good; its connection closes at once and its jobs go elsewhere."""
    with_client(lambda client: client.revoke(name))
    status(f"worker {name} is shut out")
