"""Images as a tree of repositories."""

from datetime import UTC, datetime, timedelta
from typing import Any

from swarm_commanddeck import image_tree as tree
from swarm_consumer.image_words import consequences, some
from swarm_consumer.models import Image, ImageUse, ImageUsers

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
MIB = 1 << 20


def image(name: str, tag: str, **more: Any) -> Image:
    given: dict[str, Any] = {"name": name, "tag": tag, "digest": f"sha256:{name}{tag}", "size": 10 * MIB, "own": MIB}
    return Image(**(given | more))


ALL = [image("a/b", "1", jobs=2), image("a/b", "2", schedules=1, workers=3), image("c", "x")]


def test_repositories_fold() -> None:
    assert [row.key for row in tree.rows(ALL, (), NOW)] == [("a/b", None), ("c", None)]
    keys = [row.key for row in tree.rows(ALL, ["a/b"], NOW)]
    assert keys == [("a/b", None), ("a/b", "1"), ("a/b", "2"), ("c", None)]


def test_a_filter_unfolds_what_it_finds() -> None:
    assert [row.key for row in tree.rows(ALL, (), NOW, "B:2")] == [("a/b", None), ("a/b", "2")]
    assert [row.key for row in tree.rows(ALL, (), NOW, "sha256:cx")] == [("c", None), ("c", "x")]
    assert tree.rows(ALL, (), NOW, "nothing") == []


def test_cells_of_repositories_are_of_all_their_tags() -> None:
    whole, first, second, other = tree.rows(ALL, ["a/b"], NOW)
    cells = {column.name: column.cell for column in tree.COLUMNS}
    assert cells["own"](whole)[0] == "2M"
    assert cells["users"](whole) == ("2 jobs, 1 schedule, 3 workers", "busy")
    assert cells["users"](second) == ("1 schedule, 3 workers", "")
    assert cells["users"](other) == ("nobody", "dim")
    assert (cells["name"](whole)[0], cells["name"](other)[0], cells["name"](first)[0]) == ("▾ a/b", "▸ c", "    1")


def test_jobs_of_one_digest_under_two_tags_count_once() -> None:
    twins = [image("a", "1", digest="sha256:1", jobs=2), image("a", "2", digest="sha256:1", jobs=2)]
    [row] = tree.rows(twins, (), NOW)
    cells = {column.name: column.cell for column in tree.COLUMNS}
    assert cells["users"](row)[0] == "2 jobs"


def test_the_line_over_all() -> None:
    assert tree.summary(ALL) == "2 repositories, 3 tags; 3M are needed by one tag alone"
    assert tree.summary([]).startswith("0 repositories, 0 tags")


def test_what_is_told_of_a_tag() -> None:
    used = ImageUse(
        image=image("a", "1", jobs=14, last_used_at=NOW - timedelta(hours=2), shared=2 * MIB, schedules=1),
        used_by=ImageUsers(jobs=list(range(14)), schedules=["nightly"]),
    )
    told = dict(tree.details(used, NOW))
    assert told["size"] == "10M: 1M of its own, 2M shared"
    assert told["jobs"].endswith("11 and 2 more")
    assert told["used"] == "2h ago"
    assert "workers" not in told
    assert consequences(used) == [
        "1M are freed, 2M are needed by other images",
        "it stays until 14 jobs have ended",
        "schedules find it no more: nightly",
    ]
    assert some(0, []) == ""
