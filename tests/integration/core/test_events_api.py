"""The event stream through served cores: filters, isolation, cursors, cut connections, slow readers."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import websockets
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.relay import Relay
from tests.integration.core.test_projects import Town

from swarm_consumer import Client, EventFilter
from swarm_consumer.clock import SystemClock
from swarm_consumer.credentials import Credentials
from swarm_consumer.models import Event as Heard
from swarm_core.api.events import EventRoutes
from swarm_core.cursors import Cursor, Cursors
from swarm_core.settings import Timers
from swarm_core.store import events
from swarm_core.store.database import transaction
from swarm_core.store.events import Event
from swarm_core.store.stream import Place
from swarm_protocol.claims import SERVER_NAME
from swarm_protocol.errors import SwarmError
from swarm_protocol.messages import CLOSE_CORE_STOPS, CLOSE_SLOW


class Village(Town):
    """A town whose events are looked at."""

    async def note(self, kind: str, subject: str, what: str = "changed", project: str = "", **detail: object) -> None:
        """An event, of a project or of the cluster."""
        pool = self.core.database.api
        owner = await pool.fetchval("select id from project where name = $1", project) if project else None
        event = Event(kind=kind, subject=subject, what=what, actor="user:ada", project=owner, detail=detail)
        async with transaction(pool) as connection:
            await events.record(connection, [event])

    async def now(self, who: str = "ada") -> str:
        """A cursor from which nothing has happened."""
        cursor: str = (await self.call(who, "GET", "/events")).json()["next"]
        return cursor

    async def seen(self, who: str, after: str, query: str = "", project: str = "") -> list[str]:
        """The subjects of what somebody sees after a cursor."""
        answer = await self.call(who, "GET", f"/events?after={after}{query}", project)
        assert answer.status_code == 200, answer.text
        return [each["subject"] for each in answer.json()["items"]]

    async def refused(self, query: str, who: str = "ada") -> tuple[int, str, str | None]:
        """(status, code, field) of a request that is turned away, by both routes alike."""
        answer = await self.call(who, "GET", f"/events{query}")
        found = problem(answer)
        with pytest.raises(websockets.InvalidStatus) as closed:
            async with listening(self.core, self.tokens[who], query):
                pass
        assert closed.value.response.status_code == found.status
        assert msgspec.json.decode(closed.value.response.body or b"")["code"] == found.code
        return found.status, found.code, found.field


@asynccontextmanager
async def listening(core: LiveCore, token: str, query: str = "", **more: Any) -> AsyncIterator[Any]:
    url = f"wss://127.0.0.1:{core.server.port}/ws/events{query}"
    headers = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(
        url, ssl=core.trust, server_hostname=SERVER_NAME, additional_headers=headers, proxy=None, **more
    ) as made:
        yield made


async def page_of(connection: Any) -> dict[str, Any]:
    """The next page that a listener gets."""
    found: dict[str, Any] = msgspec.json.decode(await asyncio.wait_for(connection.recv(), 10))
    return found


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Village]:
    async with live_core(database_url, tmp_path, timers=Timers(slow_reader=1.0), run_modules=True) as core:
        made = Village(core)
        await made.person("ada", "admin")
        await made.person("ben")
        assert await made.status("ada", "POST", "/projects", json={"name": "lab"}) == 201
        yield made
        core.parts.blobs.close()


async def job_of(town: Village, project: str) -> int:
    """A job with a history of two steps."""
    job = await town.job_in(project)
    for old, new in ((None, "queued"), ("queued", "held")):
        await town.core.database.api.execute(
            "insert into history (job_id, at, old_state, new_state, attempt, actor)"
            " values ($1, swarm_now(), $2::text::job_state, $3::text::job_state, 0, 'user:ada')",
            job,
            old,
            new,
        )
    return job


# Who sees what -------------------------------------------------------------------------------------------


async def test_one_sees_what_one_takes_part_in(town: Village) -> None:
    begin = await town.now()
    ours, theirs = str(await job_of(town, "default")), str(await job_of(town, "lab"))
    await town.note("schedule", "1", project="lab")
    await town.note("worker", "w")
    assert await town.seen("ben", begin) == [ours, ours, "w"]
    assert await town.seen("ben", begin, "&project=*") == [ours, ours, "w"]
    assert await town.seen("ada", begin) == [ours, ours, "w"], "the project that a request is about"
    assert await town.seen("ada", begin, "&project=*") == [ours, ours, theirs, theirs, "1", "w"]
    assert await town.seen("ada", begin, "&project=lab") == [theirs, theirs, "1"]
    assert await town.seen("ada", begin, project="lab") == [theirs, theirs, "1", "w"]
    assert await town.refused("?project=lab", "ben") == (404, "not_found", None)
    assert await town.refused("?project=nowhere", "ada") == (404, "not_found", None)
    await town.call("ada", "PUT", "/projects/lab/members/ben", json={"role": "observer"})
    assert await town.seen("ben", begin, "&project=lab") == [theirs, theirs, "1"]
    assert await town.seen("ben", begin, f"&project=lab&job={theirs}") == [theirs, theirs]
    assert await town.seen("ben", begin, f"&job={theirs}") == []


async def test_a_token_of_one_project_sees_no_other(town: Village) -> None:
    made = await town.call("ada", "POST", "/tokens", json={"name": "ci", "role": "observer", "ttl": 3600})
    town.tokens["ci"] = made.json()["token"]
    begin = await town.now()
    ours = str(await job_of(town, "default"))
    await job_of(town, "lab")
    assert await town.seen("ci", begin, "&project=*") == [ours, ours]
    assert await town.refused("?project=lab", "ci") == (404, "not_found", None)


async def test_who_takes_part_no_more_hears_no_more(town: Village) -> None:
    await town.call("ada", "PUT", "/projects/lab/members/ben", json={"role": "observer"})
    async with listening(town.core, town.tokens["ben"], "?project=lab") as connection:
        await page_of(connection)
        await town.call("ada", "DELETE", "/projects/lab/members/ben")
        with pytest.raises(websockets.ConnectionClosed, match="no project lab"):
            await asyncio.wait_for(connection.recv(), 10)


# What is asked for ---------------------------------------------------------------------------------------


async def test_filters(town: Village) -> None:
    worker = str(await town.core.worker("w"))
    begin = await town.now()
    job = str(await job_of(town, "default"))
    await town.note("worker", worker)
    await town.note("worker", "other")
    await town.note("image", "a:1", project="default")
    await town.note("job", "7", "state", "default", worker_id=worker)
    assert await town.seen("ben", begin, "&kind=image&kind=worker") == [worker, "other", "a:1"]
    assert await town.seen("ben", begin, f"&job={job}&job=7") == [job, job, "7"]
    assert await town.seen("ben", begin, "&worker=w") == [worker, "7"]
    assert await town.seen("ben", begin, f"&worker={worker}&kind=job") == ["7"]
    assert await town.seen("ben", begin, "&worker=0193f6a0-0000-7000-8000-000000000000") == []


async def test_pages_follow_one_another(town: Village) -> None:
    after = await town.now()
    for number in range(7):
        await town.note("image" if number % 2 else "worker", f"{number}", project="default")
    heard: list[str] = []
    more = True
    while more:
        page = (await town.call("ben", "GET", f"/events?after={after}&limit=2&kind=image")).json()
        heard += [each["subject"] for each in page["items"]]
        after, more = page["next"], page["more"]
    assert heard == ["1", "3", "5"]
    assert await town.seen("ben", after) == []
    first = (await town.call("ben", "GET", "/events?since=2026-01-01T00:00:00Z&limit=1")).json()
    assert first["items"][0]["subject"] == "0"
    assert (await town.seen("ben", first["items"][0]["cursor"]))[0] == "1", "an event's own cursor goes on after it"


async def test_what_is_wrong_is_said(town: Village) -> None:
    cluster, era = Cursors(town.core.cluster.id), Cursor(b"\0\0\0\0", Place(1, 1))
    for query, code, field in (
        ("?after=nonsense", "cursor_invalid", "after"),
        (f"?after={Cursors('another').write(era)}", "cursor_invalid", "after"),
        (f"?after={cluster.write(era)}", "cursor_expired", "after"),
        ("?kind=cow", "bad_request", "kind"),
        ("?job=seven", "bad_request", "job"),
        ("?since=yesterday", "bad_request", "since"),
        (f"?since=2026-01-01T00:00:00Z&after={await town.now()}", "bad_request", "since"),
        ("?worker=nobody", "not_found", None),
    ):
        assert (await town.refused(query))[1:] == (code, field), query


async def test_an_old_cursor_is_refused_and_one_begins_anew(town: Village) -> None:
    begin = await town.now()
    await town.note("worker", "w")
    pool = town.core.database.api
    await pool.execute("update event set at = at - interval '40 days'")
    assert (await town.core.parts.reclaim.round()).events == 1
    assert await town.refused(f"?after={begin}") == (410, "cursor_expired", "after")
    answer = problem(await town.call("ada", "GET", f"/events?after={begin}"))
    assert answer.hint == "go on without a cursor: that begins now"
    assert await town.seen("ada", await town.now()) == []


async def test_what_people_change_is_told(town: Village) -> None:
    """Schedules and images; each change once, with who made it."""
    await town.person("ola", "operator")
    begin = await town.now()
    await town.core.database.api.execute("insert into blob (digest, size) values ('sha256:1', 1)")
    await town.core.database.api.execute(
        "insert into manifest (project_id, digest, media_type, size) select id, 'sha256:1', 'x', 1 from project"
        " where name = 'default'"
    )
    await town.core.database.api.execute(
        "insert into image_tag (project_id, name, tag, digest) select id, 'img', 'latest', 'sha256:1' from project"
        " where name = 'default'"
    )
    form = {"name": "nightly", "cron": "0 2 * * *", "job": {"image": "img"}}
    made = (await town.call("ola", "POST", "/schedules", json=form)).json()
    await town.call("ola", "POST", "/schedules", json=form)
    await town.call("ola", "PATCH", "/schedules/nightly", json={"jitter": 5})
    for verb in ("pause", "pause", "resume", "resume"):
        await town.call("ola", "POST", f"/schedules/nightly/{verb}")
    await town.call("ola", "DELETE", "/schedules/nightly")
    await town.call("ola", "DELETE", "/images/img")
    page = (await town.call("ben", "GET", f"/events?after={begin}")).json()
    told = [(each["kind"], each["subject"], each["what"], each["actor"]) for each in page["items"]]
    words = ("created", "changed", "paused", "resumed", "removed")
    assert told == [
        *(("schedule", str(made["id"]), what, "user:ola") for what in words),
        ("image", "img:latest", "removed", "user:ola"),
    ]
    assert page["items"][0]["detail"] == {"name": "nightly"}


# Live ----------------------------------------------------------------------------------------------------


async def test_a_listener_hears_at_once_and_knows_where_it_is(town: Village) -> None:
    async with listening(town.core, town.tokens["ben"]) as connection:
        first = await page_of(connection)
        assert (first["items"], first["more"]) == ([], False)
        await town.note("worker", "w")
        await town.note("image", "a:1", project="lab")
        page = await page_of(connection)
        assert [each["subject"] for each in page["items"]] == ["w"]
    assert await town.seen("ben", first["next"]) == ["w"]
    assert await town.seen("ben", page["next"]) == []


async def test_a_slow_reader_is_sent_away_and_goes_on_where_it_was(
    town: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = asyncio.Event()
    in_time = EventRoutes._in_time

    async def watched(self: EventRoutes, sending: Any) -> bool:
        kept_up = await in_time(self, sending)
        if not kept_up:
            late.set()
        return kept_up

    monkeypatch.setattr(EventRoutes, "_in_time", watched)
    begin, count = await town.now(), 16_000
    await town.core.database.api.execute(
        "insert into event (kind, subject, what, actor, detail)"
        " select 'worker', n::text, 'changed', '', json_build_object('x', repeat('x', 1000))"
        " from generate_series(1, $1) n",
        count,
    )
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", town.core.server.port))
    pages: list[dict[str, Any]] = []
    async with listening(town.core, town.tokens["ben"], f"?after={begin}", sock=sock, max_queue=1) as connection:
        await asyncio.wait_for(late.wait(), 20)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await all_pages(connection, pages)
    heard = [each["subject"] for page in pages for each in page["items"]]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CLOSE_SLOW
    assert 0 < len(heard) < count
    client = client_of(town.core, town.tokens["ben"])
    rest = [event.subject async for event in client.events(after=pages[-1]["next"], follow=False)]
    await client.close()
    assert heard + rest == [str(number) for number in range(1, count + 1)]


async def all_pages(connection: Any, pages: list[dict[str, Any]]) -> None:
    """Read to the end of a connection."""
    while True:
        pages.append(await page_of(connection))


async def test_a_core_that_stops_says_so(database_url: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with live_core(database_url, tmp_path, run_modules=True) as core:
            token = await core.token_of(await core.person("ben"))
            connection = await stack.enter_async_context(listening(core, token))
            await page_of(connection)
            core.parts.blobs.close()
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(connection.recv(), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CLOSE_CORE_STOPS


class Jumping(SystemClock):
    """The SDK's clock, which a test can put forward."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


