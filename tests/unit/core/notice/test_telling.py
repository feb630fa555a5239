"""Pauses between tries, signatures, what a mail says, and the settings of all that."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from swarm_core.notice import payload, signing
from swarm_core.notice.mailing import compose, subject, text
from swarm_core.notice.outcome import one_line
from swarm_core.notice.patience import Patience, pause
from swarm_core.notice.payload import Ended, Told
from swarm_core.notice.settings import from_environment
from swarm_core.settings import seconds
from swarm_protocol.errors import SwarmError
from tools.markdown import read

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = Ended(
    id=42,
    name="train",
    project="default",
    state="failed",
    failure="exit_nonzero",
    exit_code=1,
    message="",
    attempt=2,
    image="i",
    tags=[],
    user=None,
    worker=None,
    schedule=None,
    retry_of=None,
    created_at=NOW,
    started_at=None,
    ended_at=NOW,
)


def told(**changes: object) -> Told:
    fields = {name: getattr(JOB, name) for name in JOB.__struct_fields__}
    return Told(type="job.failed", timestamp=NOW, job=Ended(**{**fields, **changes}))


def test_the_usual_patience_is_about_a_day_and_a_dozen_tries() -> None:
    age, pauses = 0.0, list[float]()
    while (wait := pause(Patience(), len(pauses) + 1, age, 0.5)) is not None:
        pauses.append(wait)
        age += wait
    assert pauses[:4] == [5, 20, 80, 320]
    assert max(pauses) == 4 * 3600
    assert 20 * 3600 < age <= 86400
    assert 8 <= len(pauses) <= 14


def test_a_pause_varies_and_heeds_what_the_receiver_asks_for() -> None:
    assert pause(Patience(), 1, 0, 0.0) == pytest.approx(4.0)
    assert pause(Patience(), 1, 0, 1.0) == pytest.approx(6.0)
    assert pause(Patience(), 1, 0, 0.5, asked=120) == 120
    assert pause(Patience(), 1, 0, 0.5, asked=1e9) == Patience().most
    assert pause(Patience(), 1, 86399, 0.5) is None
    assert pause(Patience(), 10_000, 0, 0.5) == Patience().most


def test_a_signature_is_that_of_the_example_of_standard_webhooks() -> None:
    """The example of their specification, whose signature was made by their own library."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    made = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [secret])
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    both = signing.headers("m", 1, body, [secret, signing.make_secret()])["webhook-signature"].split(" ")
    assert len({each for each in both if each.startswith("v1,")}) == 2


def test_the_example_of_the_page_tells_ours_from_others() -> None:
    page = read((Path(__file__).parents[4] / "docs/notifications.md").read_text())
    [example] = [block.text for block in page.blocks if "def is_genuine" in block.text]
    names: dict[str, Any] = {}
    exec(example, names)
    is_genuine, secret, body = names["is_genuine"], signing.make_secret(), b'{"type": "test"}'
    made = signing.headers("msg_1", 1000, body, [signing.make_secret(), secret])
    assert is_genuine(made, body, secret, now=1200.0)
    assert not is_genuine(made, body, secret, now=1301.0), "an old one"
    assert not is_genuine(made, body + b" ", secret, now=1000.0)
    assert not is_genuine(made, body, signing.make_secret(), now=1000.0)
    assert not is_genuine({**made, "webhook-id": "msg_2"}, body, secret, now=1000.0)


def test_a_secret_is_long_and_never_the_same() -> None:
    made = {signing.make_secret() for _ in range(10)}
    assert len(made) == 10
    assert all(len(base64.b64decode(each.removeprefix("whsec_"))) == 32 for each in made)


