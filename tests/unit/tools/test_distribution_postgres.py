"""Which of the distribution's Postgres versions is taken."""

from pathlib import Path

from tools.distribution_postgres import find


def install(folder: Path, *majors: str) -> None:
    for major in majors:
        (folder / major / "bin").mkdir(parents=True)
        (folder / major / "bin/initdb").touch()


def test_the_oldest_that_is_supported_is_taken(tmp_path: Path) -> None:
    install(tmp_path, "13", "17", "15", "common")
    assert find(tmp_path) == tmp_path / "15"


def test_none_of_an_older_one_or_of_a_client_alone(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    install(tmp_path, "14")
    (tmp_path / "16/bin").mkdir(parents=True)
    assert find(tmp_path) is None