def client_of(core: LiveCore, token: str, url: str = "", clock: Jumping | None = None) -> Client:
    """The SDK, signed in."""
    held = Credentials(
        url=url or f"https://127.0.0.1:{core.server.port}",
        user="ben",
        ca_pem=core.cluster.authority.pem,
        refresh_token="",
        access_token=token,
        expires_at=1e12,
    )
    return Client(held, clock=clock)


@pytest.mark.parametrize("seed", [1, 2])
async def test_cut_at_any_moment_and_going_on_at_another_core(
    database_url: str, redis_url: str, tmp_path: Path, seed: int
) -> None:
    """Each change once and in order, while transactions overlap on both cores."""
    dice = random.Random(seed)
    async with AsyncExitStack() as stack:
        cores = [
            await stack.enter_async_context(
                live_core(database_url, tmp_path / name, redis_url=redis_url, run_modules=True)
            )
            for name in ("one", "two")
        ]
        token = await cores[0].token_of(await cores[0].person("ben"))
        urls = [f"https://127.0.0.1:{core.server.port}" for core in cores]
        relay = await stack.enter_async_context(Relay(urls[0]))
        client = await stack.enter_async_context(client_of(cores[0], token, relay.url))
        begin = (await cores[0].call("GET", "/api/v1/events", token)).json()["next"]
        committed: set[str] = set()
        stop = asyncio.Event()
        writers = [asyncio.create_task(write(core, committed, dice, stop)) for core in cores for _ in range(2)]
        stack.push_async_callback(end_of, writers)
        heard: list[Heard] = []
        cuts, due = 0, 3
        async with asyncio.timeout(60):
            async for event in client.events(EventFilter(kinds=["worker"]), after=begin):
                heard.append(event)
                if event.subject == "last":
                    break
                if len(heard) >= due and cuts < 12:
                    cuts, due = cuts + 1, len(heard) + dice.randint(1, 40)
                    await relay.cut()
                    relay.aim(urls[cuts % 2])
                    await relay.mend()
                elif cuts == 12 and not stop.is_set():
                    stop.set()
                    await asyncio.gather(*writers)
                    await told(cores[1], ["last"])
        assert len({each.cursor for each in heard}) == len(heard)
        assert set(subjects(heard)) == committed | {"last"}
        assert len(heard) == len(committed) + 1
        again = [event async for event in client.events(EventFilter(kinds=["worker"]), after=begin, follow=False)]
        assert subjects(again) == subjects(heard)
        for core in cores:
            core.parts.blobs.close()


