"""The plug-in that fails a run with skips, in runs of pytest's own."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
PASSES = "def test_passes():\n    pass\n"
CASES = {
    "mark": "import pytest\n@pytest.mark.skip(reason='no engine')\ndef test_it():\n    pass\n",
    "call": "import pytest\ndef test_it():\n    pytest.skip('no engine')\n",
    "module": "import pytest\npytest.skip('no engine', allow_module_level=True)\n",
    "expected": "import pytest\n@pytest.mark.xfail(reason='no engine')\ndef test_it():\n    assert False\n",
    "unexpected": "import pytest\n@pytest.mark.xfail(reason='no engine')\ndef test_it():\n    pass\n",
}


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {TESTS}\n")
    command = [sys.executable, "-m", "pytest", "-p", "plugins.no_skips", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_skips_fail_the_run_and_are_named(tmp_path: Path, spread: tuple[str, ...]) -> None:
    for case, program in CASES.items():
        (tmp_path / f"test_{case}.py").write_text(program)
    (tmp_path / "test_more.py").write_text(PASSES)
    ran = run(tmp_path, *spread)
    assert ran.returncode == 1, ran.stdout
    for case in CASES:
        line = next(line for line in ran.stdout.splitlines() if f"NOT ALLOWED TO SKIP test_{case}.py" in line)
        assert "no engine" in line


def test_one_skip_is_enough(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(CASES["call"] + PASSES)
    assert run(tmp_path).returncode == 1


def test_a_run_without_skips_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "test_more.py").write_text(PASSES)
    assert run(tmp_path).returncode == 0
