"""A sign-in that is handed from the web face to a deck's process: through a pipe, so that no list of processes and no
file has it."""

import os
from typing import Final

import msgspec

from swarm_consumer.credentials import Credentials

VARIABLE: Final = "SWARM_DECK_SIGN_IN_FD"
"""Names the pipe's end in the environment of the process."""


def offer(credentials: Credentials) -> int:
    """The end of a pipe that holds the sign-in, for the process to inherit. The caller closes it."""
    data = msgspec.json.encode(credentials)
    reader, writer = os.pipe()
    with open(writer, "wb") as file:  # some 3 kB, and a pipe holds 64: this never waits
        file.write(data)
    return reader


def taken() -> Credentials | None:
    """The sign-in that this process was handed, once; None where it was started by a person."""
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return None
    with open(int(text), "rb") as file:
        return msgspec.json.decode(file.read(), type=Credentials)
