"""Asks the core for an attempt's secrets."""

from collections.abc import Callable
from typing import Final

import msgspec

from swarm_protocol.messages import Ref
from swarm_protocol.states import FailureKind
from swarm_worker.api import CoreApi, Refused, retried
from swarm_worker.failures import AttemptFailed
from swarm_worker.secrets import Ask, Secret
from swarm_worker.transfer import attempt_header

_REMOVED: Final = "invalid_spec"
"""The core's code where a secret is not there any more."""


class _Answer(msgspec.Struct):
    items: list[Secret]


def asking(api: CoreApi, note: Callable[[str], None]) -> Ask:
    """A way to ask, as often as it takes: callers bound it."""

    async def once(ref: Ref) -> list[Secret]:
        async with api.request("POST", "/attempt-secrets", headers=attempt_header(ref)) as answer:
            return msgspec.json.decode(await answer.read(), type=_Answer).items

    async def ask(ref: Ref) -> list[Secret]:
        try:
            return await retried(lambda: once(ref), note)
        except Refused as refused:
            error = refused.error
            gone = error.code == _REMOVED
            hint = f"; {error.hint}" if error.hint else ""
            kind = FailureKind.INVALID if gone else FailureKind.CREATE_FAILED
            raise AttemptFailed(kind, f"{error.message}{hint}") from refused

    return ask
