"""Whom a job tells of its end: a webhook of the project by its name, or a mail address; for some ends, or for all."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from swarm_protocol.states import TERMINAL

MAX_NOTICES: Final = 16
"""Of one job."""
MAX_ADDRESS: Final = 254
_HOOK: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
HOOK_RULE: Final = "small letters, digits and . _ -, beginning with a letter or a digit, at most 63"
_LOCAL: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_DOMAIN: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
_ADDRESS: Final = re.compile(rf"{_LOCAL}@{_DOMAIN}\Z")
_MAIL: Final = "mail:"
ENDS: Final = tuple(sorted(str(state) for state in TERMINAL))
"""The ends that can be told of, by name."""
USUAL_ENDS: Final = ("failed", "timed_out")
"""Those that a webhook is told of where nothing else is said."""
_SHAPE: Final = "write NAME of a webhook or mail:ADDRESS, and after it :failed,timed_out where not all ends are meant"


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One that is to be told: `hook` or `mail`."""

    hook: str = ""
    mail: str = ""
    states: tuple[str, ...] = ENDS


def is_hook_name(name: str) -> bool:
    """Whether a webhook may be called so."""
    return bool(_HOOK.match(name)) and name != "mail"


def is_address(text: str) -> bool:
    """Whether it is a plain mail address: ASCII, no quotes, nothing that a header could be broken with."""
    return len(text) <= MAX_ADDRESS and bool(_ADDRESS.match(text))


def mail_address(url: str) -> str | None:
    """The address in `mail:ADDRESS`; None for anything else."""
    return url[len(_MAIL) :] if url.startswith(_MAIL) else None


def parse_notice(text: str) -> Notice:
    """`NAME[:STATES]` or `mail:ADDRESS[:STATES]`. Raises ValueError that says what to do."""
    if "://" in text:
        raise ValueError("a URL is added once for the project (`swarm webhook add`); name that webhook here")
    address = mail_address(text)
    named, colon, states = (text if address is None else address).partition(":")
    if address is None and not is_hook_name(named):
        raise ValueError(f"{named[:80]!r} is no name of a webhook: {_SHAPE}")
    if address is not None and not is_address(named):
        raise ValueError(f"{named[:80]!r} is no mail address: {_SHAPE}")
    chosen = parse_states(states) if colon else ENDS
    return Notice(hook=named, states=chosen) if address is None else Notice(mail=named, states=chosen)


def parse_states(text: str) -> tuple[str, ...]:
    """Ends, by commas. Raises ValueError that says what to do."""
    states = tuple(dict.fromkeys(text.split(",")))
    wrong = next((state for state in states if state not in TERMINAL), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:40]!r} is no end of a job: it is one of {', '.join(ENDS)}")
    return states


def check_notices(given: Sequence[str]) -> list[tuple[str, str]]:
    """What is wrong with a job's notices: (field, what to do)."""
    errors: list[tuple[str, str]] = []
    if len(given) > MAX_NOTICES:
        errors.append(("notify", f"at most {MAX_NOTICES}; a list of a mail server can have more readers"))
    for index, text in enumerate(given):
        try:
            parse_notice(text)
        except ValueError as error:
            errors.append((f"notify[{index}]", str(error)))
    return errors
