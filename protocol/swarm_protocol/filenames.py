"""Names of output files as text. A file's name is bytes; JSON and the database hold text.

A name that is UTF-8 stands as it is. In any other, each byte that is none becomes `\\xNN` and each backslash `\\x5c`,
and so do the backslashes of a name that only looks like that: whatever the name, its text leads back to it.
"""

import re
from typing import Final

MAX_BYTES: Final = 2000
"""Of a path's text: it is part of an index, whose entries have a limit."""
_ESCAPE: Final = re.compile(rb"\\x(5c|[89a-f][0-9a-f])")


def to_text(raw: bytes) -> str:
    """The text that stands for a path; different paths have different texts."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and not _ESCAPE.search(raw):
        return text
    return raw.replace(b"\\", rb"\x5c").decode("utf-8", "backslashreplace")


def to_bytes(text: str) -> bytes:
    """The path that a text stands for; a text that stands for none (`to_text` makes no such) is taken as it is."""
    plain = text.encode()
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), plain)
    return raw if to_text(raw) == text else plain


def shown(text: str) -> str:
    """A name fit for one line of a terminal or of a message: what can't be printed is escaped as in Python."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
