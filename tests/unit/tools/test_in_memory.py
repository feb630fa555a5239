"""Where the tests put their temporary files."""

from pathlib import Path

from tests.plugins.in_memory import is_roomy


def test_a_folder_is_roomy_when_programs_and_that_much_fit_in(tmp_path: Path) -> None:
    assert is_roomy(tmp_path, 1)
    assert not is_roomy(tmp_path, 1 << 60)
    assert not is_roomy(tmp_path / "missing", 1)
    assert not is_roomy(Path("/proc"), 1)
