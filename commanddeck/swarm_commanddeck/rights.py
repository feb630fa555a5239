"""What a role may do, so that the deck can grey out the rest and say why. The core decides; this only foretells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from swarm_consumer.models import WhoAmI

ROLES: Final = ("observer", "consumer", "operator", "admin")


@dataclass(frozen=True, slots=True)
class Action:
    """Something that changes the system."""

    doing: str
    """As in "… needs the role operator"."""
    role: str
    """The least that may."""
    route: str
    """Method and path of the API that does it; a test holds `role` and `cluster` against the core's route table."""
    cluster: bool = False
    """Whether one's own role counts, and not that in the project."""


ACTIONS: Final[Mapping[str, Action]] = {
    "job.submit": Action("submitting jobs", "consumer", "POST /api/v1/jobs"),
    "job.cancel": Action("cancelling jobs", "consumer", "POST /api/v1/jobs/{id}/cancel"),
    "job.retry": Action("retrying jobs", "consumer", "POST /api/v1/jobs/{id}/retry"),
    "job.update": Action("changing jobs", "consumer", "PATCH /api/v1/jobs/{id}"),
    "job.remove": Action("deleting jobs", "consumer", "DELETE /api/v1/jobs/{id}"),
    "worker.change": Action("changing workers", "operator", "PATCH /api/v1/workers/{worker}", cluster=True),
    "worker.drain": Action("draining workers", "operator", "POST /api/v1/workers/{worker}/drain", cluster=True),
    "worker.revoke": Action("revoking workers", "operator", "POST /api/v1/workers/{worker}/revoke", cluster=True),
    "worker.remove": Action("forgetting workers", "operator", "DELETE /api/v1/workers/{worker}", cluster=True),
    "worker.invite": Action("making join tokens", "operator", "POST /api/v1/join-tokens", cluster=True),
    "worker.uninvite": Action(
        "taking join tokens back", "operator", "DELETE /api/v1/join-tokens/{token}", cluster=True
    ),
    "schedule.add": Action("making schedules", "consumer", "POST /api/v1/schedules"),
    "schedule.edit": Action("changing schedules", "consumer", "PATCH /api/v1/schedules/{ref}"),
    "schedule.pause": Action("pausing schedules", "consumer", "POST /api/v1/schedules/{ref}/pause"),
    "schedule.run": Action("running schedules", "consumer", "POST /api/v1/schedules/{ref}/run"),
    "schedule.remove": Action("deleting schedules", "consumer", "DELETE /api/v1/schedules/{ref}"),
    "image.remove": Action("deleting images", "consumer", "DELETE /api/v1/images/{name:path}"),
    "log.read": Action("the system's log", "operator", "GET /api/v1/syslog", cluster=True),
    "log.level": Action("setting log levels", "admin", "PUT /api/v1/syslog/levels/{module}", cluster=True),
    "user.see": Action("keeping people", "admin", "GET /api/v1/users", cluster=True),
    "user.add": Action("making users", "admin", "POST /api/v1/users", cluster=True),
    "user.change": Action("changing users", "admin", "PATCH /api/v1/users/{name}", cluster=True),
    "user.reset": Action("resetting passwords", "admin", "POST /api/v1/users/{name}/password", cluster=True),
    "user.remove": Action("deleting users", "admin", "DELETE /api/v1/users/{name}", cluster=True),
    "user.sign_out": Action("ending sign-ins", "admin", "DELETE /api/v1/users/{name}/sign-ins", cluster=True),
    "sign_in.see": Action("seeing sign-ins", "admin", "GET /api/v1/users/{name}/sign-ins", cluster=True),
    "sign_in.end": Action("ending sign-ins", "admin", "DELETE /api/v1/users/{name}/sign-ins/{id}", cluster=True),
    "token.see": Action("seeing tokens of others", "admin", "GET /api/v1/users/{name}/tokens", cluster=True),
    "token.end": Action("ending tokens of others", "admin", "DELETE /api/v1/users/{name}/tokens/{token}", cluster=True),
    "token.add": Action("making tokens", "observer", "POST /api/v1/tokens"),
    "token.rotate": Action("changing tokens", "observer", "POST /api/v1/tokens/{name}/rotate"),
    "token.remove": Action("ending tokens", "observer", "DELETE /api/v1/tokens/{name}"),
    "project.add": Action("making projects", "admin", "POST /api/v1/projects", cluster=True),
    "project.remove": Action("deleting projects", "admin", "DELETE /api/v1/projects/{name}", cluster=True),
    "member.change": Action("members", "observer", "PUT /api/v1/projects/{name}/members/{user}", cluster=True),
    "member.remove": Action("members", "observer", "DELETE /api/v1/projects/{name}/members/{user}", cluster=True),
    "limit.set": Action("setting limits", "admin", "PUT /api/v1/projects/{name}/limits", cluster=True),
    "setting.see": Action("seeing settings", "operator", "GET /api/v1/settings", cluster=True),
    "setting.change": Action("changing settings", "admin", "PUT /api/v1/settings/{name}", cluster=True),
    "setting.reset": Action("changing settings", "admin", "DELETE /api/v1/settings/{name}", cluster=True),
    "audit.read": Action("the audit", "admin", "GET /api/v1/audit", cluster=True),
}
"""Every action of the deck by the name that its screens use."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do."""

    role: str
    """In the project in use."""
    own_role: str
    """Which counts for what belongs to no project."""
    user: str = ""
    project: str = ""
    observing: bool = False
    """The deck was started to look on: nothing may be done, whatever the role."""

    @classmethod
    def of(cls, who: WhoAmI, *, observing: bool = False) -> "Rights":
        """The rights that a sign-in has."""
        return cls(who.role, who.own_role or who.role, who.user, who.project, observing)

    def may(self, action: str) -> bool:
        """Whether the core would let them. Raises KeyError for an action that is not in `ACTIONS`."""
        return not self.why_not(action)

    def why_not(self, action: str) -> str:
        """Why the core would not let them, as a sentence with what to do; empty where it would."""
        wanted = ACTIONS[action]
        if self.observing and not wanted.route.startswith("GET "):
            return f"{wanted.doing}: this deck only observes; start it without --observe"
        role = self.own_role if wanted.cluster else self.role
        if _rank(role) >= _rank(wanted.role):
            return ""
        where = "" if wanted.cluster or not self.project else f" in {self.project}"
        return f"{wanted.doing} needs the role {wanted.role}; {self.user} is {role or 'nobody'}{where}: ask an admin"


def _rank(role: str) -> int:
    """A role that this version does not know is taken for the least."""
    return ROLES.index(role) if role in ROLES else -1
