"""The route table of a core: each path, and who answers it. Edges hold no decisions."""

from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from swarm_core.api import audit as audit_routes
from swarm_core.api import blobs as blob_routes
from swarm_core.api import cores as core_routes
from swarm_core.api import events as event_routes
from swarm_core.api import explain as explain_routes
from swarm_core.api import health, signin, standing
from swarm_core.api import images as image_routes
from swarm_core.api import interactions as message_routes
from swarm_core.api import jobs as job_routes
from swarm_core.api import join_tokens as join_token_routes
from swarm_core.api import limits as limit_routes
from swarm_core.api import logs as log_routes
from swarm_core.api import mounts as mount_routes
from swarm_core.api import overview as overview_routes
from swarm_core.api import projects as project_routes
from swarm_core.api import schedules as schedule_routes
from swarm_core.api import secrets as secret_routes
from swarm_core.api import settings as setting_routes
from swarm_core.api import syslog as syslog_routes
from swarm_core.api import terminals as terminal_routes
from swarm_core.api import tokens as token_routes
from swarm_core.api import usage as usage_routes
from swarm_core.api import users as user_routes
from swarm_core.api import webhooks as webhook_routes
from swarm_core.api import worker_loads as load_routes
from swarm_core.api import workers as worker_routes
from swarm_core.logreader import LogReader
from swarm_core.overview.board import Board
from swarm_core.usage import UsageBook

if TYPE_CHECKING:
    from swarm_core.parts import Parts


def routes_of(parts: "Parts") -> list[BaseRoute]:
    """All routes but that of the OpenAPI document, which tells of these."""
    given = parts.given
    database, clock, version = given.database, given.clock, given.version
    reader = LogReader(database, parts.blobs, parts.joblogs, parts.events, clock)
    fleet, live = parts.fleet, parts.live
    return [
        *job_routes.routes(parts.receiver, parts.steering, parts.archive, parts.projects),
        *blob_routes.routes(parts.library, parts.uploads),
        *image_routes.routes(parts.images),
        *explain_routes.routes(parts.explain),
        *usage_routes.routes(UsageBook(database, clock)),
        *schedule_routes.routes(parts.schedules),
        *log_routes.routes(reader),
        *terminal_routes.routes(parts.terminals),
        *event_routes.routes(
            parts.feed, parts.cursors, parts.projects, database, clock, slow=lambda: live.now.timers.slow_reader
        ),
        *message_routes.routes(parts.conversations, database),
        *worker_routes.routes(
            parts.workers, parts.operating, database, fleet.some, parts.mounts.names, given.cluster.id
        ),
        *join_token_routes.routes(parts.workers),
        *load_routes.routes(database, fleet.lately, parts.load_history),
        *standing.routes(fleet.workers, clock, version),
        *core_routes.routes(parts.cores.all),
        *overview_routes.routes(Board(database, parts.cores.all, parts.projects, clock)),
        *user_routes.routes(parts.accounts, parts.api_tokens),
        *project_routes.routes(parts.projects),
        *limit_routes.routes(parts.kept_limits),
        *token_routes.routes(parts.api_tokens),
        *secret_routes.routes(parts.secrets),
        *syslog_routes.routes(parts.syslog, parts.log_levels, database),
        *setting_routes.routes(parts.settings),
        *audit_routes.routes(parts.audit),
        *mount_routes.routes(parts.mounts),
        *webhook_routes.routes(parts.webhooks),
        *signin.routes(parts.people, given.cluster.authority.pem, parts.terminals.allows),
        *health.routes(lambda: parts.supervisor.health, parts.not_ready, given.core, version),
        parts.gateway.route(),
    ]
