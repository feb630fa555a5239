"""People, settings and audit in words, and what one may write into their forms."""

from datetime import UTC, datetime, timedelta

import pytest

from swarm_commanddeck import audit_words, people_words, setting_words
from swarm_consumer.audit import AuditEntry, AuditFilter
from swarm_consumer.models import ApiToken, Project, ProjectLimits, User
from swarm_consumer.settings import Setting, SettingChange
from swarm_protocol.setting_rules import RuleError

NOW = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)
KEPT = Setting(
    name="retention.jobs",
    meaning="How long an ended job stays.",
    type="duration",
    unit="seconds",
    default=2592000.0,
    least=3600,
    most=315360000,
    value=2592000.0,
    source="default",
    variable="SWARM_RETENTION_JOBS",
)
ROLE = Setting(
    name="terminal_role",
    meaning="Least role.",
    type="choice",
    choices=["operator", "nobody"],
    default="operator",
    value="nobody",
    source="set",
    changed_by="user:ana",
    changed_at=NOW - timedelta(hours=2),
    variable="SWARM_TERMINAL_ROLE",
)
FIXED = Setting(
    name="port", type="text", value=8443, source="environment", fixed="it is what a core opens", variable="SWARM_LISTEN"
)


# People --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 7776000.0), ("1h30m", 5400.0), ("60", 60.0), ("366d", 366 * 86400.0)]
)
def test_how_long_a_token_is_good(text: str, seconds: float) -> None:
    assert people_words.read_ttl(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "59s", "367d"])
def test_how_long_a_token_cannot_be_good(text: str) -> None:
    with pytest.raises(ValueError, match=r"366 days|no duration"):
        people_words.read_ttl(text)


@pytest.mark.parametrize(
    ("name", "text", "value", "again"),
    [
        ("queued", "500", 500, "500"),
        ("running", " ", None, ""),
        ("running", "none", None, ""),
        ("cpu_millis", "1.5", 1500, "1.5"),
        ("cpu_millis", "500m", 500, "0.5"),
        ("memory", "64G", 64 << 30, "64G"),
    ],
)
def test_a_limit_as_one_writes_it(name: str, text: str, value: int | None, again: str) -> None:
    assert people_words.read_limit(name, text) == value
    assert people_words.shown_limit(name, value) == again


@pytest.mark.parametrize(
    ("name", "text"), [("queued", "-1"), ("running", "many"), ("memory", "big"), ("queued", "1.5")]
)
def test_a_limit_that_is_none_says_what_it_may_be(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="empty: no limit"):
        people_words.read_limit(name, text)


def test_names_and_passwords() -> None:
    for good in ("ana", "kim@example.org", "a-1"):
        people_words.check_user(good)
    for bad in ("", "Ana", "-a", "a" * 64, "a b"):
        with pytest.raises(ValueError, match="small letters"):
            people_words.check_user(bad)
    with pytest.raises(ValueError, match="small letters"):
        people_words.check_project("lab@home")
    people_words.check_token("CI-1")
    with pytest.raises(ValueError, match="letters, digits"):
        people_words.check_token("a b")
    people_words.check_password("")
    people_words.check_password("12345678")
    with pytest.raises(ValueError, match="at least 8"):
        people_words.check_password("1234567")
    made = {people_words.make_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) >= 20 for password in made)


def test_what_will_happen_is_named() -> None:
    users = [User(name="ben", role="operator", sign_ins=2), User(name="eve", role="observer")]
    assert people_words.disabling(users)[:2] == [
        "ben (operator): 2 sign-ins end at once",
        "eve (observer): no sign-ins end at once",
    ]
    assert people_words.how_many(users, "user", "ben") == "2 users"
    assert people_words.how_many(users[:1], "user", "ben") == "user ben"
    assert people_words.why_not_members(Project(name="lab", role="admin"), "ana") == ""
    assert "needs the role admin in lab; ana is consumer" in people_words.why_not_members(
        Project(name="lab", role="consumer"), "ana"
    )


def test_how_a_token_ends() -> None:
    def ends(**more: float) -> str:
        return people_words.ends_cell(ApiToken(name="ci", role="x", expires_at=NOW + timedelta(**more)), NOW)[0]

    assert (ends(days=30), ends(days=6)) == ("in 30d", "! in 6d")
    assert people_words.ends_cell(ApiToken(name="ci", role="x", expired=True), NOW) == ("✗ expired", "bad")


def test_limits_in_words() -> None:
    limits = ProjectLimits(project="lab", running=64, now_running=1234, now_cpu_millis=1500, now_memory=1 << 30)
    assert people_words.limit_lines(limits) == [
        ("jobs that wait", "0", "no limit"),
        ("jobs on workers", "1,234", "64"),
        ("cpu", "1.5", "no limit"),
        ("memory", "1G", "no limit"),
    ]


