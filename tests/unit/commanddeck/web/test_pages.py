"""What the web face's pages say, and what they let a browser do."""

import re

import pytest

from swarm_commanddeck.web import pages
from swarm_protocol.errors import SwarmError

NASTY = '"><script>alert(1)</script>'


def test_what_others_say_stays_text() -> None:
    error = SwarmError("unauthenticated", NASTY, hint=NASTY)
    for page in (
        pages.login(NASTY, user=NASTY, error=error),
        pages.told(error),
        pages.deck(socket=NASTY, user=NASTY, core=NASTY, observing=True),
    ):
        text = page.text or ""
        assert "alert(1)" in text
        assert "<script>" not in text


def test_nothing_comes_from_elsewhere() -> None:
    for page in (pages.login("c"), pages.deck(socket="ws://h/ws", user="u", core="c", observing=False)):
        text = page.text or ""
        links = re.findall(r'(?:src|href|action)="([^"]*)"', text)
        assert links
        assert all(link.startswith(("/", "data:,")) for link in links)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "script-src 'unsafe-inline'" not in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"<script(?! src=)|\son\w+=", text)


def test_a_form_for_keyboards_and_password_managers() -> None:
    text = pages.login("https://core:8443").text or ""
    assert '<label for="user">' in text
    assert '<label for="password">' in text
    assert 'autocomplete="username"' in text
    assert 'autocomplete="current-password"' in text
    assert len(re.findall(" autofocus", text)) == 1
    again = pages.login("c", user="ada", error=SwarmError("unauthenticated", "no")).text or ""
    assert re.search(r'name="password"[^>]*autofocus', again)
    assert 'value="ada"' in again
    assert 'role="alert"' in again


def test_an_error_is_one_for_programs_too() -> None:
    page = pages.login("c", error=SwarmError("too_many_requests", "wait", retry_after=12.4))
    assert (page.status, page.headers["Retry-After"]) == (429, "12")


@pytest.mark.parametrize(
    ("name", "plain", "given"),
    [
        ("model.bin", "model.bin", "model.bin"),
        ('a"; x=é\r\n.html', "a___x____.html", "a%22%3B%20x%3D%C3%A9%0D%0A.html"),
        ("", "file", ""),
    ],
)
def test_files_are_kept_and_never_shown(name: str, plain: str, given: str) -> None:
    headers = pages.file_headers(name)
    assert headers["Content-Disposition"] == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{given}"
    assert headers["Content-Type"] == "application/octet-stream"
    assert "sandbox" in headers["Content-Security-Policy"]