async def end_of(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def subjects(heard: Sequence[Heard]) -> list[str]:
    return [each.subject for each in heard]


async def told(core: LiveCore, names: Sequence[str]) -> None:
    """Events in a transaction, and the word that there are some."""
    async with transaction(core.database.api) as connection:
        for name in names:
            await events.record(connection, [Event(kind="worker", subject=name, what="changed", actor="")])
    core.parts.signals.noted()


async def write(core: LiveCore, committed: set[str], dice: random.Random, stop: asyncio.Event) -> None:
    """Transactions, some held open for a while, some rolled back."""
    number = 0
    while not stop.is_set():
        names = [f"{id(core)}-{id(asyncio.current_task())}-{number}.{part}" for part in range(dice.randint(1, 4))]
        number += 1
        async with core.database.api.acquire() as connection:
            held = connection.transaction()
            await held.start()
            for name in names:
                await events.record(connection, [Event(kind="worker", subject=name, what="changed", actor="")])
                await asyncio.sleep(dice.random() * 0.01)
            if dice.random() < 0.1:
                await held.rollback()
            else:
                await held.commit()
                committed.update(names)
        core.parts.signals.noted()


async def test_the_client_says_what_waiting_does_not_mend(town: Village) -> None:
    client = client_of(town.core, town.tokens["ben"])
    with pytest.raises(SwarmError) as refused:
        async for _ in client.events(after="nonsense"):
            pass
    assert refused.value.code == "cursor_invalid"
    with pytest.raises(SwarmError, match="no project lab"):
        async for _ in client.events(EventFilter(project="lab")):
            pass
    await client.close()


async def test_the_client_says_once_that_the_core_is_away_and_goes_on(town: Village) -> None:
    said: list[SwarmError] = []
    gone = asyncio.Event()

    def away(error: SwarmError) -> None:
        said.append(error)
        gone.set()

    async with Relay(f"https://127.0.0.1:{town.core.server.port}") as relay:
        clock = Jumping()
        client = client_of(town.core, town.tokens["ben"], relay.url, clock)
        heard = client.events(after=await town.now(), away=away)
        await town.note("worker", "1")
        assert (await anext(heard)).subject == "1"
        clock.ahead += 1000  # what is done with an event may take longer than the core may be away
        following = asyncio.ensure_future(anext(heard))
        await relay.cut()
        await asyncio.wait_for(gone.wait(), 10)
        await town.note("worker", "2")
        await relay.mend()
        assert (await asyncio.wait_for(following, 20)).subject == "2"
        assert [error.code for error in said] == ["unavailable"]
        impatient = client.events(after=await town.now(), patience=0.2)
        following = asyncio.ensure_future(anext(impatient))
        await relay.cut()
        with pytest.raises(SwarmError, match="no answer from the core"):
            await asyncio.wait_for(following, 20)
        await client.close()


async def test_a_thousand_events_a_second_flow(town: Village) -> None:
    """A burst in many transactions reaches a listener whole; how fast is the bench's matter."""
    client = client_of(town.core, town.tokens["ben"])
    begin = await town.now()

    async def burst() -> None:
        for number in range(50):
            async with transaction(town.core.database.api) as connection:
                await events.record(
                    connection,
                    [Event(kind="worker", subject=f"{number}-{part}", what="changed", actor="") for part in range(100)],
                )
            town.core.parts.feed.wake()

    writing = asyncio.create_task(burst())
    count = 0
    async with asyncio.timeout(30):
        async for _ in client.events(after=begin):
            count += 1
            if count == 5000:
                break
    await writing
    await client.close()
