"""A run with a skipped or expectedly failed test fails: what this project needs, its tests must bring along."""

from collections.abc import Iterator

import pytest

FAILED = pytest.ExitCode.TESTS_FAILED


class NoSkips:
    """Collects what was skipped; under xdist the controller sees the reports of all its workers."""

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that skipped itself, was skipped by a mark, or was expected to fail."""
        if report.skipped or hasattr(report, "wasxfail"):
            self.skipped[report.nodeid] = _reason(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A whole file that skipped itself."""
        if report.skipped:
            self.skipped[report.nodeid] = _reason(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Turn a green run red; other ends stay what they are."""
        if self.skipped and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which, and that this is why."""
        for name, reason in sorted(self.skipped.items()):
            terminalreporter.write_line(f"NOT ALLOWED TO SKIP {name}: {reason}", red=True)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    told = report.longrepr
    return str(told[2]) if isinstance(told, tuple) else str(told)


def pytest_configure(config: pytest.Config) -> None:
    """Be there once in each process."""
    config.pluginmanager.register(NoSkips(), "swarm-no-skips")
