"""Jobs' ends told to a real HTTPS receiver and a real SMTP server, by a whole core on a real Postgres."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.fixtures.receivers import Authority, Got, Hooks, Mailbox, answer, hooks, mailbox
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.spine import Ana, spine
from tests.integration.storage.vault import ANA, Vault

from swarm_core.harvester import Report
from swarm_core.notice.patience import Patience
from swarm_core.notice.posting import Poster
from swarm_core.notice.settings import Mail, NoticeSettings
from swarm_core.notice.targets import Address, parse_allowed
from swarm_protocol import messages as m
from swarm_protocol.ids import uuid7

QUICK = Patience(first=0.02, most=0.05, give_up=30)
HASTY = Patience(first=0.02, most=0.02, give_up=0.0)
"""Gives up after the first try."""


class Town:
    """A core with a receiver and a mail server; ada administers, oda operates, ben submits, eve looks."""

    def __init__(self, core: LiveCore, hook: Hooks, mail: Mailbox, vault: Vault) -> None:
        self.core = core
        self.hook = hook
        self.mail = mail
        self.vault = vault
        self.db = core.database.api
        self.tokens: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.hook.port}/swarm?x=1"

    async def person(self, name: str, role: str) -> None:
        self.tokens[name] = await self.core.token_of(await self.core.person(name, role))

    async def call(self, who: str, method: str, path: str, project: str = "", **more: Any) -> httpx2.Response:
        headers = {"Swarm-Project": project} if project else {}
        return await self.core.call(method, f"/api/v1{path}", self.tokens[who], headers=headers, **more)

    async def add(self, name: str = "ops", url: str = "", **more: Any) -> str:
        """A webhook; its secret."""
        wanted = {"name": name, "url": url or self.url, **more}
        made = await self.call("oda", "POST", "/webhooks", json=wanted)
        assert made.status_code == 201, made.text
        return str(made.json()["secret"])

    async def end(self, result: str = "exit_nonzero", notify: str | None = None, **columns: Any) -> int:
        """A job that ends so, reported by its worker; its id."""
        worker, job = await self.vault.running(ANA, "sha256:1")
        given = {"notify": notify, "name": "train", "tags": ["nightly"], **columns}
        for column, value in given.items():
            await self.db.execute(f"update job set {column} = $1 where id = $2", value, job)
        code = 1 if result == "exit_nonzero" else 0
        end = m.Finished(ref=m.Ref(job, 1), result=result, exit_code=code, message="it said: no room")
        assert await self.core.parts.harvester.report(Report(worker.id, end))
        return job

    async def deliveries(self, who: str = "ben", query: str = "") -> list[dict[str, Any]]:
        return list((await self.call(who, "GET", f"/deliveries{query}")).json()["items"])

    async def becomes(self, state: str, to: str = "ops") -> dict[str, Any]:
        """Wait until the newest delivery to somebody is in a state."""
        async with asyncio.timeout(20):
            while True:
                found = await self.deliveries(query=f"?to={to}&limit=1")
                if found and found[0]["state"] == state:
                    return found[0]
                await asyncio.sleep(0.02)


def settings(authority: Authority, **changes: Any) -> NoticeSettings:
    usual = NoticeSettings(allowed=parse_allowed("127.0.0.0/8"), ca_file=authority.file, timeout=10.0, patience=QUICK)
    return replace(usual, **changes)


Open = Callable[..., Any]


@pytest.fixture
async def open_town(database_url: str, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens a town; the keywords change its settings."""
    async with AsyncExitStack() as stack:
        authority = Authority(tmp_path)

        async def make(**changes: Any) -> Town:
            hook = await stack.enter_async_context(hooks(authority.context()))
            mail = await stack.enter_async_context(mailbox(authority.context()))
            password = tmp_path / "smtp-password"
            password.write_text("correct horse\n")
            server = Mail(
                host="127.0.0.1", port=mail.port, user="swarm", password_file=password, sender="swarm@example.org"
            )
            notices = settings(authority, mail=server, **changes)
            core = await stack.enter_async_context(live_core(database_url, tmp_path, notices=notices, run_modules=True))
            vault = Vault(core.database, tmp_path)
            stack.callback(vault.store.close)
            made = Town(core, hook, mail, vault)
            for name, role in (("ada", "admin"), ("oda", "operator"), ("ben", "consumer"), ("eve", "observer")):
                await made.person(name, role)
            return made

        yield make


