"""Idempotency keys of submits: the same key with the same content makes a job once. Pure."""

import hashlib
from collections.abc import Sequence

from swarm_core.store.jobs import Key, KnownKey
from swarm_protocol.errors import SwarmError

_COPY = "\x1f"
"""Stands between a request's key and the number of a job in it: no header can hold it."""


def keys_of(specs: Sequence[bytes], keys: Sequence[str | None], count: int, key: str | None) -> list[Key | None]:
    """The key of each job of a request, in its order: `keys` has one for each spec, `key` stands for the whole request.

    Raises SwarmError(bad_request).
    """
    if key and any(keys):
        raise SwarmError(
            "bad_request", "either one key for the request, or `keys` with one for each spec", field="keys"
        )
    if key:
        return _for_all(key, specs, count)
    if not any(keys):
        return [None] * (len(specs) * count)
    if len(keys) != len(specs) or count > 1:
        raise SwarmError("bad_request", f"{len(keys)} keys for {len(specs)} specs: one each, or none", field="keys")
    given = [text for text in keys if text]
    if len(set(given)) != len(given):
        raise SwarmError("bad_request", "an idempotency key stands twice in one request", field="keys")
    pairs = zip(keys, specs, strict=True)
    return [Key(text, hashlib.sha256(raw).digest()) if text else None for text, raw in pairs]


def _for_all(key: str, specs: Sequence[bytes], count: int) -> list[Key | None]:
    """A key for each job, of which the first is the request's own: used again for anything else, it is found taken."""
    jobs = len(specs) * count
    if jobs == 1:
        return [Key(key, hashlib.sha256(specs[0]).digest())]
    whole = hashlib.sha256(b"%d\n" % count)
    for raw in specs:
        whole.update(b"%d\n%b" % (len(raw), raw))
    digest = whole.digest()
    return [Key(f"{key}{_COPY}{number:06d}" if number else key, digest) for number in range(jobs)]


def earlier_job(key: Key, known: KnownKey | None) -> tuple[int, str]:
    """Id and state of the job that a taken key made before. Raises SwarmError(idempotency_mismatch | unavailable)."""
    if known is None:
        raise SwarmError("unavailable", "the job of this idempotency key is just being removed", retry_after=1)
    if known.body_hash != key.body_hash:
        name = key.text.partition(_COPY)[0]
        raise SwarmError(
            "idempotency_mismatch",
            f"the idempotency key {name!r} was used for another job",
            hint="use a new key, or send the same job",
        )
    return known.job, known.state or "removed"
