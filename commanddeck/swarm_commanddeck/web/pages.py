"""The pages, and what browsers are told of them: nothing from elsewhere, no script in the text, in nobody's frame."""

from html import escape
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import quote

from aiohttp import web

from swarm_protocol.errors import SwarmError

_HERE: Final = Path(__file__).parent / "static"
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none at all browsers would hide the origin of a form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_POLICY: Final = (
    "default-src 'none'; script-src {script}; style-src 'self'{style}; img-src 'self' data:; font-src 'self'; "
    "connect-src {connect}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FORM_POLICY: Final = _POLICY.format(script="'none'", style="", connect="'none'")
_FILE_POLICY: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"


def deck_policy(socket: str) -> str:
    """Of the page with the terminal, which draws by styles that it makes."""
    return _POLICY.format(script="'self'", style=" 'unsafe-inline'", connect=f"'self' {socket}")


def login(core: str, *, user: str = "", error: SwarmError | None = None) -> web.Response:
    """The form to sign in with, and why it did not work."""
    said = _said(error) if error else ""
    focus = ("", " autofocus") if user else (" autofocus", "")
    text = _fill("login", core=core, user=user, focus_user=focus[0], focus_password=focus[1])
    return _page(text.replace("<!-- said -->", said), FORM_POLICY, error)


def told(error: SwarmError) -> web.Response:
    """What is wrong, and a way on."""
    return _page(_fill("told").replace("<!-- said -->", _said(error)), FORM_POLICY, error)


def deck(*, socket: str, user: str, core: str, observing: bool) -> web.Response:
    """The terminal."""
    who = f"{user} (observing)" if observing else user
    return _page(_fill("deck", socket=socket, who=who, core=core), deck_policy(socket))


def file_headers(name: str) -> dict[str, str]:
    """Of a file that jobs or people made: it is kept, and never shown as a page of ours."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name) or "file"
    given = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": given,
        "Content-Security-Policy": _FILE_POLICY,
        "Cache-Control": "no-store",
    }


def _page(text: str, policy: str, error: SwarmError | None = None) -> web.Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    if error is not None and error.retry_after is not None:
        headers["Retry-After"] = f"{error.retry_after:.0f}"
    return web.Response(text=text, content_type="text/html", headers=headers, status=error.status if error else 200)


def _fill(name: str, **words: str) -> str:
    page = Template((_HERE / f"{name}.html").read_text())
    return page.substitute({key: word if key.startswith("focus") else escape(word) for key, word in words.items()})


def _said(error: SwarmError) -> str:
    hint = f" <span>{escape(error.hint)}</span>" if error.hint else ""
    return f'<p class="said" role="alert">{escape(error.message)}{hint}</p>'
