"""Since when something is asked for, as people write it."""

from datetime import UTC, datetime, timedelta

import pytest

from swarm_consumer.times import past_time
from swarm_protocol.quantities import QuantityError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04+02:00", datetime(2026, 1, 2, 1, 4, tzinfo=UTC)),
    ],
)
def test_a_time_ago_or_a_moment(text: str, found: datetime) -> None:
    assert past_time(text, NOW) == found


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01 00:00", "-7d", "99999999d"])
def test_no_time(text: str) -> None:
    with pytest.raises(QuantityError, match="write it like 7d"):
        past_time(text, NOW)
