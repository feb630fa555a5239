"""What crosses the websocket between a person's program and a core about one terminal: a msgpack map in each frame."""

from typing import Final

import msgspec

MAX_WORDS: Final = 4096
MAX_COMMAND: Final = 128 * 1024
"""Bytes of a command's words together."""
MAX_SIDE: Final = 10_000
"""Rows or columns."""


class _Message(msgspec.Struct, frozen=True, tag_field="t", kw_only=True, omit_defaults=True):
    pass


# --- person → core ---------------------------------------------------------------------------------------


class Open(_Message, frozen=True, tag="open"):
    """What is wanted; the first word."""

    command: list[str] = []
    """To be run in the job's container; empty: what is typed is for the job itself, whose output is its log."""
    tty: bool = False
    stdin: bool = True
    rows: int = 24
    columns: int = 80


class Input(_Message, frozen=True, tag="input"):
    """Bytes to be read; none: there is no more."""

    data: bytes


class Size(_Message, frozen=True, tag="size"):
    """The window has another size."""

    rows: int
    columns: int


# --- core → person ---------------------------------------------------------------------------------------


class Opened(_Message, frozen=True, tag="opened"):
    """The command runs, or the job's input is connected."""

    attempt: int
    worker: str


class Output(_Message, frozen=True, tag="output"):
    """Bytes that the command wrote; stream 1 is stdout, 2 stderr."""

    stream: int
    data: bytes


class Ended(_Message, frozen=True, tag="ended"):
    """The last word: how the command ended, or what went wrong."""

    exit_code: int | None = None
    message: str = ""


class Refused(_Message, frozen=True, tag="refused"):
    """The only word where it can't be had: an error as REST has it."""

    code: str
    message: str
    hint: str | None = None


FromPerson = Open | Input | Size
ToPerson = Opened | Output | Ended | Refused
