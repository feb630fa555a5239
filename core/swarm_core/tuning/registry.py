"""Every setting of a core, declared once: what it means, what it may be, which variable gives its default. Pure.

A setting's name is where it is in `Settings`. One that is `fixed` says why it can't change while the core runs. The
page docs/settings.md is made from here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from swarm_core.settings import TERMINAL_ROLES, Settings
from swarm_protocol import setting_rules as rules
from swarm_protocol.setting_rules import Rule

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 86400.0
_YEARS: Final = 10 * 365 * _DAY
_TEXT: Final = Rule(type="text")
_TOLD: Final = "workers are told of it when they connect, and leases that are in force count by it"
_OPENED: Final = "it is what a core opens when it starts"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting."""

    name: str
    meaning: str
    """A sentence."""
    rule: Rule
    variable: str
    """Of the environment, which gives the default."""
    fixed: str = ""
    """Why it can't change while the core runs; empty where it can."""
    unit: str = ""
    """None given: that of its type."""
    objection: Callable[[Settings], str] = lambda _: ""
    """What is wrong with settings that have a value of it which is in its range; empty where nothing is."""


def _kept(name: str, meaning: str, least: float = _HOUR, most: float = _YEARS) -> Setting:
    return Setting(
        name=f"retention.{name}",
        meaning=meaning,
        rule=rules.duration(least, most),
        variable=f"SWARM_RETENTION_{name.upper()}",
    )


def _lines(level: str, what: str) -> Setting:
    return Setting(
        name=f"retention.syslog.{level}",
        meaning=f"How long {what} in the system's log are kept.",
        rule=rules.duration(_MINUTE, _YEARS),
        variable=f"SWARM_SYSLOG_{level.upper()}",
    )


def _timer(name: str, meaning: str, least: float, most: float, fixed: str = "") -> Setting:
    rule = rules.duration(least, most)
    objection = _unreachable_beats if name == "unreachable" else lambda _: ""
    variable = f"SWARM_TIMER_{name.upper()}"
    return Setting(
        name=f"timers.{name}", meaning=meaning, rule=rule, variable=variable, fixed=fixed, objection=objection
    )


def _unreachable_beats(settings: Settings) -> str:
    least = 2 * settings.timers.beat
    return "" if settings.timers.unreachable >= least else f"at least {least:g} s, which is two beats of a worker"


def _notice(name: str, meaning: str, rule: Rule, variable: str) -> Setting:
    return Setting(name=f"notices.{name}", meaning=meaning, rule=rule, variable=variable)


def _at_start(name: str, meaning: str, variable: str, why: str = _OPENED, rule: Rule = _TEXT) -> Setting:
    return Setting(name=name, meaning=meaning, rule=rule, variable=variable, fixed=why)


