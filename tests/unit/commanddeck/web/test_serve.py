"""What the web face is told, and what keeps it from starting."""

from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from swarm_commanddeck.commands import deck
from swarm_commanddeck.web.serve import Wanted, judge
from swarm_consumer import credentials as files
from swarm_consumer.credentials import Credentials
from swarm_core.identity.authority import load_authority, make_authority
from swarm_protocol.errors import SwarmError

CA_PEM = load_authority(make_authority(1e9)).pem


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWARM_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_text(CA_PEM)
    return file


def test_it_is_for_the_core_that_one_is_signed_in_to(home: Path) -> None:
    saved = Credentials(url="https://c:8443", user="ada", ca_pem=CA_PEM, refresh_token="never handed on")
    files.save(saved, home / "credentials.json")
    told, ca_pem, tls = judge(Wanted(listen="127.0.0.1:8900", observe=True, project="lab", at="jobs"))
    assert (told.core, ca_pem, tls, told.observing) == ("https://c:8443", CA_PEM, None, True)
    assert told.command[1:] == ["-m", "swarm_commanddeck", "--at", "jobs", "--project", "lab", "--observe"]
    assert "never handed on" not in repr(told)


def test_or_for_another(ca: Path) -> None:
    told, ca_pem, _ = judge(Wanted(listen=":1", core="other", ca=ca, insecure_http=True))
    assert (told.core, ca_pem) == ("https://other:8443", CA_PEM)
    told, _, _ = judge(Wanted(listen="[::1]:1", core="other", ca=ca, public_url="https://deck.example.org/"))
    assert told.site.origin("deck.example.org") == "https://deck.example.org"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"core": None, "ca": None}, "not signed in"),
        ({"ca": None}, "--ca is missing"),
        ({"core": None}, "--core is missing"),
        ({"ca": Path("/nowhere")}, "can't read /nowhere"),
        ({"listen": "0.0.0.0:1"}, "unencrypted"),
        ({"listen": "8900"}, "no address"),
        ({"key": Path("k")}, "--key needs --cert"),
        ({"cert": Path("/nowhere")}, "can't use /nowhere"),
        ({"public_url": "deck"}, "no origin"),
    ],
)
def test_what_keeps_it_from_starting(ca: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(SwarmError, match=message):
        judge(Wanted(**{"listen": "127.0.0.1:1", "core": "c", "ca": ca, **more}))


def test_what_is_no_certificate_of_a_core(ca: Path) -> None:
    ca.write_text("hello")
    with pytest.raises(SwarmError, match="no CA certificate"):
        judge(Wanted(listen="127.0.0.1:1", core="c", ca=ca))


@pytest.mark.parametrize("words", [["--cert", "c"], ["--public-url", "https://x"], ["--listen", ":1"]])
def test_options_of_the_web_face_are_not_passed_over(words: list[str]) -> None:
    app = Typer()
    app.command()(deck)
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, SwarmError)
    assert refused.exception.message == f"{words[0]} goes with --web"
