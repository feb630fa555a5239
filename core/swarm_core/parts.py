"""The parts of one core, built and connected. `main` starts and stops them.

In this order: stores and identity, then modules, then the edges, which hold no decisions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from swarm_core.api import openapi
from swarm_core.api.app import App, create_app
from swarm_core.archive import TaskArchive
from swarm_core.audit import Audit
from swarm_core.blobs import DiskBlobs
from swarm_core.cache import Cache
from swarm_core.clock import Clock
from swarm_core.cores import Cores, Sources, disk_of
from swarm_core.cursors import Cursors
from swarm_core.dispatcher import Dispatcher
from swarm_core.drains import Drains
from swarm_core.events import JobEvents
from swarm_core.explain import Explain
from swarm_core.feed import Feed
from swarm_core.fleet import Fleet
from swarm_core.gateway import Facts, Gateway
from swarm_core.harvester import Harvester
from swarm_core.heartbeats import Heartbeats
from swarm_core.hibernator import Hibernator
from swarm_core.identity.accounts import Accounts
from swarm_core.identity.api_tokens import ApiTokens
from swarm_core.identity.cluster import Cluster
from swarm_core.identity.gatekeeper import Gatekeeper
from swarm_core.identity.limits import KeptLimits
from swarm_core.identity.mounts import Mounts
from swarm_core.identity.passwords import Passwords
from swarm_core.identity.people import People
from swarm_core.identity.projects import Projects
from swarm_core.identity.seal import Sealer
from swarm_core.identity.secrets import Secrets
from swarm_core.identity.tokens import Tokens
from swarm_core.identity.workers import Workers
from swarm_core.images import Images
from swarm_core.interactions.conversations import Conversations
from swarm_core.interactions.records import Records
from swarm_core.interactions.relay import Relay
from swarm_core.joblogs import JobLogs
from swarm_core.leases import Leases
from swarm_core.library import Library
from swarm_core.limits import ProjectLimits
from swarm_core.live import Live
from swarm_core.load_history import LoadHistory
from swarm_core.logger import Logger
from swarm_core.machines import Machines
from swarm_core.module import Module, Supervisor
from swarm_core.mount_board import MountBoard
from swarm_core.notice.courier import Courier
from swarm_core.notice.mailing import Mailer
from swarm_core.notice.posting import Poster
from swarm_core.notice.webhooks import Webhooks
from swarm_core.operating import Operating
from swarm_core.overview.tally import Tally
from swarm_core.progress import ProgressKeeper
from swarm_core.receiver import Receiver
from swarm_core.reclaim import Reclaimer
from swarm_core.reconcile import Reconciler
from swarm_core.recurring.firing import Firing
from swarm_core.recurring.schedules import Schedules
from swarm_core.remarks import RemarkTaker
from swarm_core.routes import routes_of
from swarm_core.scheduler import Scheduler
from swarm_core.settings import Settings
from swarm_core.sightings import Sightings
from swarm_core.signals import Signals
from swarm_core.steering import Steering
from swarm_core.store.database import Database
from swarm_core.syslog.keeper import Keeper
from swarm_core.syslog.log_levels import LogLevels
from swarm_core.syslog.reader import Syslog
from swarm_core.templates import Templates
from swarm_core.terminal_relay import TerminalRelay
from swarm_core.terminals import Terminals
from swarm_core.tls import Certificate
from swarm_core.tuning.kept import RuntimeSettings
from swarm_core.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a core is built from."""

    core: UUID
    settings: Settings
    database: Database
    cluster: Cluster
    sealer: Sealer
    clock: Clock
    logger: Logger
    version: str
    ahead: Callable[[], float] = lambda: 0.0
    """Seconds by which this machine's clock is ahead of the database's."""


