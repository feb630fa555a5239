"""What a role may do, and what is said of what it may not."""

import pytest

from swarm_commanddeck.rights import ACTIONS, ROLES, Rights
from swarm_consumer.models import WhoAmI


@pytest.mark.parametrize("action", ACTIONS)
def test_what_a_role_may_a_higher_one_may(action: str) -> None:
    may = [Rights(role, role, "ana").may(action) for role in ROLES]
    assert may == sorted(may)
    assert may[-1]


def test_the_role_in_the_project_and_ones_own_count_each_for_its_part() -> None:
    rights = Rights.of(WhoAmI(user="ana", project="lab", role="admin", own_role="consumer"))
    assert rights.may("job.cancel")
    assert rights.why_not("worker.drain") == "draining workers needs the role operator; ana is consumer: ask an admin"
    there = Rights.of(WhoAmI(user="ana", project="lab", role="observer", own_role="admin"))
    assert there.may("worker.drain")
    assert "ana is observer in lab" in there.why_not("job.cancel")


def test_who_observes_may_look_and_nothing_else() -> None:
    rights = Rights.of(WhoAmI(user="ana", role="admin", own_role="admin"), observing=True)
    allowed = [action for action in ACTIONS if rights.may(action)]
    assert allowed == [action for action, wanted in ACTIONS.items() if wanted.route.startswith("GET ")]
    assert "--observe" in rights.why_not("job.cancel")


def test_a_role_of_a_later_version_may_nothing() -> None:
    assert not Rights("owner", "owner").may("job.cancel")
