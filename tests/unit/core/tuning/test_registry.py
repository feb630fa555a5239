"""The registry against the settings that there are, and the environment against the registry."""

import pytest

from swarm_core.settings import Settings, from_environment
from swarm_core.tuning import overlay
from swarm_core.tuning.registry import BY_NAME, SETTINGS, Setting
from swarm_protocol import setting_rules as rules
from tools import settings_page

LEAST = {"SWARM_DATABASE_URL": "postgresql://x", "SWARM_DATA": "/x", "SWARM_SEAL_KEY_FILE": "/x/key"}
CHANGEABLE = [setting for setting in SETTINGS if not setting.fixed]


def names(settings: list[Setting]) -> list[str]:
    return [setting.name for setting in settings]


def test_every_setting_is_declared_once_and_none_is_forgotten() -> None:
    declared = [setting.name for setting in SETTINGS]
    assert sorted(declared) == sorted(overlay.names_in(overlay.USUAL))
    assert len(BY_NAME) == len(declared)


@pytest.mark.parametrize("setting", CHANGEABLE, ids=names(CHANGEABLE))
def test_what_is_usual_is_in_the_range(setting: Setting) -> None:
    usual = overlay.value_of(overlay.USUAL, setting.name)
    assert rules.read(setting.rule, usual) == usual
    assert setting.meaning.endswith(".")


def written(setting: Setting) -> str:
    """Another value than the usual one, as the environment has it."""
    match setting.rule.type:
        case "duration":
            return f"{setting.rule.least or 0:.1f}"
        case "count":
            return f"{setting.rule.least:g}"
        case "choice":
            return setting.rule.choices[-1]
        case _:
            return "https://core.example.org"


@pytest.mark.parametrize("setting", CHANGEABLE, ids=names(CHANGEABLE))
def test_the_variable_that_is_named_gives_the_value(setting: Setting) -> None:
    text = written(setting)
    found = overlay.value_of(from_environment(LEAST | {setting.variable: text}), setting.name)
    assert found == rules.read(setting.rule, text)
    assert found != overlay.value_of(overlay.USUAL, setting.name)


def test_values_are_put_over_settings_and_leave_the_rest() -> None:
    start = from_environment(LEAST | {"SWARM_RETENTION_LOGS": "1d"})
    made = overlay.with_values(start, {"retention.syslog.info": 60.0, "terminal_role": "admin"})
    assert (made.retention.syslog.info, made.terminal_role, made.retention.logs) == (60.0, "admin", 86400.0)
    assert overlay.with_values(start, {}) == start
    assert start.retention.syslog.info == 7 * 86400.0


def test_a_worker_is_not_unreachable_before_its_second_beat() -> None:
    setting = BY_NAME["timers.unreachable"]
    slow = from_environment(LEAST | {"SWARM_TIMER_BEAT": "3"})
    assert setting.objection(slow) == "at least 6 s, which is two beats of a worker"
    assert setting.objection(overlay.with_values(slow, {"timers.unreachable": 6.0})) == ""
    assert setting.objection(overlay.USUAL) == ""


def test_the_page_of_settings_tells_of_them_as_they_are() -> None:
    page = settings_page.PAGE.read_text()
    assert settings_page.renewed(page) == page, "run `make settings`"
    assert all(f"| `{setting.name}` |" in page for setting in SETTINGS)


def test_nothing_shown_holds_a_password() -> None:
    given = LEAST | {
        "SWARM_DATABASE_URL": "postgresql://swarm:geheim@db/swarm",
        "SWARM_REDIS_URL": "redis://:geheim@cache:6379",
        "SWARM_SMTP_HOST": "mail.example.org",
        "SWARM_MAIL_FROM": "swarm@example.org",
        "SWARM_NOTIFY_ALLOW": "10.0.0.0/8,hooks.lan",
    }
    settings: Settings = from_environment(given)
    shown = {name: overlay.plain(name, overlay.value_of(settings, name)) for name in BY_NAME}
    assert "geheim" not in str(shown)
    assert shown["database_url"] == "postgresql://swarm:***@db/swarm"
    assert shown["notices.mail"] == "mail.example.org:587 (starttls), from swarm@example.org"
    assert shown["notices.allowed"] == "10.0.0.0/8, hooks.lan"
    assert shown["notices.ca_file"] is None
