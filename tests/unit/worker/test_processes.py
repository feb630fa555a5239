"""A process and its descendants, from a /proc that a test lays out."""

from pathlib import Path

from swarm_worker.runtimes.processes import family


def test_all_descendants_are_found_parents_first(tmp_path: Path) -> None:
    for pid, parent, name in ((1, 0, "init"), (7, 1, "sh"), (8, 7, "a) R 1 (b"), (9, 8, "sleep"), (10, 1, "other")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 7 7 0 -1\n")
    (tmp_path / "11").mkdir()
    (tmp_path / "11" / "stat").write_text("")
    assert family(7, tmp_path) == [7, 8, 9]
    assert family(12, tmp_path) == []
