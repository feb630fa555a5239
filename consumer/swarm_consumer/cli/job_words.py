"""Words and flags of `swarm jobs` as one filter, and what the shell offers for the words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from swarm_consumer.cli.errors import UsageError
from swarm_consumer.client import Client
from swarm_consumer.filter_help import suggest
from swarm_consumer.filter_tokens import FilterError
from swarm_consumer.filters import ME, parse
from swarm_consumer.job_filter import JobFilter
from swarm_protocol.states import JobState


def wanted(words: Sequence[str]) -> JobFilter:
    """The filter that words on the command line mean, with `me` left as it is. Raises UsageError."""
    try:
        return parse(" ".join(words), me=ME, now=datetime.now(UTC))
    except FilterError as error:
        raise UsageError(str(error), error.hint) from None


async def with_me(client: Client, which: JobFilter) -> JobFilter:
    """The same with one's name instead of `me`."""
    if ME not in (*which.users, *which.not_users):
        return which
    mine = (await client.whoami()).user
    users, not_users = (
        tuple(mine if name == ME else name for name in names) for names in (which.users, which.not_users)
    )
    return replace(which, users=users, not_users=not_users)


def with_flags(
    which: JobFilter,
    states: Sequence[str],
    name: str | None,
    tags: Sequence[str],
    image: str | None,
    worker: str | None,
) -> JobFilter:
    """A filter narrowed by flags, too. Raises UsageError."""
    known = [state.value for state in JobState]
    wrong = next((text for text in states if text not in known), None)
    if wrong is not None:
        raise UsageError(f"--state: {wrong!r} is none of {', '.join(known)}")
    given = {"name": name, "image": image, "worker": worker, "states": states}
    for key, value in given.items():
        if value and getattr(which, key):
            raise UsageError(f"--{key.rstrip('s')} is given beside a word that says the same", "leave one of them out")
    said = {key: value for key, value in given.items() if value}
    return replace(which, **said, tags=(*which.tags, *tags))  # type: ignore[arg-type]


def filter_words(incomplete: str) -> list[tuple[str, str]]:
    """What a word of the filter may go on with."""
    found = suggest(incomplete, len(incomplete), {})
    return [(incomplete[: found.start] + each.text, each.told) for each in found.items]
