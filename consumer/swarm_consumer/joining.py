"""The one command that lets a worker in, as it is to be pasted there."""

import shlex

from swarm_consumer.trust import is_loopback, normal_url


def join_command(url: str, token: str) -> str:
    """`swarm worker join wss://core:8443 --token SSJT1-…`. Raises SwarmError for what is no address of a core."""
    return f"swarm worker join {shlex.quote(normal_url(url).replace('https://', 'wss://'))} --token {token}"


def loopback_warning(url: str) -> str:
    """What to mind where this machine knows the core by an address that no other reaches; else empty."""
    if not is_loopback(url):
        return ""
    return "only this machine reaches the core at that address: on another one put the core's own in its place"