SETTINGS: Final = (
    # What is kept -------------------------------------------------------------------------------------------
    _kept("jobs", "How long an ended job stays, with its spec, attempts, history and files; and past occurrences."),
    _kept("logs", "How long the log of an ended job is kept."),
    _kept("events", "How long the event stream goes back: an older cursor has expired."),
    _kept("progress", "How long the event stream tells what jobs said of their progress.", _MINUTE),
    _kept("usage", "How long it is known what removed jobs had used.", _DAY),
    _kept("deliveries", "How long it is known what was told of jobs' ends, or given up."),
    _kept("audit", "How long it is known who did what.", 30 * _DAY),
    _kept(
        "blob_grace",
        "How long bytes that nothing refers to stay after their last use, for a push or a submit that needs them.",
        5 * _MINUTE,
        30 * _DAY,
    ),
    _kept("uploads", "How long an upload that was not finished can be taken up again.", _HOUR, 30 * _DAY),
    _lines("debug", "debug lines"),
    _lines("info", "lines of the normal course"),
    _lines("success", "lines of success"),
    _lines("warning", "warnings"),
    _lines("error", "errors"),
    _lines("fatal", "the last words of cores"),
    Setting(
        name="retention.syslog.rows",
        meaning="How many lines the system's log has at most: the oldest below a warning go first.",
        rule=rules.count(1000, 10**9),
        variable="SWARM_SYSLOG_ROWS",
        unit="lines",
    ),
    # Who may ------------------------------------------------------------------------------------------------
    Setting(
        name="terminal_role",
        meaning="Least role in a project that may have a terminal on its running jobs; nobody turns terminals off.",
        rule=rules.choice(*TERMINAL_ROLES),
        variable="SWARM_TERMINAL_ROLE",
    ),
    _timer("access_token", "How long an access token is good, after which the command gets another.", _MINUTE, 900.0),
    # How often and how long ---------------------------------------------------------------------------------
    _timer("unreachable", "How long a worker may be silent before it gets no more jobs.", 2.0, 300.0),
    _timer(
        "sweep", "How often a core looks for leases and drains that have run out, and for lost wake-ups.", 0.5, 60.0
    ),
    _timer("reclaim", "How often a core removes what has outlived its time.", 5.0, _DAY),
    _timer("progress", "How often it is written down what jobs say of their progress.", 0.5, 300.0),
    _timer("slow_reader", "How long a page of the event stream may wait for its reader.", 1.0, 600.0),
    # Notices ------------------------------------------------------------------------------------------------
    _notice(
        "public_url",
        "Where people reach this core: links in notices begin with it.",
        Rule(type="url"),
        "SWARM_PUBLIC_URL",
    ),
    _notice(
        "timeout",
        "How long one try to reach a webhook or a mail server may take.",
        rules.duration(1.0, 120.0),
        "SWARM_NOTIFY_TIMEOUT",
    ),
    _notice(
        "patience.first",
        "How long after its first try that failed a notice is tried again; each further pause is four times as long.",
        rules.duration(0.1, _HOUR),
        "SWARM_NOTIFY_FIRST_PAUSE",
    ),
    _notice(
        "patience.most",
        "The longest pause between two tries of a notice.",
        rules.duration(1.0, _DAY),
        "SWARM_NOTIFY_LONGEST_PAUSE",
    ),
    _notice(
        "patience.give_up",
        "How long after its first try a notice is given up.",
        rules.duration(1.0, 30 * _DAY),
        "SWARM_NOTIFY_GIVE_UP",
    ),
    # What takes a restart -----------------------------------------------------------------------------------
    _at_start(
        "log_level",
        "From which level on lines are kept, where no level of a module is set.",
        "SWARM_LOG_LEVEL",
        "`swarm syslog level all LEVEL` sets it while cores run, for all modules or for one",
        rules.choice("debug", "info", "success", "warning", "error", "fatal"),
    ),
    _timer("beat", "How often a worker sends a beat.", 0.1, 60.0, _TOLD),
    _timer("ping", "How often a worker pings over its websocket; a lease counts from a ping.", 0.1, 60.0, _TOLD),
    _timer("lease", "How long a worker that is not heard keeps its jobs.", 5.0, _HOUR, _TOLD),
    _timer(
        "renew",
        "How often a core renews the leases of its workers.",
        1.0,
        _HOUR,
        "it goes with the lease: a third of it",
    ),
    Setting(
        name="timers.certificate_days",
        meaning="How long the server's certificate is good; it is renewed at two thirds of that.",
        rule=rules.count(1, 397),
        variable="SWARM_TIMER_CERTIFICATE_DAYS",
        unit="days",
        fixed="it counts when a certificate is made, which a start does",
    ),
    _timer("database", "How long a start waits for a database that is away.", 0.0, _HOUR, "only a start waits"),
    _at_start("database_url", "The database, without its password.", "SWARM_DATABASE_URL"),
    _at_start(
        "redis_url",
        "Redis or Valkey, without its password; none: cores wake one another by looking.",
        "SWARM_REDIS_URL",
    ),
    _at_start("data", "The folder of the blobs.", "SWARM_DATA"),
    _at_start("host", "The address on which a core listens.", "SWARM_LISTEN"),
    _at_start("port", "The port of TCP and UDP.", "SWARM_LISTEN"),
    _at_start(
        "advertise_udp",
        "The host that workers send beats to; none: where they reached the websocket.",
        "SWARM_ADVERTISE_UDP",
        _TOLD,
    ),
    _at_start("seal_key_file", "The file of the key that seals secrets.", "SWARM_SEAL_KEY_FILE"),
    _at_start(
        "notices.allowed",
        "Private networks and hosts that webhooks may go to, also by plain http.",
        "SWARM_NOTIFY_ALLOW",
        "it is a wall, so it is for who runs the machine of the core",
    ),
    _at_start("notices.ca_file", "Further CAs, for receivers and mail servers of one's own.", "SWARM_NOTIFY_CA_FILE"),
    _at_start("notices.mail", "The server through which mail is sent.", "SWARM_SMTP_HOST"),
)

BY_NAME: Final = {setting.name: setting for setting in SETTINGS}
