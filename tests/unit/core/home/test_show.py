"""What a person sees of a home."""

import io

import pytest
from rich.console import Console

from swarm_core.home.report import ChildReport, Report
from swarm_core.home.show import Lines, drawn


def _report() -> Report:
    core = ChildReport(role="core", state="ready", pid=12, address="127.0.0.1:8443")
    return Report(pid=1, started="x", data="/d", url="https://127.0.0.1:8443", user="ada", children=[core])


def test_a_line_for_each_change_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    lines, report = Lines(), _report()
    lines.show(report)
    lines.show(report)
    assert capsys.readouterr().out.split() == ["core", "ready", "pid", "12", "127.0.0.1:8443"]
    report.children[0].restarts = 1
    lines.show(report)
    assert "restarts 1" in capsys.readouterr().out


def test_once_up_it_says_where_and_who_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    report = _report()
    report.state = "ready"
    report.children[0].detail = "no Docker Engine answers: run `x`"
    Lines().show(report)
    out = capsys.readouterr().out
    assert "https://127.0.0.1:8443, signed in as ada" in out
    assert "warning: no Docker Engine answers: run `x`" in out


def test_the_table_takes_text_as_it_is() -> None:
    report = _report()
    report.children[0].detail = "[bold]died[/bold]\nsecond line"
    console = Console(width=200, file=io.StringIO())
    console.print(drawn(report))
    assert "[bold]died[/bold]" in console.file.getvalue()  # type: ignore[attr-defined]
