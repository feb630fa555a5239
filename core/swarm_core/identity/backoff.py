"""How long somebody waits after failed sign-ins: pure, the rows are in the database (store/people.py).

A try counts as failed before the password is looked at, so that many at once get no more guesses than one by one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """`free` failures cost nothing; each later one doubles the wait, from a second up to `most` seconds."""

    free: int
    most: float


FROM_ONE_PLACE: Final = Rule(free=4, most=60.0)
FROM_ANYWHERE: Final = Rule(free=20, most=8.0)
"""Milder: a stranger who guesses must not shut the person out."""
FORGET: Final = timedelta(hours=1)
"""Failures older than this are forgotten."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of one name, or of one name at one place."""

    failures: int
    until: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait`: seconds to come back after (0: go on), and what to keep if the try fails too."""

    wait: float
    failures: int
    until: datetime


def judge(past: Past | None, rule: Rule, now: datetime) -> Verdict:
    """Whether a try is allowed now, and what follows from it until it is known to have succeeded."""
    if past is not None and past.until > now:
        return Verdict((past.until - now).total_seconds(), past.failures, past.until)
    known = past.failures if past is not None and now - past.at < FORGET else 0
    return Verdict(0.0, known + 1, now + timedelta(seconds=pause(known + 1, rule)))


def pause(failures: int, rule: Rule) -> float:
    """Seconds of pause after so many failures."""
    over = failures - rule.free
    return 0.0 if over < 0 else min(rule.most, 2.0 ** min(over, 30))
