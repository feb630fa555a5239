"""The lock files: complete, hashed, and without an address."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILES = ("base", "all", "dev")
PIN = re.compile(r"^([a-z0-9-]+)==([^ ]+)")


def text(name: str) -> str:
    return (ROOT / f"requirements/{name}.txt").read_text()


def pins(name: str) -> dict[str, str]:
    return {found[1]: found[2] for line in text(name).splitlines() if (found := PIN.match(line))}


def normal(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found.group()).lower()


@pytest.mark.parametrize("name", FILES)
def test_nothing_but_pins_and_hashes(name: str) -> None:
    for line in text(name).splitlines():
        assert PIN.match(line) or re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line), line


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_a_hash(name: str) -> None:
    lines = text(name).splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if PIN.match(line):
            assert following.startswith("    --hash="), line


def test_everything_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    base = {normal(r) for r in project["project"]["dependencies"]}
    runtime = base | {normal(r) for name in extras if name != "all" for r in extras[name]}
    dev = runtime | {normal(r) for r in project["dependency-groups"]["dev"]}
    assert base <= pins("base").keys()
    assert runtime <= pins("all").keys()
    assert dev <= pins("dev").keys()


def test_the_files_agree() -> None:
    for smaller, larger in (("base", "all"), ("all", "dev")):
        assert pins(smaller).items() <= pins(larger).items()
