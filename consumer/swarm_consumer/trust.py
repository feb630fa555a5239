"""TLS pinned on the core's own CA, whatever address is dialled."""

import ssl
from urllib.parse import urlsplit

from swarm_protocol.claims import ca_fingerprint
from swarm_protocol.errors import SwarmError

DEFAULT_PORT = 8443
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def pinned_context(ca_pem: str) -> ssl.SSLContext:
    """A client's context that trusts this CA alone. Raises SwarmError for text that is no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise SwarmError("bad_request", f"that is no CA certificate in PEM: {error}") from None
    return context


def blind_context() -> ssl.SSLContext:
    """Verifies nothing: only for fetching the CA certificate, which is then compared with a fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fingerprint(ca_pem: str) -> str:
    """The fingerprint of a CA certificate: 32 hexadecimal digits. Raises SwarmError."""
    try:
        return ca_fingerprint(ssl.PEM_cert_to_DER_cert(ca_pem.strip()))
    except ValueError as error:
        raise SwarmError("bad_request", f"that is no CA certificate in PEM: {error}") from None


def same_fingerprint(given: str, actual: str) -> bool:
    """Whether a person's text names this fingerprint; colons, case and the full sha256 are allowed."""
    digits = given.replace(":", "").replace(" ", "").lower()
    return len(digits) in (32, 64) and digits[:32] == actual


def normal_url(text: str) -> str:
    """`core`, `core:8443` or `wss://core:8443/` as `https://core:8443`. Raises SwarmError."""
    stripped = text.strip()
    parts = urlsplit(stripped if "://" in stripped else f"https://{stripped}")
    try:
        port = parts.port or DEFAULT_PORT
    except ValueError:
        port = 0
    if parts.scheme not in ("https", "wss") or not parts.hostname or not port or parts.path.strip("/"):
        hint = "write it like https://core.example:8443"
        raise SwarmError("bad_request", f"{text!r} is no address of a core", hint=hint)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}:{port}"


def is_loopback(url: str) -> bool:
    """Whether the address is this machine itself: then no proxy is asked."""
    host = urlsplit(url).hostname or ""
    return host in _LOOPBACK or host.startswith("127.")