def is_signed(got: Got, secret: str) -> bool:
    """As Standard Webhooks has it, from its description alone."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(wanted, each) for each in got.headers["webhook-signature"].split(" "))


# The outbox ----------------------------------------------------------------------------------------------


async def test_an_end_is_told_signed_with_what_was_promised_and_nothing_else(open_town: Open) -> None:
    town: Town = await open_town(public_url="https://swarm.example.org")
    secret = await town.add(states=["failed"])
    assert secret.startswith("whsec_")
    spec = msgspec.json.encode({"image": "img:1", "env": {"TOKEN": "hush"}, "command": ["hush"]}).decode()
    job = await town.end(spec=spec)
    [got] = await town.hook.until(1)
    assert got.line == "POST /swarm?x=1 HTTP/1.1"
    assert got.headers["host"] == f"127.0.0.1:{town.hook.port}"
    assert got.headers["content-type"] == "application/json"
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 300
    assert is_signed(got, secret)
    assert not is_signed(got, "whsec_" + base64.b64encode(bytes(32)).decode())
    told = msgspec.json.decode(got.body)
    assert (told["type"], told["version"]) == ("job.failed", 1)
    assert told["links"] == {"job": f"https://swarm.example.org/api/v1/jobs/{job}"}
    told_job = told["job"]
    kept = ("id", "name", "project", "state", "failure", "exit_code", "message", "attempt", "image", "tags")
    assert [told_job[name] for name in kept] == [
        *(job, "train", "default", "failed", "exit_nonzero", 1, "it said: no room", 1, "img:1", ["nightly"])
    ]
    assert told_job["worker"].startswith("w-")
    assert told_job["ended_at"] == told["timestamp"]
    assert b"hush" not in got.body
    found = await town.becomes("delivered")
    assert (found["job"], found["tries"], found["status"], found["error"]) == (job, 1, 204, "")
    assert got.headers["webhook-id"] == f"msg_{found['id'].replace('-', '')}"


async def test_who_is_told_is_as_the_webhook_and_the_job_have_it(open_town: Open) -> None:
    town: Town = await open_town()
    await town.add("failures", states=["failed"])
    await town.add("trains", states=["succeeded", "failed"], job_name="train")
    await town.add("weekly", states=["failed"], tag="weekly")
    await town.add("named", only_named=True, states=["failed"])
    await town.call("ada", "POST", "/projects", json={"name": "lab"})
    other = {"name": "elsewhere", "url": town.url, "states": ["failed"]}
    assert (await town.call("ada", "POST", "/webhooks", "lab", json=other)).status_code == 201
    first = await town.end()
    second = await town.end("succeeded", notify='[{"hook":"named"},{"mail":"a@example.org","states":["succeeded"]}]')
    third = await town.end(notify='[{"hook":"named","states":["cancelled"]}]', name="other", tags=["weekly"])
    rows = await town.db.fetch("select job_id, target from delivery order by job_id, target")
    assert [tuple(row) for row in rows] == [
        (first, "failures"),
        (first, "trains"),
        (second, "mail:a@example.org"),
        (second, "named"),
        (second, "trains"),
        (third, "failures"),
        (third, "weekly"),
    ]


async def test_every_way_to_an_end_is_told_in_its_own_transaction(database_url: str) -> None:
    async with spine(database_url) as core:
        ana = Ana()
        await core.database.api.execute(
            "insert into webhook (id, project_id, name, url, states, only_named, created_by)"
            " values ($1, $2, 'ops', 'https://a.example/', '{cancelled,timed_out,failed}', false, '')",
            uuid7(),
            ana.project,
        )
        cancelled = await core.submit(ana)
        await core.steering.cancel(ana, cancelled)
        late = await core.submit(ana, timeouts={"queue": 0.05})
        await core.reaches(late, "timed_out")
        worker = await core.connect(await core.add_worker("w"))
        tried_again = await core.submit(ana, retries=1)
        await core.finished(worker, (await worker.assigned()).ref, "exit_nonzero")
        told = await core.database.api.fetch(
            "select job_id, body::json ->> 'type' as type from delivery order by job_id"
        )
        assert [tuple(row) for row in told] == [(cancelled, "job.cancelled"), (late, "job.timed_out")]
        assert (await core.job(tried_again))["ended_at"] is None, "a failure that is tried again is no end"


async def test_nothing_is_told_where_the_end_is_not_committed(open_town: Open) -> None:
    town: Town = await open_town()
    await town.add(states=["succeeded"])
    worker, job = await town.vault.running(ANA)
    end = m.Finished(ref=m.Ref(job, 1), result="succeeded", exit_code=0)
    async with town.core.database.hot.acquire() as connection:
        change = connection.transaction()
        await change.start()
        counted, _ = await town.core.parts.harvester.settle(connection, [(worker.id, end)])
        assert counted
        assert await connection.fetchval("select count(*) from delivery") == 1
        await change.rollback()
    assert await town.deliveries() == []


async def test_a_webhook_that_is_removed_just_then_keeps_no_job_from_its_end(open_town: Open) -> None:
    town: Town = await open_town()
    await town.add()
    await town.add("other")
    async with town.db.acquire() as connection:
        change = connection.transaction()
        await change.start()
        await connection.execute("delete from webhook where name = 'ops'")
        ending = asyncio.create_task(town.end())
        async with asyncio.timeout(10):
            while not await town.db.fetchval("select count(*) from pg_locks where not granted"):
                await asyncio.sleep(0.01)
        await change.commit()
    job = await ending
    row = await town.db.fetchrow("select state::text as state, failure from job where id = $1", job)
    assert row is not None
    assert tuple(row) == ("failed", "exit_nonzero")
    assert [each["to"] for each in await town.deliveries()] == ["other"]


# Trouble -------------------------------------------------------------------------------------------------


async def test_a_receiver_that_fails_is_tried_again_with_the_same_id_and_body(open_town: Open) -> None:
    town: Town = await open_town()
    await town.add()
    moved = answer(307, f"Location: https://127.0.0.1:{town.hook.port}/other")
    town.hook.answers += [answer(500, body=b"no\x1b[2J room\n" + b"x" * 9999), moved, answer(429, "Retry-After: 0")]
    await town.end()
    got = await town.hook.until(4)
    found = await town.becomes("delivered")
    assert (found["tries"], len(town.hook.got)) == (4, 4)
    assert {each.line for each in got} == {"POST /swarm?x=1 HTTP/1.1"}, "a redirect is not followed"
    assert len({(each.headers["webhook-id"], each.body) for each in got}) == 1


async def test_what_is_given_up_waits_among_the_dead_until_somebody_has_it_tried_anew(open_town: Open) -> None:
    town: Town = await open_town(patience=HASTY)
    secret = await town.add()
    town.hook.answers += [answer(500, body=b"no\x1b[2J room"), answer(500)]
    job = await town.end()
    dead = await town.becomes("dead")
    assert (dead["tries"], dead["status"], dead["error"], dead["due_at"]) == (
        1,
        500,
        "it answered 500: no [2J room",
        None,
    )
    shown = (await town.call("ben", "GET", "/webhooks/ops")).json()
    assert (shown["dead"], shown["waiting"]) == (1, 0)
    again = await town.call("oda", "POST", f"/deliveries/{dead['id']}/redeliver")
    assert again.json()["state"] == "waiting"
    await town.hook.until(2)
    await town.becomes("dead")
    assert (await town.call("oda", "POST", "/deliveries/redeliver", json={"to": "ops"})).json() == {"count": 1}
    last = (await town.hook.until(3))[-1]
    found = await town.becomes("delivered")
    assert (found["job"], found["id"]) == (job, dead["id"])
    assert is_signed(last, secret)
    once_more = await town.call("oda", "POST", f"/deliveries/{dead['id']}/redeliver")
    assert once_more.status_code == 200, "what was delivered can be sent again too"
    await town.hook.until(4)


async def test_one_that_is_gone_hears_no_more_until_it_is_enabled(open_town: Open) -> None:
    town: Town = await open_town()
    await town.add()
    town.hook.answers.append(answer(410))
    await town.end()
    assert (await town.becomes("dead"))["status"] == 410
    shown = (await town.call("ben", "GET", "/webhooks/ops")).json()
    assert shown["disabled_at"]
    assert shown["disabled_why"] == "it answered 410"
    await town.end()
    assert len(await town.deliveries()) == 1
    assert (await town.call("oda", "POST", "/webhooks/ops/enable")).json()["disabled_at"] is None
    await town.end()
    await town.hook.until(2)


async def test_one_that_hangs_does_not_hold_up_the_others(open_town: Open) -> None:
    town: Town = await open_town(timeout=30.0)
    town.hook.silent.add("/silent")
    await town.add("hangs", f"https://127.0.0.1:{town.hook.port}/silent", states=["succeeded"])
    for _ in range(6):
        await town.end("succeeded")
    await town.hook.until(4)
    await town.add("ops")
    await town.end()
    await town.becomes("delivered")
    silent = [got for got in town.hook.got if "/silent" in got.line]
    assert 4 <= len(silent) <= 7, "a lane has its share, and no more"


async def test_a_receiver_that_is_away_or_says_nothing_is_a_try_that_failed(open_town: Open) -> None:
    town: Town = await open_town(patience=HASTY, timeout=0.3)
    town.hook.silent.add("/silent")
    await town.add("hangs", f"https://127.0.0.1:{town.hook.port}/silent")
    await town.add("away", "https://127.0.0.1:1/")
    await town.add("plain", f"http://127.0.0.1:{town.mail.port}/")
    await town.end()
    assert (await town.becomes("dead", "hangs"))["error"] == "no answer within 0.3 s"
    assert "refused" in (await town.becomes("dead", "away"))["error"].lower() + " refused"
    assert (await town.becomes("dead", "plain"))["error"]


async def test_a_core_that_dies_at_a_try_leaves_it_to_another(open_town: Open) -> None:
    town: Town = await open_town()
    await town.add()
    job = await town.end()
    await town.becomes("delivered")
    claimed = "update delivery set state = 'waiting', tries = 1, due_at = swarm_now() + interval '0.2 s'"
    await town.db.execute(claimed)  # as a core leaves it that was killed after the claim
    await town.hook.until(2)
    found = await town.becomes("delivered")
    assert (found["job"], found["tries"]) == (job, 2)


async def test_what_was_told_long_ago_is_forgotten_but_not_what_is_still_tried(open_town: Open) -> None:
    town: Town = await open_town(patience=Patience())
    await town.add()
    await town.end()
    await town.becomes("delivered")
    town.hook.answers.append(answer(500))
    await town.end()
    await town.hook.until(2)
    assert (await town.core.parts.reclaim.round()).deliveries == 0
    await town.db.execute("update delivery set created_at = created_at - interval '31 days'")
    assert (await town.core.parts.reclaim.round()).deliveries == 1
    assert [each["state"] for each in await town.deliveries()] == ["waiting"]


# Where it may go -----------------------------------------------------------------------------------------


async def test_a_name_is_looked_up_at_each_try_and_only_a_good_address_connected_to(open_town: Open) -> None:
    """Whoever controls a name may point it at the core's own network once the webhook is there."""
    town: Town = await open_town(patience=HASTY, allowed=parse_allowed(""))
    answered = await town.call("oda", "POST", "/webhooks", json={"name": "ops", "url": "https://localhost:1/"})
    assert answered.status_code == 201, "what a name stands for is seen when it is used"
    await town.end()
    assert "localhost (127.0.0.1" in (await town.becomes("dead"))["error"]


