"""Who a person is signed in as: one small file that only they can read.

`$SWARM_HOME/credentials.json` where SWARM_HOME is set, else `swarm/credentials.json` in the folder for a
person's configuration. `swarm up` writes the same file.
"""

import os
import tempfile
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


def remove(path: Path | None = None) -> bool:
    """Forget the sign-in; whether there was one."""
    where = path or default_path()
    try:
        where.unlink()
    except FileNotFoundError:
        return False
    return True