# Settings ------------------------------------------------------------------------------------------------


def test_what_would_be_lost_is_told() -> None:
    assert setting_words.loses(KEPT, 43200.0)[-1] == (
        "retention.jobs goes from 30d to 12h: what is past that goes within minutes, for good."
    )
    assert setting_words.loses(KEPT, 90 * 86400.0) == []
    assert setting_words.loses(ROLE, "operator") == []


def test_only_another_value_is_a_change() -> None:
    assert setting_words.changes_to(KEPT, "30d") is None
    assert setting_words.changes_to(KEPT, "12h") == 43200.0
    assert setting_words.changes_to(Setting(name="x", type="url"), "") is None
    with pytest.raises(RuleError, match="a time from 1h to 3650d"):
        setting_words.changes_to(KEPT, "5m")


def test_settings_are_found_by_words_and_by_what_is_unusual() -> None:
    every = [KEPT, ROLE, FIXED]
    assert setting_words.matching(every, "JOBS ended") == [KEPT]
    assert setting_words.matching(every, "", changed=True) == [ROLE, FIXED]
    assert setting_words.matching(every, "swarm_listen") == [FIXED]
    assert setting_words.matching(every, "nothing") == []


def test_all_there_is_to_say_of_a_setting() -> None:
    assert setting_words.about(KEPT)[1] == "duration (seconds), may be 1h to 3650d, usually 30d"
    assert "set by ana on" in setting_words.about(ROLE)[2]
    assert setting_words.about(FIXED)[-1] == "takes a restart with SWARM_LISTEN: it is what a core opens"
    assert setting_words.source_cell(FIXED) == ("◆ environment, fixed", "dim")
    assert setting_words.changed_cell(ROLE, NOW) == ("ana, 2h ago", "plain")
    change = SettingChange(at=NOW, actor="user:ana", reset=True, old=43200.0, new=2592000.0)
    assert setting_words.history_cells(KEPT, change) == ("12h", "30d (reset)")
    assert setting_words.why_fixed(ROLE) == ""


# Audit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", AuditFilter()),
        ("actor:ana action:set_role action:add_user", AuditFilter(actor="ana", actions=("set_role", "add_user"))),
        ("user:ana", AuditFilter(actor="user:ana")),
        ("worker:0193", AuditFilter(actor="worker:0193")),
        ("ben", AuditFilter(subject="ben")),
        ("'subject:train it' project:lab", AuditFilter(subject="train it", project="lab")),
        ("since:1h", AuditFilter(since=NOW - timedelta(hours=1))),
        ("actor:user:ana", AuditFilter(actor="user:ana")),
    ],
)
def test_what_is_typed_narrows_the_audit(text: str, wanted: AuditFilter) -> None:
    assert audit_words.read_filter(text, NOW) == wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("who:ana", "there is no who: here"),
        ("actor:", "actor: what?"),
        ("actor:a actor:b", "actor: can be there once"),
        ("since:soon", "since: 'soon' is no time"),
        ("'open", "a quote is open"),
    ],
)
def test_what_narrows_nothing_says_what_would(text: str, says: str) -> None:
    with pytest.raises(audit_words.FilterError, match=says):
        audit_words.read_filter(text, NOW)


@pytest.mark.parametrize("subject", ["ben", "train it", "it's", "a:b", '"'])
def test_a_word_that_is_put_there_is_read_as_it_is(subject: str) -> None:
    assert audit_words.read_filter(audit_words.as_word("subject", subject), NOW) == AuditFilter(subject=subject)


def entry(action: str, actor: str = "user:ana", **detail: object) -> AuditEntry:
    return AuditEntry(id=1, at=NOW, actor=actor, action=action, subject="x", detail=detail)


def test_the_lines_of_the_audit() -> None:
    assert audit_words.action_cell(entry("login_failed")) == ("✗ login failed", "bad")
    assert audit_words.action_cell(entry("remove_user"))[0] == "− remove user"
    assert audit_words.action_cell(entry("add_user"))[0] == "+ add user"
    assert audit_words.action_cell(entry("set_role"))[0] == "~ set role"
    assert audit_words.actor_cell(entry("x", actor="worker:7")) == ("worker:7", "dim")
    assert audit_words.detail_cell(entry("x", old=1209600.0, new=7776000.0, unit="seconds"))[0] == "14d → 90d"
    assert audit_words.detail_cell(entry("x", old=1, new=2, unit="lines"))[0] == "1 lines → 2 lines"
    assert audit_words.detail_cell(entry("x", role="admin", none=None, say="a b"))[0] == 'role=admin say="a b"'
    assert "did        set_role" in audit_words.whole(entry("set_role"))