async def test_a_certificate_must_be_the_receivers(open_town: Open) -> None:
    town: Town = await open_town(patience=HASTY, ca_file=None)
    await town.add()
    await town.end()
    assert "certificate" in (await town.becomes("dead"))["error"].lower()
    assert town.hook.got == []


async def test_a_name_is_connected_to_by_a_checked_address_and_has_to_prove_that_it_is_that_name(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)

    async def resolve(host: str, port: int) -> list[Address]:
        return [ip_address("10.0.0.1"), ip_address("127.0.0.9"), ip_address("127.0.0.1")]

    async with hooks(authority.context()) as hook:
        poster = Poster(parse_allowed("127.0.0.0/8"), settings(authority).trust(), timeout=lambda: 10, resolve=resolve)
        told = await poster.post(f"https://hooks.test:{hook.port}/a", {}, b"{}")
        assert (told.ok, told.status, told.error) == (True, 204, ""), (
            "the first one that answers of those that are allowed"
        )
        assert hook.got[0].headers["host"] == f"hooks.test:{hook.port}"
        other = await poster.post(f"https://other.test:{hook.port}/a", {}, b"{}")
        assert "certificate" in other.error.lower()
        assert len(hook.got) == 1


# Keeping webhooks ----------------------------------------------------------------------------------------


