"""The stage behind the web face: a sign-in that anybody has, and the staged deck as a program."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from swarm_commanddeck.web import handed
from swarm_commanddeck.web.confine import confine
from swarm_commanddeck.web.guests import Guests
from swarm_commanddeck.web.sessions import Session
from swarm_consumer.credentials import Credentials
from tools.stage.world import CA_PEM, staged

CORE: Final = "https://core.example.org:8443"
_ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = (
    *(sys.executable, "-c"),
    f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from tools.stage.browser import main; main()",
)
"""The staged deck, from whatever folder."""


class StagedGuests(Guests):
    """Lets everybody in, and asks no core."""

    def __init__(self) -> None:
        super().__init__(CORE, CA_PEM, time.monotonic)

    async def enter(self, user: str, password: str) -> Session:
        """As whoever they say they are."""
        credentials = Credentials(url=CORE, user=user, ca_pem=CA_PEM, refresh_token="")
        return self.sessions.begin(credentials, Path(tempfile.mkdtemp(prefix="swarm-stage-")))[0]

    async def welcome(self, session: Session) -> bool:
        """They are."""
        return True

    async def _sign_out(self, session: Session) -> None:
        """There is nowhere to."""


def main() -> None:
    """The program."""
    handed.taken()
    confine(Path.cwd())
    staged().run()
