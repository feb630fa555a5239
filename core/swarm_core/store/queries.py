"""Named SQL: each `sql/<aggregate>.sql` holds statements that begin with `-- name: <word>`.

The text up to the name's own line is the comment that says what the statement is for.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: ([a-z_0-9]+)\s*$", re.MULTILINE)


@cache
def load(aggregate: str) -> dict[str, str]:
    """The statements of one aggregate by name."""
    text = files(__package__).joinpath("sql", f"{aggregate}.sql").read_text("utf-8")
    parts = _NAME.split(text)
    return dict(zip(parts[1::2], (body[: body.rindex(";")].strip() for body in parts[2::2]), strict=True))


def aggregates() -> list[str]:
    """Names of all SQL files; a test prepares every statement of each."""
    return sorted(
        entry.name[:-4] for entry in files(__package__).joinpath("sql").iterdir() if entry.name.endswith(".sql")
    )
