"""A job says how far it is, is warned, and its end reaches a webhook and a mailbox; all through the command."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from tests.fixtures.receivers import Authority, Hooks, Mailbox, hooks, mailbox

from .bad_input.said import FAILURE, USAGE, error_of
from .conftest import NewHome
from .harness import IMAGE, Home

SCRIPT = """
    trap 'echo warned >&2' URG
    echo "0.5 half way" > $SWARM_PROGRESS
    until [ -e /out/go ]; do sleep 0.05; done
    echo $SWARM_JOB $SWARM_ATTEMPT $SWARM_PROJECT $TRACEPARENT
    exit 3
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class World:
    """A receiver and a mail server in a loop of their own."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._ready: Future[tuple[Hooks, Mailbox]] = Future()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)
        self._thread.start()
        self.hook, self.mail = self._ready.result(30)

    async def _serve(self) -> None:
        async with hooks(self._authority.context()) as hook, mailbox(self._authority.context()) as mail:
            self._ready.set_result((hook, mail))
            await self._over.wait()

    def told(self, count: int) -> list[bytes]:
        """The bodies of what arrived, once there are so many."""
        found = asyncio.run_coroutine_threadsafe(self.hook.until(count), self._loop).result(60)
        return [got.body for got in found]

    def mails(self, count: int) -> list[str]:
        """The subjects of the mail, once there is so much."""
        found = asyncio.run_coroutine_threadsafe(self.mail.until(count), self._loop).result(60)
        return [str(message["Subject"]) for _, _, message in found]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
        self._loop.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(Authority(tmp_path))
    yield made
    made.close()


@pytest.fixture
def told_home(new_home: NewHome, world: World, tmp_path: Path) -> Home:
    """A home whose core may reach both."""
    (tmp_path / "password").write_text("correct horse\n")
    home = new_home(
        SWARM_NOTIFY_ALLOW="127.0.0.0/8",
        SWARM_NOTIFY_CA_FILE=str(tmp_path / "receivers-ca.pem"),
        SWARM_SMTP_HOST="127.0.0.1",
        SWARM_SMTP_PORT=str(world.mail.port),
        SWARM_SMTP_USER="swarm",
        SWARM_SMTP_PASSWORD_FILE=str(tmp_path / "password"),
        SWARM_MAIL_FROM="swarm@example.org",
        SWARM_TIMER_PROGRESS="0.2",
    )
    home.up()
    home.push()
    return home


def test_a_job_is_watched_and_its_end_is_told(told_home: Home, world: World) -> None:
    home = told_home
    url = f"https://127.0.0.1:{world.hook.port}/swarm"
    secret = home.swarm("webhook", "add", "ops", url, "--on", "all", "--tag", "told").stdout.decode().strip()
    assert secret.startswith("whsec_")
    assert b"ops took it (204)" in home.swarm("webhook", "test", "ops").stderr
    flags = ["--tag", "told", "--name", "train", "--notify", "mail:ben@example.org:failed", "--timeout", "10m"]
    running = home.start(
        *("run", *flags, "--warn", "599.5s", IMAGE, "--", "sh", "-c", SCRIPT),
        env={"TRACEPARENT": f"00-{TRACE}-00f067aa0ba902b7-01"},
    )
    heard = _until(running, "is at 50% half way")
    job = int(heard.split("job ", 1)[1].split()[0])
    heard += "" if "warned" in heard else _until(running, "warned")
    assert b"50% half way" in home.swarm("jobs").stdout
    assert b"progress   50% half way (" in home.swarm("show", str(job)).stdout
    assert home.json("jobs")[0]["progress"]["fraction"] == 0.5
    told = [json.loads(line) for line in home.swarm("events", "--job", str(job), "--json").stdout.splitlines()]
    assert [each["detail"]["text"] for each in told if each["what"] == "progress"] == ["half way"]
    waiting = home.start("wait", str(job))
    _until(waiting, f"job {job} is at 50% half way")
    home.release(job)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 3
    told_job, attempt, project, parent = out.decode().split()
    assert (int(told_job), attempt, project) == (job, "1", "default")
    assert parent.startswith(f"00-{TRACE}-")
    assert waiting.communicate(timeout=60)[0].decode() == f"{job} failed 3\n"
    test, end = map(json.loads, world.told(2))
    assert (test["type"], end["type"], end["job"]["id"], end["job"]["exit_code"]) == ("test", "job.failed", job, 3)
    assert world.mails(1) == [f"[swarm] job {job} train failed (exit 3)"]
    _see_deliveries(home, job)
    home.swarm("webhook", "rm", "ops")


def _see_deliveries(home: Home, job: int) -> None:
    def all_delivered() -> bool | None:
        found = home.json("webhook", "deliveries", "--job", str(job))
        return {(each["to"], each["state"]) for each in found} == {
            ("ops", "delivered"),
            ("mail:ben@example.org", "delivered"),
        } or None

    home.until(all_delivered, "both deliveries")
    [delivery] = home.json("webhook", "deliveries", "--to", "ops", "--job", str(job))
    assert b"is tried anew" in home.swarm("webhook", "redeliver", delivery["id"]).stderr
    assert b"0 tried anew" in home.swarm("webhook", "redeliver", "--dead").stderr
    rotated = home.swarm("webhook", "rotate-secret", "ops", "--overlap", "1h").stdout
    assert rotated.startswith(b"whsec_")
    shown = home.swarm("webhook", "show", "ops").stdout.decode()
    assert "told of    jobs tagged told that end as cancelled, failed, succeeded, timed_out" in shown
    assert "secret     version 2" in shown
    assert home.json("webhook", "list")[0]["name"] == "ops"


def _until(process: "subprocess.Popen[bytes]", text: str) -> str:
    """Its standard error up to a line with this."""
    assert process.stderr is not None
    heard = ""
    while text not in heard:
        line = process.stderr.readline()
        assert line, f"ended without {text!r}: {heard}"
        heard += line.decode()
    return heard


def test_what_can_not_be_told_is_refused_with_what_to_do(home: Home) -> None:
    def refused(*words: str, code: int = FAILURE) -> tuple[str, str]:
        return error_of(home.swarm(*words, check=code))

    error, hint = refused("webhook", "add", "ops", "https://127.0.0.1/")
    assert error == "127.0.0.1 (127.0.0.1) may not be reached from here"
    assert "SWARM_NOTIFY_ALLOW" in hint
    error, hint = refused("submit", "--notify", "mail:ben@example.org", IMAGE, "--", "true")
    assert error == "notify[0]: this core sends no mail"
    assert "SWARM_SMTP_HOST" in hint
    error, hint = refused("submit", "--notify", "nobody:failed", IMAGE, "--", "true")
    assert error == "notify[0]: there is no webhook nobody"
    assert "swarm webhook add" in hint
    error, _ = refused("webhook", "show", "nobody")
    assert error == "there is no webhook nobody"
    for words, said in (
        (("webhook", "add", "ops", "https://x.example/", "--on", "running"), b"--on: 'running' is no end of a job"),
        (("submit", "--warn", "soon", IMAGE), b"--warn: "),
        (("webhook", "redeliver"), b"name a delivery, or say --dead"),
    ):
        assert said in home.swarm(*words, check=USAGE).stderr
    for words, said in (
        (("--warn", "60s"), b"timeouts.warn: it counts back from the run timeout"),
        (("--timeout", "1m", "--warn", "2m"), b"timeouts.warn: more than 0 and less than the run timeout"),
        (("--timeout", "1m", "--warn", "1s:KILL"), b"'SIGKILL' is none that a job can be warned with"),
        (("--env", "SWARM_JOB=1"), b"env.SWARM_JOB: swarm sets it for each attempt"),
    ):
        assert said in home.swarm("submit", *words, IMAGE, "--", "true", check=FAILURE).stderr