def test_links_are_made_when_it_is_sent() -> None:
    kept = payload.of_end(JOB)
    found = payload.decode(payload.linked(kept, "https://swarm.example.org/"))
    assert found.links == payload.Links(job="https://swarm.example.org/api/v1/jobs/42")
    assert payload.decode(payload.linked(kept, "")).links is None
    assert payload.decode(payload.of_test(NOW)).job is None


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "[swarm] job 42 train failed (exit 1)"),
        ({"name": None, "exit_code": None, "failure": "oom_killed"}, "[swarm] job 42 failed (oom_killed)"),
        ({"state": "succeeded", "failure": None, "exit_code": 0}, "[swarm] job 42 train succeeded"),
        ({"state": "cancelled", "failure": "cancelled", "exit_code": None}, "[swarm] job 42 train cancelled"),
        ({"name": "a\r\nBcc: b@c.d\u2028e"}, "[swarm] job 42 a Bcc: b@c.d e failed (exit 1)"),
        ({"name": "x" * 200}, f"[swarm] job 42 {'x' * 80} failed (exit 1)"),
    ],
)
def test_the_subject_says_it_all_in_one_line(changes: dict[str, object], line: str) -> None:
    assert subject(told(**changes)) == line


def test_no_word_of_a_job_becomes_a_header() -> None:
    wild = told(name="a\r\nBcc: eve@example.org\r\n\r\nbody", message="x\r\n.\r\nQUIT\x1b[2J")
    made = compose(wild, to="ben@example.org", sender="swarm@example.org", delivery="msg_1").as_bytes()
    head, _, body = made.partition(b"\r\n\r\n")
    assert not [line for line in head.split(b"\r\n") if line.lower().startswith(b"bcc")]
    assert b"\x1b" not in body
    assert "why        x . QUIT [2J" in text(wild)
    for wrong in ("ben@example.org\r\nBcc: x@y.z", "a b@c.d", "ben", '"a"@b.c', "ben@example.org,eve@example.org"):
        with pytest.raises(ValueError, match="no mail address"):
            compose(wild, to=wrong, sender="swarm@example.org", delivery="msg_1")


def test_a_foreign_text_becomes_one_line() -> None:
    assert one_line(" a\x00b\n\tc\u202ed " + "x" * 500) == "a b c d " + "x" * 292


def test_settings_of_mail_and_webhooks_are_read() -> None:
    env = {
        "SWARM_NOTIFY_ALLOW": "10.0.0.0/8",
        "SWARM_NOTIFY_GIVE_UP": "60",
        "SWARM_PUBLIC_URL": "https://swarm.example.org",
        "SWARM_SMTP_HOST": "mail.example.org",
        "SWARM_SMTP_USER": "swarm",
        "SWARM_SMTP_PASSWORD_FILE": "/p",
        "SWARM_MAIL_FROM": "swarm@example.org",
        "SWARM_MAIL_DOMAINS": "example.org, Example.NET",
    }
    made = from_environment(env, seconds)
    assert made.patience.give_up == 60
    assert made.mail is not None
    assert (made.mail.port, made.mail.tls, made.mail.password_file) == (587, "starttls", Path("/p"))
    assert made.mail.domains == {"example.org", "example.net"}
    assert from_environment({}, seconds).mail is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SWARM_SMTP_TLS": "ssl"}, "none of starttls, tls, none"),
        ({"SWARM_SMTP_PORT": "x"}, "no port"),
        ({"SWARM_MAIL_FROM": ""}, "no mail address"),
        ({"SWARM_SMTP_USER": "u"}, "go together"),
        ({"SWARM_SMTP_USER": "u", "SWARM_SMTP_PASSWORD_FILE": "p", "SWARM_SMTP_TLS": "none"}, "in the clear"),
        ({"SWARM_PUBLIC_URL": "http://x"}, "no https:// address"),
        ({"SWARM_NOTIFY_GIVE_UP": "soon"}, "no number of seconds"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, str], said: str) -> None:
    env = {"SWARM_SMTP_HOST": "mail", "SWARM_MAIL_FROM": "swarm@example.org", **changes}
    with pytest.raises(SwarmError, match=said):
        from_environment(env, seconds)


def test_a_ca_file_that_is_none_is_named(tmp_path: Path) -> None:
    made = from_environment({"SWARM_NOTIFY_CA_FILE": str(tmp_path / "nothing")}, seconds)
    with pytest.raises(SwarmError, match="SWARM_NOTIFY_CA_FILE"):
        made.trust()
