"""Settings of the system's log, which are written with units."""

import pytest

from swarm_core.settings import SyslogRetention, from_environment
from swarm_protocol.errors import SwarmError

LEAST = {"SWARM_DATABASE_URL": "postgresql://x", "SWARM_DATA": "/x", "SWARM_SEAL_KEY_FILE": "/x/key"}


def test_each_level_of_the_log_is_kept_for_a_time_of_its_own() -> None:
    given = {"SWARM_SYSLOG_DEBUG": "90m", "SWARM_SYSLOG_INFO": "14d", "SWARM_SYSLOG_ROWS": "5000"}
    found = from_environment(LEAST | given).retention.syslog
    assert found == SyslogRetention(debug=5400.0, info=14 * 86400.0, rows=5000)
    assert from_environment(LEAST).retention.syslog == SyslogRetention()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("SWARM_SYSLOG_INFO", "soon", "SWARM_SYSLOG_INFO: 'soon' is no duration; write it like 90s"),
        ("SWARM_SYSLOG_ROWS", "many", "SWARM_SYSLOG_ROWS='many' is no number of lines from 1000"),
        ("SWARM_SYSLOG_ROWS", "10", "SWARM_SYSLOG_ROWS='10' is no number of lines from 1000"),
    ],
)
def test_a_wrong_one_is_named(variable: str, value: str, says: str) -> None:
    with pytest.raises(SwarmError, match=says):
        from_environment(LEAST | {variable: value})
