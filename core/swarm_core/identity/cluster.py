"""What makes a cluster one, whichever core asks: its id, its CA and the key that signs its tokens."""

from dataclasses import dataclass

from swarm_core.identity.authority import Authority, load_authority, make_authority
from swarm_core.identity.seal import Sealer, get_or_make
from swarm_core.identity.tokens import make_signing_key
from swarm_core.store.database import Pool
from swarm_protocol.ids import uuid7


@dataclass(frozen=True)
class Cluster:
    """The opened secrets."""

    id: str
    authority: Authority
    signing_key: bytes


async def open_cluster(pool: Pool, sealer: Sealer, now: float) -> Cluster:
    """The cluster of a database; the first core makes it. `now`: seconds since the epoch.

    Raises SwarmError where the seal key isn't the database's.
    """
    authority = await get_or_make(pool, sealer, "ca", lambda: make_authority(now))
    signing_key = await get_or_make(pool, sealer, "token-key", make_signing_key)
    cluster = await get_or_make(pool, sealer, "cluster-id", lambda: str(uuid7()).encode())
    return Cluster(cluster.decode(), load_authority(authority), signing_key)
