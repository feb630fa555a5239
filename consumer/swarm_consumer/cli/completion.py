"""What the shell offers for job ids, images and workers; silent where the core does not answer in a second."""

import asyncio
from collections.abc import Awaitable, Callable

from swarm_consumer.cli.text import clean
from swarm_consumer.client import Client

_SECONDS = 1.0
Offer = tuple[str, str]
"""A word, and what it is."""


async def _jobs(client: Client) -> list[Offer]:
    return [(str(job.id), f"{job.state} {job.name or job.image}") async for job in client.jobs(limit=50)]


async def _images(client: Client) -> list[Offer]:
    return [(f"{image.name}:{image.tag}", image.digest[:19]) for image in await client.images()]


async def _workers(client: Client) -> list[Offer]:
    return [(worker.name or worker.id, worker.state) for worker in await client.workers()]


async def _schedules(client: Client) -> list[Offer]:
    return [(s.definition.name, f"{s.definition.cron} {s.definition.zone}") for s in await client.schedules.all()]


async def _users(client: Client) -> list[Offer]:
    return [(user.name, user.role) for user in await client.users.all()]


async def _projects(client: Client) -> list[Offer]:
    return [(project.name, project.role) for project in await client.projects.all()]


async def _secrets(client: Client) -> list[Offer]:
    return [(secret.name, f"version {secret.version}") for secret in await client.secrets.all()]


async def _modules(client: Client) -> list[Offer]:
    return [(each.module, each.level) for each in await client.syslog.levels()]


async def _mounts(client: Client) -> list[Offer]:
    return [(mount.name, mount.path) for mount in await client.mounts.all()]


async def _webhooks(client: Client) -> list[Offer]:
    return [(webhook.name, webhook.url) for webhook in await client.webhooks.all()]


async def _settings(client: Client) -> list[Offer]:
    return [(each.name, each.meaning) for each in await client.settings.all()]


def job_ids(incomplete: str) -> list[Offer]:
    """Recent jobs with their state."""
    return _offer(_jobs, incomplete)


def image_names(incomplete: str) -> list[Offer]:
    """Images that were pushed."""
    return _offer(_images, incomplete)


def worker_names(incomplete: str) -> list[Offer]:
    """Workers with their state."""
    return _offer(_workers, incomplete)


def schedule_names(incomplete: str) -> list[Offer]:
    """Schedules with their expressions."""
    return _offer(_schedules, incomplete)


def user_names(incomplete: str) -> list[Offer]:
    """People with their roles."""
    return _offer(_users, incomplete)


def project_names(incomplete: str) -> list[Offer]:
    """One's projects with one's roles there."""
    return _offer(_projects, incomplete)


def secret_names(incomplete: str) -> list[Offer]:
    """The project's secrets."""
    return _offer(_secrets, incomplete)


def module_names(incomplete: str) -> list[Offer]:
    """Modules of the core with the levels of their logs."""
    return _offer(_modules, incomplete)


def setting_names(incomplete: str) -> list[Offer]:
    """Settings with what they mean."""
    return _offer(_settings, incomplete)


def mount_names(incomplete: str) -> list[Offer]:
    """Mounts that the project may use."""
    return _offer(_mounts, incomplete)


def webhook_names(incomplete: str) -> list[Offer]:
    """The project's webhooks."""
    return _offer(_webhooks, incomplete)


def _offer(find: Callable[[Client], Awaitable[list[Offer]]], incomplete: str) -> list[Offer]:
    """Nothing that goes wrong here may show up in the middle of what a person types."""
    from swarm_consumer import credentials
    from swarm_consumer.cli.connection import open_client

    async def ask() -> list[Offer]:
        async with asyncio.timeout(_SECONDS), open_client(credentials.load(), 0.0) as client:
            return await find(client)

    try:
        found = asyncio.run(ask())
    except Exception:
        return []
    return [(clean(word), clean(told)) for word, told in found if word.startswith(incomplete)]