class Parts:
    """Everything of one core, connected and not yet running."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.live = Live(given.settings, given.clock)
        self._build_stores()
        self._build_syslog()
        self._build_settings()
        self._build_identity()
        self._build_modules()
        self._build_edges()
        self.supervisor = Supervisor(self._modules(), given.clock, given.logger.child("supervisor"))

    def _build_stores(self) -> None:
        given = self.given
        self.events = JobEvents()
        self.cache = Cache(given.settings.redis_url, given.clock, given.logger.child("cache"))
        self.signals = Signals(given.core, self.events, self.cache)
        self.blobs = DiskBlobs(given.settings.data)
        self.library = Library(given.database, self.blobs)
        self.uploads = Uploads(given.database, self.blobs, self.library)
        self.images = Images(given.database, self.blobs, self.library, given.clock, noted=self.signals.noted)
        self.cursors = Cursors(given.cluster.id)
        self.feed = Feed(given.database, self.cursors, given.clock, given.logger.child("feed"))
        self.archive = TaskArchive(given.database, self.library, self.events, given.clock)

    def _build_syslog(self) -> None:
        given = self.given
        database, logger, clock = given.database, given.logger, given.clock
        self.syslog = Syslog(database, clock)
        log, written = logger.child("syslog"), self.syslog.written
        self.keeper = Keeper(database, logger.backlog, clock, log, core=given.core, written=written)
        tell = partial(self.cache.publish, "loglevels", given.core)
        self.log_levels = LogLevels(database, logger, clock, changed=tell)
        self.cache.on("loglevels", lambda _: self.log_levels.wake())

    def _build_settings(self) -> None:
        given = self.given
        self.audit = Audit(given.database)
        self.settings = RuntimeSettings(
            given.database,
            self.audit,
            self.live,
            given.clock,
            given.logger.child("settings"),
            changed=partial(self.cache.publish, "settings", given.core),
            is_told=lambda: self.cache.connected,
        )
        self.cache.on("settings", lambda _: self.settings.wake())

    def _build_identity(self) -> None:
        given, cluster, live = self.given, self.given.cluster, self.live
        self.tokens = Tokens(cluster.signing_key, given.clock.time, life=lambda: live.now.timers.access_token)
        self.passwords = Passwords()
        log = given.logger.child("identity")
        self.people = People(given.database, self.tokens, self.passwords, log)
        self.workers = Workers(
            given.database,
            self.tokens,
            log,
            fingerprint=cluster.authority.fingerprint,
            now=given.clock.time,
            revoked=self.signals.revoked,
        )
        self.operating = Operating(given.database, changed=self.signals.steered)
        self.gatekeeper = Gatekeeper(given.database, self.tokens, self.workers, given.clock)
        self.projects = Projects(given.database, changed=self.gatekeeper.forget_member)
        self.api_tokens = ApiTokens(given.database, changed=self.gatekeeper.forget_programs)
        self.secrets = Secrets(given.database, given.sealer)
        self.mounts = Mounts(given.database, changed=self.signals.mounted)
        self.webhooks = Webhooks(given.database, given.sealer, given.settings.notices)
        self.accounts = Accounts(given.database, self.people, self.passwords, changed=self.gatekeeper.forget)
        days = given.settings.timers.certificate_days
        self.certificate = Certificate(cluster.authority, given.clock, given.logger.child("certificate"), days=days)

    def _build_modules(self) -> None:
        given, live, changed = self.given, self.live, self.signals.changed
        core, database, clock, log = given.core, given.database, given.clock, given.logger.child
        freed = self.signals.freed
        self.limits = ProjectLimits(database, clock, log("limits"), changed=freed)
        self.kept_limits = KeptLimits(database, changed=self._relimited)
        self.dispatcher = Dispatcher(
            core,
            clock,
            log("dispatcher"),
            unreachable=lambda: live.now.timers.unreachable,
            freed=freed,
            beat=given.settings.timers.beat,
        )
        self.harvester = Harvester(database, clock, log("harvester"), core=core, changed=changed)
        caught_up = self.harvester.caught_up
        self.scheduler = Scheduler(
            database, self.dispatcher, log("scheduler"), self.limits, core=core, caught_up=caught_up
        )
        templates = Templates(database, self.images, self.limits, mail=given.settings.notices.mail)
        submitted = self.signals.submitted
        firing = Firing(database, templates, self.limits, core=core, woken=submitted, stop=self.signals.stop)
        noted = self.signals.noted
        self.schedules = Schedules(database, templates, firing, changed=self.signals.scheduled, noted=noted)
        self.hibernator = Hibernator(
            database,
            clock,
            log("hibernator"),
            core=core,
            schedules=firing,
            changed=changed,
            is_told=lambda: self.cache.connected,
        )
        self.receiver = Receiver(database, templates, self.dispatcher, log("receiver"), self.limits, woken=submitted)
        self.steering = Steering(
            database, self.images, templates, self.receiver, woken=submitted, stop=self.signals.stop, noted=noted
        )
        settle, shape = self.harvester.settle, self.scheduler.shape
        self.leases = Leases(
            database,
            self.dispatcher,
            clock,
            log("leases"),
            live,
            core=core,
            settle=settle,
            shape=shape,
            changed=changed,
        )
        self.drains = Drains(database, self.dispatcher, live, log("drains"), settle=settle, changed=changed)
        self.sightings = Sightings(database, self.dispatcher, clock, log("sightings"), core=core)
        self.reconciler = Reconciler(
            database, self.dispatcher, log("reconcile"), settle=settle, shape=shape, changed=changed
        )
        logged = self.signals.logged
        self.joblogs = JobLogs(
            database, self.blobs, self.events, clock, log("joblogs"), on_ack=self.dispatcher.log_safe, changed=logged
        )
        self.progress = ProgressKeeper(database, live, log("progress"), told=self.signals.said)
        self._build_courier()
        self.heartbeats = Heartbeats(self.dispatcher)
        self.mount_board = MountBoard(database, self.dispatcher.sessions, log("mounts"))
        self.fleet = Fleet(core, self.dispatcher, self.cache, clock)
        self.load_history = LoadHistory(self.fleet.lately, clock)
        self.terminals = Terminals(
            database,
            self.dispatcher,
            TerminalRelay(core, self.cache),
            self.fleet.workers,
            clock,
            least_role=lambda: live.now.terminal_role,
        )
        self._build_interactions()
        self._build_cores()
        self.explain = Explain(database, self.scheduler.shape, self.limits, self.fleet.workers)
        self.reclaim = Reclaimer(
            database,
            self.blobs,
            self.library,
            self.uploads,
            clock,
            log("reclaim"),
            live,
            core=core,
        )
        self.signals.connect(self.scheduler, self.hibernator, self.dispatcher)
        self.signals.wake_feed = self.feed.wake
        self.signals.forget = self.gatekeeper.forget
        self.signals.is_limited = lambda: self.limits.in_force
        self.signals.relimit = self.limits.wake
        self.signals.mounts_changed = self.mount_board.wake
        self.signals.ended = self.courier.ended

    def _build_interactions(self) -> None:
        given = self.given
        self.records = Records(given.clock)
        self.relay = Relay(given.core, self.cache, given.clock, lambda question: self.conversations.answer(question))
        self.conversations = Conversations(
            given.core, given.database, self.records, self.relay, self.events, given.clock
        )

    async def _relimited(self) -> None:
        """Limits that were changed here count here at once."""
        await self.limits.refresh()
        self.signals.limited()

    def _build_cores(self) -> None:
        given = self.given
        sources = Sources(
            health=lambda: self.supervisor.health,
            queues=lambda: self.supervisor.queue_depths(),
            crowd=self.dispatcher.crowd,
            port=lambda: self.gateway.udp_port,
            ahead=given.ahead,
            disk=partial(self.blobs.work, partial(disk_of, given.settings.data)),
        )
        host, cache, clock = given.settings.host, self.cache, given.clock
        self.cores = Cores(given.core, given.version, host, given.database, cache, clock, sources)
        self.tally = Tally(given.database, clock, given.logger.child("tally"))

    def _build_courier(self) -> None:
        given, settings, live = self.given, self.given.settings.notices, self.live
        mail, log = settings.mail, given.logger.child("courier")
        if mail is not None and mail.tls == "none":
            log.warning("mail goes to its server in the clear", server=mail.host, setting="SWARM_SMTP_TLS=none")

        def timeout() -> float:
            return live.now.notices.timeout

        self.mailer = Mailer(mail, settings.trust, timeout=timeout) if mail is not None else None
        self.courier = Courier(
            given.database,
            given.clock,
            log,
            sealer=given.sealer,
            poster=Poster(settings.allowed, settings.trust(), timeout=timeout),
            mailer=self.mailer,
            settings=lambda: live.now.notices,
            user_agent=f"swarm-sync/{given.version}",
        )

    def _modules(self) -> list[Module]:
        return [
            self.given.logger,
            self.keeper,
            self.log_levels,
            self.settings,
            self.cache,
            self.certificate,
            self.receiver,
            self.harvester,
            self.limits,
            self.scheduler,
            self.hibernator,
            self.leases,
            self.drains,
            self.sightings,
            self.joblogs,
            self.progress,
            self.courier,
            self.heartbeats,
            self.mount_board,
            self.fleet,
            self.load_history,
            self.cores,
            self.tally,
            self.terminals,
            self.relay,
            self.feed,
            self.reclaim,
        ]

    def _build_edges(self) -> None:
        given = self.given
        given.logger.child("worker")  # its level can be set before any worker has said anything
        facts = Facts(core=given.core, cluster=given.cluster.id, udp_host=given.settings.advertise_udp)
        self.gateway = Gateway(
            given.database,
            self.dispatcher,
            self.harvester,
            self.reconciler,
            Machines(given.database, given.clock, given.logger.child("machines")),
            self.joblogs,
            self.terminals,
            self.progress,
            self.gatekeeper,
            given.clock,
            given.logger.child("gateway"),
            given.settings.timers,
            facts,
            self.mount_board,
            self.records,
            RemarkTaker(given.logger, given.clock),
        )
        self.app = self._make_app()

    def _make_app(self) -> App:
        table = routes_of(self)
        table.append(openapi.route(table, self.given.version))
        log = self.given.logger.child("api")
        return create_app(table, gatekeeper=self.gatekeeper, clock=self.given.clock, log=log)

    async def not_ready(self) -> str:
        """Why this core can't take work now; empty when it can."""
        await self.given.database.api.fetchval("select 1")
        down = [name for name, module in self.supervisor.health.items() if module.state != "running"]
        return f"not running: {', '.join(down)}" if down else ""
