"""Cores whose clocks are apart agree on the time, for it is the database's."""

from tests.integration.core.spine import SilentLog
from tests.integration.core.test_spine import move_clock
from tests.unit.core.identity.clock import ManualClock

from swarm_core.dbclock import DatabaseClock
from swarm_core.identity.tokens import Tokens, make_signing_key
from swarm_core.store.database import Database
from swarm_protocol.claims import AUD_USER
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7


async def test_a_token_of_a_core_an_hour_ahead_is_good_at_one_an_hour_behind(database_url: str) -> None:
    database, log, key = await Database.connect(database_url), SilentLog(), make_signing_key()
    machines = [ManualClock(1e9 + 3600), ManualClock(1e9 - 3600)]
    clocks = [DatabaseClock(machine, database.api, log) for machine in machines]
    for clock in clocks:
        await clock.measure()
    assert abs(clocks[0].time() - clocks[1].time()) < 60
    one, other = (Tokens(key, clock.time) for clock in clocks)
    token = one.issue_user(uuid7(), DEFAULT_PROJECT, "observer", 0).token
    assert other.verify(token, AUD_USER).role == "observer"
    assert [message for message, _ in log.lines] == ["this machine's clock is behind the database's, which counts"] * 2
    await database.close()


async def test_it_follows_the_database_and_says_only_once_how_far_off_it_is(database_url: str) -> None:
    database, log, machine = await Database.connect(database_url), SilentLog(), ManualClock(1e9)
    clock = DatabaseClock(machine, database.api, log)
    assert clock.time() == 1e9
    await clock.measure()
    before = clock.time()
    machine.now += 10
    assert clock.time() == before + 10
    await move_clock(database_url, "1 hour")
    await clock.measure()
    assert 3500 < clock.time() - before < 3700
    assert len(log.lines) == 1
    await database.close()
