"""Mail of a job's end, in plain text, through an SMTP server."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from swarm_core.notice.aside import aside
from swarm_core.notice.outcome import Outcome, one_line
from swarm_core.notice.payload import Ended, Told
from swarm_core.notice.settings import Mail
from swarm_protocol.notice import is_address

_NAME: Final = 80
_IN_ALL: Final = 3
"""A mail may take so many times what one answer of the server may."""
_PERMANENT: Final = range(500, 600)


class Mailer:
    """Sends mail; how much at once is the courier's to bound."""

    def __init__(self, mail: Mail, trust: Callable[[], ssl.SSLContext], *, timeout: Callable[[], float]) -> None:
        """`trust` makes a fresh context; `timeout`: seconds that the server may take for each of its answers."""
        self._mail = mail
        self._trust = trust
        self._timeout = timeout

    async def send(self, to: str, told: Told, delivery: str) -> Outcome:
        """One try."""
        message = compose(told, to=to, sender=self._mail.sender, delivery=delivery)
        try:
            async with asyncio.timeout(self._timeout() * _IN_ALL):
                return await aside(lambda: self._send(message, to))
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            return _refused(code, text, final=code in _PERMANENT)
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code, error.smtp_error, final=False)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            return Outcome(error=f"the mail server {self._mail.host}: {one_line(str(error)) or type(error).__name__}")

    def _send(self, message: EmailMessage, to: str) -> Outcome:
        with self._connect() as server:
            if self._mail.password_file is not None:
                server.login(self._mail.user, self._mail.password_file.read_text("utf-8").rstrip("\r\n"))
            server.send_message(message, self._mail.sender, [to])
        return Outcome(ok=True, status=250)

    def _connect(self) -> smtplib.SMTP:
        mail = self._mail
        if mail.tls == "tls":
            return smtplib.SMTP_SSL(mail.host, mail.port, timeout=self._timeout(), context=self._trust())
        server = smtplib.SMTP(mail.host, mail.port, timeout=self._timeout())
        if mail.tls == "starttls":
            try:
                server.starttls(context=self._trust())
            except BaseException:
                server.close()
                raise
        return server


def _refused(code: int, text: bytes | str, *, final: bool) -> Outcome:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return Outcome(status=code, error=f"the mail server answered {code}: {one_line(said, 200)}", final=final)


def compose(told: Told, *, to: str, sender: str, delivery: str) -> EmailMessage:
    """The mail; the same one, by its Message-ID, in every try. Raises ValueError for an address that is none."""
    if not is_address(to):
        raise ValueError(f"{to[:80]!r} is no mail address")
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject(told)
    message["Date"] = format_datetime(told.timestamp)
    message["Message-ID"] = f"<{delivery}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(told), cte="quoted-printable")
    return message


def subject(told: Told) -> str:
    """`[swarm] job 42 train failed (exit 1)`."""
    job = told.job
    if job is None:
        return "[swarm] a test"
    name = f" {one_line(job.name, _NAME)}" if job.name else ""
    return f"[swarm] job {job.id}{name} {job.state}{_why(job)}"


def _why(job: Ended) -> str:
    if job.exit_code:
        return f" (exit {job.exit_code})"
    return f" ({job.failure})" if job.failure and job.failure != job.state else ""


def text(told: Told) -> str:
    """What stands in the mail."""
    job = told.job
    if job is None:
        return "Mail from swarm arrives here.\n"
    pairs = (
        ("job", f"{job.id}{f'  {job.name}' if job.name else ''}"),
        ("project", job.project),
        ("state", job.state),
        ("exit code", "" if job.exit_code is None else str(job.exit_code)),
        ("failure", job.failure or ""),
        ("why", job.message),
        ("attempt", str(job.attempt)),
        ("image", job.image),
        ("tags", ", ".join(job.tags)),
        ("user", job.user or ""),
        ("worker", job.worker or ""),
        ("schedule", job.schedule or ""),
        ("created", f"{job.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("started", f"{job.started_at:%Y-%m-%d %H:%M:%S} UTC" if job.started_at else ""),
        ("ended", f"{job.ended_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("see", told.links.job if told.links else ""),
    )
    lines = [f"{key:<10} {one_line(value, 1000)}" for key, value in pairs if value]
    return "\n".join([*lines, "", f"swarm show {job.id}", f"swarm logs {job.id}", ""])
