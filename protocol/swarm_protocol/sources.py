"""Inputs that are another job's outputs: `job:1042`, `job:1042/model.bin`, `job:1042/*.csv:NAME`."""

import re
from typing import Final

import msgspec

from swarm_protocol.errors import SwarmError

MAX_SOURCES: Final = 100
"""Of one job."""
_JOB: Final = re.compile(r"job:([0-9]{1,18})(?:/(.*?))?(?::([^:]*))?\Z", re.DOTALL)


class JobOutputs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Files that another job of the project left in `/out`, as inputs."""

    job: int
    path: str = ""
    """A file, a folder or a glob, relative to that job's `/out`; empty: all of it."""
    name: str = ""
    """Where they go below `/in`; empty: a file or a folder under its own name, all else straight below `/in`."""
    attempt: int | None = None
    """Whose files they are. The core says so once it has put them among `inputs`; from then on they stay these."""


def parse_source(text: str) -> JobOutputs | None:
    """What an `--input` that begins with `job:` means; None for one that is about a file here. Raises SwarmError."""
    if not text.startswith("job:"):
        return None
    found = _JOB.match(text)
    if found is None or found[3] == "":
        raise SwarmError(
            "invalid_spec",
            f"--input {text}: write job:NUMBER, job:NUMBER/PATH or job:NUMBER/PATH:NAME",
            hint=f"a file here that is called so is ./{text}",
        )
    return JobOutputs(job=int(found[1]), path=found[2] or "", name=found[3] or "")
