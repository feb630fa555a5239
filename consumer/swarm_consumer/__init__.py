"""The SDK: submit container jobs to a core and bring their results back.

    async with Client.from_credentials() as client:
        job = await client.submit(JobSpec(image="busybox", command=["echo", "hello"]))
        ended = await client.wait(job.id)

Names are loaded when they are first used, so that `import swarm_consumer` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarm_consumer.client import Client as Client
    from swarm_consumer.credentials import Credentials as Credentials
    from swarm_consumer.events import EventFilter as EventFilter
    from swarm_consumer.job_filter import JobFilter as JobFilter
    from swarm_consumer.sync import SyncClient as SyncClient
    from swarm_protocol.errors import SwarmError as SwarmError
    from swarm_protocol.schedule import Schedule as Schedule
    from swarm_protocol.secrets import SecretFile as SecretFile
    from swarm_protocol.sources import JobOutputs as JobOutputs
    from swarm_protocol.spec import InputFile as InputFile
    from swarm_protocol.spec import JobSpec as JobSpec
    from swarm_protocol.spec import Resources as Resources
    from swarm_protocol.spec import Timeouts as Timeouts

__all__ = [
    "Client",
    "Credentials",
    "EventFilter",
    "InputFile",
    "JobFilter",
    "JobOutputs",
    "JobSpec",
    "Resources",
    "Schedule",
    "SecretFile",
    "SwarmError",
    "SyncClient",
    "Timeouts",
]

_HOMES = {
    "Client": "swarm_consumer.client",
    "Credentials": "swarm_consumer.credentials",
    "EventFilter": "swarm_consumer.events",
    "JobFilter": "swarm_consumer.job_filter",
    "SyncClient": "swarm_consumer.sync",
    "SwarmError": "swarm_protocol.errors",
    "Schedule": "swarm_protocol.schedule",
    "SecretFile": "swarm_protocol.secrets",
    "JobOutputs": "swarm_protocol.sources",
    "InputFile": "swarm_protocol.spec",
    "JobSpec": "swarm_protocol.spec",
    "Resources": "swarm_protocol.spec",
    "Timeouts": "swarm_protocol.spec",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'swarm_consumer' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
