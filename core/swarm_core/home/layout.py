"""The folders of a home.

    with SWARM_HOME                 without (XDG)
    $SWARM_HOME/                    ~/.config/swarm/        credentials.json, home.json
    $SWARM_HOME/state/              ~/.local/state/swarm/   lock, supervisor.json, core.pid, worker.pid, logs/
    $SWARM_HOME/data/  or --data    ~/.local/share/swarm/   postgres/, valkey/, blobs/, seal.key, admin-password
    $SWARM_HOME/worker/             ~/.local/share/swarm/worker/

Two homes share nothing. `--data` moves the servers' data only, and is remembered in home.json.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import platformdirs

from swarm_core.home.folder import write_secret
from swarm_protocol.errors import SwarmError


class Remembered(msgspec.Struct, omit_defaults=True):
    """home.json: what a person chose once."""

    data: str | None = None
    port: int | None = None
    """The core's, so that the address people signed in at stays the same."""


@dataclass(frozen=True)
class Home:
    """Where everything of one `swarm up` lies; makes nothing by itself."""

    config: Path
    state: Path
    data: Path
    worker: Path

    @property
    def credentials(self) -> Path:
        """The sign-in that the `swarm` command reads."""
        return self.config / "credentials.json"

    @property
    def settings(self) -> Path:
        return self.config / "home.json"

    @property
    def lock(self) -> Path:
        """Held (flock) by the supervisor as long as it runs."""
        return self.state / "lock"

    @property
    def report(self) -> Path:
        """What the supervisor says of itself and its children, for `status` and `down`."""
        return self.state / "supervisor.json"

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def valkey(self) -> Path:
        return self.data / "valkey"

    @property
    def blobs(self) -> Path:
        return self.data / "blobs"

    @property
    def seal_key(self) -> Path:
        """Opens the secrets in the database: it belongs with the data."""
        return self.data / "seal.key"

    @property
    def admin_password(self) -> Path:
        return self.data / "admin-password"

    def log(self, role: str) -> Path:
        """Log of the supervisor, the core or the worker (the servers keep theirs beside their data)."""
        return self.state / "logs" / f"{role}.log"

    def pid_file(self, role: str) -> Path:
        return self.state / f"{role}.pid"

    def make_state(self) -> None:
        """Make what a supervisor needs before it holds the lock."""
        for folder in (self.config, self.state, self.state / "logs"):
            make_folder(folder)

    def make(self) -> None:
        """Make the folders that are missing. Those above a server's data let other uids pass when we are root."""
        self.make_state()
        for folder in (self.data, self.blobs, self.worker.parent):
            make_folder(folder)

    def remembered(self) -> Remembered:
        """Raises SwarmError for a file that is none of ours."""
        try:
            return msgspec.json.decode(self.settings.read_bytes(), type=Remembered)
        except FileNotFoundError:
            return Remembered()
        except msgspec.DecodeError as error:
            raise SwarmError(
                "bad_request", f"{self.settings} cannot be read: {error}", hint="correct it or remove it"
            ) from None

    def remember(self, **changed: str | int) -> None:
        """Write down what was chosen."""
        old = self.remembered()
        new = msgspec.structs.replace(old, **changed)
        if new != old:
            write_secret(self.settings, msgspec.json.format(msgspec.json.encode(new)).decode() + "\n")

    def with_data(self, chosen: Path | None) -> "Home":
        """The same home with the data folder of `--data`, else the one chosen before, else its own."""
        path = chosen.absolute() if chosen else self.remembered().data
        return replace(self, data=Path(path)) if path else self


def find_home(env: Mapping[str, str] | None = None) -> Home:
    """The home that SWARM_HOME names, else the person's own."""
    env = os.environ if env is None else env
    if given := env.get("SWARM_HOME"):
        root = Path(given).absolute()
        return Home(root, root / "state", root / "data", root / "worker")
    data = platformdirs.user_data_path("swarm")
    return Home(platformdirs.user_config_path("swarm"), platformdirs.user_state_path("swarm"), data, data / "worker")


def make_folder(folder: Path) -> None:
    """Make a folder for us alone; root lets others pass through, but not look: its servers have another uid."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