async def test_a_secret_lies_sealed_and_two_count_while_one_takes_over(open_town: Open) -> None:
    town: Town = await open_town()
    old = await town.add()
    row = await town.db.fetchrow("select nonce, ciphertext from webhook")
    assert row is not None
    assert old.encode() not in row["ciphertext"] + row["nonce"]
    made = (await town.call("oda", "POST", "/webhooks/ops/rotate", json={"overlap": 3600})).json()
    new = made["secret"]
    assert (made["webhook"]["version"], new != old, bool(made["webhook"]["old_until"])) == (2, True, True)
    await town.end()
    [first] = await town.hook.until(1)
    assert is_signed(first, new)
    assert is_signed(first, old)
    newest = (await town.call("oda", "POST", "/webhooks/ops/rotate", json={"overlap": 0})).json()["secret"]
    await town.end()
    second = (await town.hook.until(2))[1]
    assert is_signed(second, newest)
    assert not is_signed(second, new)
    for path in ("/webhooks", "/webhooks/ops", "/deliveries"):
        assert not [each for each in (old, new, newest) if each in (await town.call("ada", "GET", path)).text]


async def test_a_test_is_told_once(open_town: Open) -> None:
    town: Town = await open_town()
    secret = await town.add()
    town.hook.answers.append(answer(500))
    made = (await town.call("oda", "POST", "/webhooks/ops/test")).json()
    assert (made["job"], made["state"]) == (None, "waiting")
    [got] = await town.hook.until(1)
    assert msgspec.json.decode(got.body)["type"] == "test"
    assert is_signed(got, secret)
    assert (await town.becomes("dead"))["tries"] == 1


