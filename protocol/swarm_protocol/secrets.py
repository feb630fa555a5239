"""Secrets of a project as a job names them: what they may be called, and which file each becomes."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

MAX_SECRET: Final = 64 * 1024
"""Bytes of one."""
MAX_SECRETS: Final = 64
"""Secrets of one job."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_FILE: Final = re.compile(r"[A-Za-z0-9._-]{1,100}\Z")
NAME_RULE: Final = "up to 100 letters, digits and . _ -, beginning with a letter or a digit"


class SecretFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A secret that a job wants, and the name of its file below `/run/secrets`."""

    name: str
    file: str = ""
    """Empty: as the secret is called."""


Named = str | SecretFile
"""As a spec says it: a name alone, or with a file."""


def is_secret_name(name: str) -> bool:
    """Whether a secret may be called so."""
    return bool(_NAME.match(name))


def secret_files(named: Iterable[Named]) -> list[SecretFile]:
    """Each secret with the name of its file."""
    whole = [SecretFile(name=item) if isinstance(item, str) else item for item in named]
    return [SecretFile(name=item.name, file=item.file or item.name) for item in whole]


def parse_secret(text: str) -> Named:
    """`NAME` or `NAME:FILE` as a person writes it; whether they will do is seen later."""
    name, colon, file = text.partition(":")
    return SecretFile(name=name, file=file) if colon else name


def check_secrets(named: Sequence[Named]) -> list[tuple[str, str]]:
    """What is wrong with a job's secrets: (field, what to do)."""
    errors: list[tuple[str, str]] = []
    if len(named) > MAX_SECRETS:
        errors.append(("secrets", f"at most {MAX_SECRETS}; put several values into one"))
    seen: set[str] = set()
    for index, item in enumerate(secret_files(named)):
        field = f"secrets[{index}]"
        if not is_secret_name(item.name):
            errors.append((field, f"{item.name!r} is no name of a secret: {NAME_RULE}"))
        elif not _FILE.match(item.file) or item.file in (".", ".."):
            errors.append(
                (field, f"{item.file!r} can't be a file of /run/secrets: up to 100 letters, digits and . _ -")
            )
        elif item.file in seen:
            errors.append((field, f"the file {item.file!r} is given twice; name another with NAME:FILE"))
        seen.add(item.file)
    return errors
