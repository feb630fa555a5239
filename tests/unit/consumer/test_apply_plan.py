"""What has to be done is a plain function of what is wanted and what is there."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_consumer.apply.items import MISSING, Change, Item, differences
from swarm_consumer.apply.plan import make_plan

ORDER = ("project", "limits", "mount", "schedule")


def item(kind: str, name: str, project: str = "lab", **fields: Any) -> Item:
    return Item(kind=kind, project=project, name=name, fields=fields)


def steps(wanted: list[Item], there: list[Item], **more: Any) -> list[tuple[str, str]]:
    plan = make_plan(wanted, there, ORDER, partial={"project", "mount"}, kept={"project"}, **more)
    return [(step.verb, step.item.title) for step in plan.steps]


def test_what_others_need_comes_first_and_goes_last() -> None:
    wanted = [item("schedule", "new", cron="a"), item("limits", "lab", running=1), item("project", "lab")]
    wanted.append(item("mount", "data", "", path="/a"))
    there = [item("limits", "old", "old", running=1), item("schedule", "gone", cron="a"), item("mount", "old", "")]
    assert steps(wanted, there, prune=True) == [
        ("create", "project lab"),
        ("create", "limits lab"),
        ("create", "mount data"),
        ("create", "schedule lab/new"),
        ("remove", "schedule lab/gone"),
        ("remove", "mount old"),
        ("remove", "limits old"),
    ]


def test_nothing_goes_without_prune_and_is_named() -> None:
    there = [item("schedule", "gone", cron="a")]
    assert steps([], there) == []
    assert make_plan([], there, ORDER).unnamed == there


def test_a_project_is_never_removed() -> None:
    there = [item("project", "lab", members={})]
    assert steps([], there, prune=True) == []


def test_of_a_project_only_what_a_file_names_is_compared() -> None:
    there = [item("project", "lab", members={"ben": "observer"})]
    assert steps([item("project", "lab")], there) == []
    assert steps([item("project", "lab", members={})], there) == [("change", "project lab")]


def test_who_may_use_a_mount_is_compared_where_a_file_names_it() -> None:
    there = [item("mount", "data", "", path="/a", projects={"lab": "as usual", "shop": "as 7:7"})]
    assert steps([item("mount", "data", "", path="/a")], there) == []
    [step] = make_plan(
        [item("mount", "data", "", path="/a", projects={"lab": "as 5:5"})], there, ORDER, partial={"mount"}
    ).steps
    assert step.changes == [
        Change("projects.lab", "as usual", "as 5:5"),
        Change("projects.shop", "as 7:7", MISSING),
    ]


def test_each_field_that_differs_is_named() -> None:
    now = {"cron": "a", "job": {"image": "a", "env": {"A": "1"}}, "jitter": 5.0}
    new = {"cron": "b", "job": {"image": "a", "tags": ["x"]}}
    assert differences(now, new) == [
        Change("cron", "a", "b"),
        Change("jitter", 5.0, MISSING),
        Change("job.env.A", "1", MISSING),
        Change("job.tags", MISSING, ["x"]),
    ]


values = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["x", "y", "z"]), inner, min_size=1, max_size=3),
    max_leaves=6,
)
items = st.lists(
    st.builds(
        lambda kind, name, fields: Item(kind=kind, project="lab", name=name, fields=fields),
        st.sampled_from(["limits", "schedule"]),
        st.sampled_from(["a", "b", "c"]),
        st.dictionaries(st.sampled_from(["f", "g"]), values, max_size=2),
    ),
    max_size=6,
    unique_by=lambda made: made.key,
)


@settings(deadline=None)
@given(items, items)
def test_once_it_is_carried_out_there_is_nothing_to_do(wanted: list[Item], there: list[Item]) -> None:
    plan = make_plan(wanted, there, ORDER, prune=True)
    has = {each.key: each for each in there}
    for step in plan.steps:
        assert (step.verb == "create") is (step.item.key not in has)
        assert step.changes or step.verb != "change"
        if step.verb == "remove":
            del has[step.item.key]
        else:
            has[step.item.key] = step.item
    assert {key: each.fields for key, each in has.items()} == {each.key: each.fields for each in wanted}
    assert make_plan(wanted, list(has.values()), ORDER, prune=True).steps == []
