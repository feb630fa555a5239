"""What a core is told of notices at start: where webhooks may go, and through which server mail is sent."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from swarm_core.notice.patience import Patience
from swarm_core.notice.targets import Allowed, parse_allowed
from swarm_protocol.errors import SwarmError
from swarm_protocol.notice import is_address

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
Seconds = Callable[[Mapping[str, str], str, float], float]
"""Reads a duration of a variable, with a default. Raises SwarmError."""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """An SMTP server."""

    host: str
    port: int
    tls: str = "starttls"
    """`starttls`, `tls`, or `none`: in the clear."""
    user: str = ""
    password_file: Path | None = None
    """Read for each connection, so that another password needs no restart."""
    sender: str
    domains: frozenset[str] = frozenset()
    """Domains that mail may go to; none: all."""


@dataclass(frozen=True, kw_only=True)
class NoticeSettings:
    """All about notices."""

    allowed: Allowed = field(default_factory=Allowed)
    ca_file: Path | None = None
    """Further CAs, for receivers and mail servers of one's own."""
    public_url: str = ""
    """Where people reach this core; links in notices begin with it."""
    timeout: float = 15.0
    """Seconds for one try in all."""
    patience: Patience = field(default_factory=Patience)
    mail: Mail | None = None

    def trust(self) -> ssl.SSLContext:
        """Whose certificates are believed. Raises SwarmError where the file is none."""
        context = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise SwarmError("bad_request", f"SWARM_NOTIFY_CA_FILE: can't use {self.ca_file}: {error}") from None
        return context


def from_environment(env: Mapping[str, str], seconds: Seconds) -> NoticeSettings:
    """Settings of SWARM_NOTIFY_…, SWARM_SMTP_… and SWARM_MAIL_…. Raises SwarmError naming a wrong one."""
    usual = Patience()
    ca_file = env.get("SWARM_NOTIFY_CA_FILE")
    return NoticeSettings(
        allowed=parse_allowed(env.get("SWARM_NOTIFY_ALLOW", "")),
        ca_file=Path(ca_file) if ca_file else None,
        public_url=_public_url(env.get("SWARM_PUBLIC_URL", "")),
        timeout=seconds(env, "SWARM_NOTIFY_TIMEOUT", 15.0) or 15.0,
        patience=Patience(
            first=seconds(env, "SWARM_NOTIFY_FIRST_PAUSE", usual.first),
            most=seconds(env, "SWARM_NOTIFY_LONGEST_PAUSE", usual.most),
            give_up=seconds(env, "SWARM_NOTIFY_GIVE_UP", usual.give_up),
        ),
        mail=_mail(env) if env.get("SWARM_SMTP_HOST") else None,
    )


def _public_url(text: str) -> str:
    if text and not text.startswith("https://"):
        raise SwarmError("bad_request", f"SWARM_PUBLIC_URL={text!r} is no https:// address")
    return text


def _mail(env: Mapping[str, str]) -> Mail:
    tls = env.get("SWARM_SMTP_TLS", "starttls")
    if tls not in _PORTS:
        raise SwarmError("bad_request", f"SWARM_SMTP_TLS={tls!r} is none of {', '.join(_PORTS)}")
    port = env.get("SWARM_SMTP_PORT", "") or str(_PORTS[tls])
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise SwarmError("bad_request", f"SWARM_SMTP_PORT={port!r} is no port")
    sender = env.get("SWARM_MAIL_FROM", "")
    if not is_address(sender):
        message = f"SWARM_MAIL_FROM={sender!r} is no mail address"
        raise SwarmError("bad_request", message, hint="with SWARM_SMTP_HOST, say whom mail is from: swarm@example.org")
    user, password = env.get("SWARM_SMTP_USER", ""), env.get("SWARM_SMTP_PASSWORD_FILE")
    if bool(user) != bool(password):
        raise SwarmError("bad_request", "SWARM_SMTP_USER and SWARM_SMTP_PASSWORD_FILE go together")
    if password and tls == "none":
        message = "a password is not sent to a mail server in the clear"
        raise SwarmError("bad_request", message, hint="set SWARM_SMTP_TLS to starttls or tls, or leave the user out")
    domains = frozenset(filter(None, (part.strip().lower() for part in env.get("SWARM_MAIL_DOMAINS", "").split(","))))
    return Mail(
        host=env["SWARM_SMTP_HOST"],
        port=int(port),
        tls=tls,
        user=user,
        password_file=Path(password) if password else None,
        sender=sender,
        domains=domains,
    )


def check_mail(mail: Mail | None, address: str, field: str) -> None:
    """Whether mail can go to an address from here. Raises SwarmError(invalid_spec)."""
    if mail is None:
        hint = "an operator of the core names a mail server: SWARM_SMTP_HOST, SWARM_MAIL_FROM"
        raise _refused("this core sends no mail", hint, field)
    domain = address.rpartition("@")[2].lower()
    if mail.domains and domain not in mail.domains:
        hint = f"it goes to {', '.join(sorted(mail.domains))} (SWARM_MAIL_DOMAINS)"
        raise _refused(f"this core sends no mail to {domain}", hint, field)


def _refused(message: str, hint: str, field: str) -> SwarmError:
    errors = [{"field": field, "message": message}]
    return SwarmError("invalid_spec", f"{field}: {message}", hint=hint, field=field, errors=errors)