async def test_operators_keep_webhooks_consumers_see_them_and_no_other_project_does(open_town: Open) -> None:
    town: Town = await open_town()
    for who, status in (("eve", 403), ("ben", 403), ("oda", 201)):
        wanted = {"name": "ops", "url": f"https://127.0.0.1:{town.hook.port}/T0/hush"}
        assert (await town.call(who, "POST", "/webhooks", json=wanted)).status_code == status
    assert (await town.call("eve", "GET", "/webhooks")).status_code == 403
    shown = {who: (await town.call(who, "GET", "/webhooks/ops")).json()["url"] for who in ("ben", "oda")}
    assert shown == {
        "ben": f"https://127.0.0.1:{town.hook.port}/…",
        "oda": f"https://127.0.0.1:{town.hook.port}/T0/hush",
    }
    await town.end()
    found = await town.becomes("delivered")
    await town.call("ada", "POST", "/projects", json={"name": "lab"})
    assert (await town.call("ada", "GET", "/webhooks", "lab")).json()["items"] == []
    for method, path in (
        ("GET", "/webhooks/ops"),
        ("DELETE", "/webhooks/ops"),
        ("POST", "/webhooks/ops/test"),
        ("POST", "/webhooks/ops/enable"),
        ("GET", f"/deliveries/{found['id']}"),
        ("POST", f"/deliveries/{found['id']}/redeliver"),
    ):
        assert (await town.call("ada", method, path, "lab")).status_code == 404, path
    again = await town.call("oda", "POST", "/webhooks", json={"name": "ops", "url": town.url})
    assert problem(again).code == "conflict"
    assert problem(await town.call("ada", "DELETE", "/projects/default")).code == "conflict"
    assert (await town.call("oda", "DELETE", "/webhooks/ops")).status_code == 204
    audit = await town.db.fetch("select action, subject, actor from audit where action like '%webhook' order by id")
    assert [tuple(row) for row in audit] == [("add_webhook", "ops", "user:oda"), ("remove_webhook", "ops", "user:oda")]


