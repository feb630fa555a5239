"""What a role may do, and what is said of what it may not."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import swarm_commanddeck
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


def asked_for(file: Path) -> Iterator[str]:
    """The actions that a file of the deck names: in `needs`, and as `action` of what it does."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Dict):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            if any(isinstance(target, ast.Name) and target.id == "needs" for target in targets):
                yield from (each.value for each in node.value.values if isinstance(each, ast.Constant))  # type: ignore[misc]
        if isinstance(node, ast.keyword) and node.arg == "action" and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def test_every_action_that_a_screen_asks_for_is_known() -> None:
    """A name that is not would end the deck where it draws its keys."""
    [folder] = swarm_commanddeck.__path__
    found = {(file.name, name) for file in Path(folder).rglob("*.py") for name in asked_for(file)}
    assert len(found) > 20
    assert {(file, name) for file, name in found if name not in ACTIONS} == set()
