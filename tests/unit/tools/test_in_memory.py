"""Where the tests put their temporary files."""

import os
from pathlib import Path

from tests.plugins.in_memory import PREFIX, hold, is_roomy, sweep


def test_a_folder_is_roomy_when_programs_and_that_much_fit_in(tmp_path: Path) -> None:
    assert is_roomy(tmp_path, 1)
    assert not is_roomy(tmp_path, 1 << 60)
    assert not is_roomy(tmp_path / "missing", 1)
    assert not is_roomy(Path("/proc"), 1)


def test_what_a_killed_run_left_is_swept_and_a_live_one_is_not(tmp_path: Path) -> None:
    left, alive, other = (tmp_path / name for name in (f"{PREFIX}left", f"{PREFIX}alive", "other"))
    for folder in (left, alive, other):
        (folder / "deep").mkdir(parents=True)
    held = hold(alive)
    assert held is not None
    sweep(tmp_path)
    assert left.exists(), "it may only just have been made"
    sweep(tmp_path, new=-1.0)
    assert not left.exists()
    assert (alive / "deep").exists()
    assert (other / "deep").exists()
    os.close(held)
