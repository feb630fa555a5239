"""Who a person is signed in as: one small file that only they can read.

`$SWARM_HOME/credentials.json` where SWARM_HOME is set, else `swarm/credentials.json` in the folder for a
person's configuration. `swarm up` writes the same file.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from swarm_protocol.errors import SwarmError

SIGN_IN_HINT = "start a core on this machine with `swarm up`, or sign in to one with `swarm login URL`"


class Credentials(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A sign-in at one core."""

    url: str
    """`https://host:port`, without a path."""
    user: str
    ca_pem: str
    """The core's CA certificate, the only one that is trusted."""
    refresh_token: str
    access_token: str | None = None
    expires_at: float | None = None
    """When the access token runs out, in seconds since the epoch."""
    project: str | None = None
    """The project that requests are about; None: the person's own. SWARM_PROJECT counts first."""

    def __repr__(self) -> str:
        return f"Credentials(url={self.url!r}, user={self.user!r}, …)"


def default_path() -> Path:
    """Where the credentials of this person are kept."""
    home = os.environ.get("SWARM_HOME")
    if home:
        return Path(home) / "credentials.json"
    import platformdirs

    return Path(platformdirs.user_config_dir("swarm")) / "credentials.json"


def load(path: Path | None = None) -> Credentials:
    """The API token in SWARM_TOKEN or SWARM_TOKEN_FILE, else the saved sign-in. Raises SwarmError(unauthenticated)."""
    token = _given_token()
    return _of_token(token, path) if token else load_saved(path)


def _given_token() -> str:
    file = os.environ.get("SWARM_TOKEN_FILE")
    if "SWARM_TOKEN" in os.environ or not file:
        return os.environ.get("SWARM_TOKEN", "").strip()
    return _read(file, "SWARM_TOKEN_FILE").strip()


def _of_token(token: str, path: Path | None) -> Credentials:
    """A program's sign-in; address and CA come from SWARM_URL and SWARM_CA_FILE, else from the saved one."""
    url, ca_file = os.environ.get("SWARM_URL"), os.environ.get("SWARM_CA_FILE")
    if bool(url) != bool(ca_file):
        missing = "SWARM_CA_FILE" if url else "SWARM_URL"
        hint = "`swarm core ca` prints the certificate" if url else None
        raise SwarmError("unauthenticated", f"SWARM_TOKEN needs {missing} too", hint=hint)
    if url and ca_file:
        where, ca_pem = url.rstrip("/"), _read(ca_file, "SWARM_CA_FILE")
    else:
        saved = load_saved(path)
        where, ca_pem = saved.url, saved.ca_pem
    return Credentials(
        url=where, user="SWARM_TOKEN", ca_pem=ca_pem, refresh_token="", access_token=token, expires_at=float("inf")
    )


def _read(file: str, name: str) -> str:
    try:
        return Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SwarmError("unauthenticated", f"{name}: can't read {file}: {error}") from None


def load_saved(path: Path | None = None) -> Credentials:
    """The saved sign-in. Raises SwarmError(unauthenticated) where there is none or it can't be read."""
    where = path or default_path()
    try:
        return msgspec.json.decode(where.read_bytes(), type=Credentials)
    except FileNotFoundError:
        raise SwarmError("unauthenticated", "you are not signed in", hint=SIGN_IN_HINT) from None
    except OSError as error:
        raise SwarmError("unauthenticated", f"can't read {where}: {error.strerror}", hint=SIGN_IN_HINT) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{where} is no sign-in: {error}"
        raise SwarmError("unauthenticated", message, hint="sign in again with `swarm login URL`") from None


def save(credentials: Credentials, path: Path | None = None) -> Path:
    """Write the sign-in with mode 0600, whole or not at all; returns where. Raises OSError."""
    where = path or default_path()
    where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=where.parent, prefix=".credentials-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(credentials)) + b"\n")
        os.replace(name, where)
    except BaseException:
        os.unlink(name)
        raise
    return where


def keep(renewed: Credentials, path: Path | None = None) -> None:
    """Save a renewed access token where its sign-in is still the saved one: a client that runs all day would else bring
    back one that was left since. A folder that can't be written to costs a renewal each time, no more.
    """
    with suppress(SwarmError, OSError):
        if load_saved(path).refresh_token == renewed.refresh_token:
            save(renewed, path)


def remove(path: Path | None = None) -> bool:
    """Forget the sign-in; whether there was one."""
    where = path or default_path()
    try:
        where.unlink()
    except FileNotFoundError:
        return False
    return True