async def test_a_wrong_webhook_is_refused_with_its_field(database_url: str, tmp_path: Path) -> None:
    mail = Mail(host="mail", port=25, sender="swarm@example.org", domains=frozenset({"example.org"}))
    async with live_core(database_url, tmp_path, notices=NoticeSettings(mail=mail)) as core:
        token = await core.token_of(await core.person("oda", "operator"))
        for wrong, field in (
            ({"name": "Ops"}, "name"),
            ({"name": "mail"}, "name"),
            ({"states": ["running"]}, "states"),
            ({"states": []}, "states"),
            ({"tag": ""}, "tag"),
            ({"job_name": "x\0"}, "job_name"),
            ({"url": "mail:ben@elsewhere.org"}, "url"),
            ({"url": "mail:ben@example.org\r\nBcc: x@y.z"}, "url"),
            ({"url": "https://10.0.0.1/"}, "url"),
            ({"url": "http://hooks.example.org/"}, "url"),
        ):
            wanted = {"name": "ops", "url": "https://hooks.example.org/", **wrong}
            found = problem(await core.call("POST", "/api/v1/webhooks", token, json=wanted))
            assert found.field == field, wrong


# Mail ----------------------------------------------------------------------------------------------------


async def test_mail_comes_over_tls_after_a_login_as_plain_text(open_town: Open) -> None:
    town: Town = await open_town(public_url="https://swarm.example.org/")
    job = await town.end(notify='[{"mail":"ben@example.org"}]', name="train\r\nBcc: eve@example.org ÿ")
    [(sender, to, message)] = await town.mail.until(1)
    assert (sender, list(to), town.mail.logins) == (
        "swarm@example.org",
        ["ben@example.org"],
        [(b"swarm", b"correct horse")],
    )
    assert message["Subject"] == f"[swarm] job {job} train Bcc: eve@example.org ÿ failed (exit 1)"
    assert message["Bcc"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    text = message.get_content()
    assert f"https://swarm.example.org/api/v1/jobs/{job}" in text
    assert "why        it said: no room" in text
    found = await town.becomes("delivered", "mail:ben@example.org")
    assert message["Message-ID"] == f"<msg_{found['id'].replace('-', '')}@example.org>"


async def test_mail_waits_for_a_server_that_says_later_and_gives_up_on_nobody_there(open_town: Open) -> None:
    town: Town = await open_town()
    town.mail.refusals += ["451 greylisted", "550 no such user"]
    await town.end(notify='[{"mail":"ben@example.org"}]')
    found = await town.becomes("dead", "mail:ben@example.org")
    assert (found["tries"], found["status"], found["error"]) == (2, 550, "the mail server answered 550: no such user")


async def test_a_mail_server_that_is_down_ends_among_the_dead_and_then_delivers(open_town: Open) -> None:
    town: Town = await open_town(patience=HASTY)
    await town.add("ops", "mail:ops@example.org")
    mailer = town.core.parts.mailer
    assert mailer is not None
    there = mailer._mail
    mailer._mail = replace(there, port=1)
    await town.end()
    assert (await town.becomes("dead"))["error"].startswith("the mail server 127.0.0.1: ")
    mailer._mail = there
    await town.call("oda", "POST", "/deliveries/redeliver", json={})
    [(_, to, _)] = await town.mail.until(1)
    assert list(to) == ["ops@example.org"]
    await town.becomes("delivered")


# Submitting ----------------------------------------------------------------------------------------------


async def test_a_job_names_whom_to_tell_and_what_is_not_there_is_refused(open_town: Open) -> None:
    town: Town = await open_town()
    image = await town.vault.push(ANA)
    await town.add("ops")

    async def submit(*notify: str) -> httpx2.Response:
        return await town.call("ben", "POST", "/jobs", json={"image": f"img@{image}", "notify": list(notify)})

    made = (await submit("ops:cancelled", "mail:ben@example.org")).json()["id"]
    await town.call("ben", "POST", f"/jobs/{made}/cancel")
    [(_, to, message)] = await town.mail.until(1)
    await town.hook.until(1)
    assert (list(to), message["Subject"]) == (["ben@example.org"], f"[swarm] job {made} cancelled")
    for wrong, said in (
        ("nobody", "there is no webhook nobody"),
        ("ops:running", "'running' is no end of a job"),
        ("mail:ben", "'ben' is no mail address"),
    ):
        found = problem(await submit("ops", wrong))
        assert (found.code, found.field) == ("invalid_spec", "notify[1]")
        assert said in found.title


async def test_a_schedule_names_whom_to_tell_too(open_town: Open) -> None:
    town: Town = await open_town()
    image = await town.vault.push(ANA)
    await town.add("ops")

    def schedule(*notify: str) -> dict[str, Any]:
        return {"name": "nightly", "cron": "@daily", "job": {"image": f"img@{image}", "notify": list(notify)}}

    for wrong in ("nobody", "mail:ben"):
        found = problem(await town.call("ben", "POST", "/schedules", json=schedule("ops", wrong)))
        assert (found.code, found.field) == ("invalid_spec", "job.notify[1]")
    assert (await town.call("ben", "POST", "/schedules", json=schedule("ops:cancelled"))).status_code == 201
    job = (await town.call("ben", "POST", "/schedules/nightly/run")).json()["job"]
    await town.call("ben", "POST", f"/jobs/{job}/cancel")
    [got] = await town.hook.until(1)
    told = msgspec.json.decode(got.body)["job"]
    assert (told["id"], told["schedule"], told["state"]) == (job, "nightly", "cancelled")
    await town.call("oda", "DELETE", "/webhooks/ops")
    gone = problem(await town.call("ben", "POST", "/schedules/nightly/run"))
    assert (gone.code, gone.field) == ("invalid_spec", "job.notify[0]")


async def test_a_core_without_a_mail_server_says_so(database_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path) as core:
        token = await core.token_of(await core.person("ada", "admin"))
        spec = {"image": "img", "notify": ["mail:a@example.org"]}
        found = problem(await core.call("POST", "/api/v1/jobs", token, json=spec))
        assert (found.title, found.field) == ("notify[0]: this core sends no mail", "notify[0]")
        assert "SWARM_SMTP_HOST" in (found.hint or "")
