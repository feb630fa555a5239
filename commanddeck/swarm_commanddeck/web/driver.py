"""Textual's driver for a browser, which also ends with the web face."""

import asyncio

from textual import messages
from textual.drivers.web_driver import WebDriver


class DeckDriver(WebDriver):
    """Leaves the deck when nobody is at the other end of the pipe: whoever served it may have been killed."""

    def start_application_mode(self) -> None:
        """Remember the loop, which the thread that reads has to reach."""
        self._deck_loop = asyncio.get_running_loop()
        super().start_application_mode()

    def run_input_thread(self) -> None:
        """Read until there is no more."""
        super().run_input_thread()
        leave = self._app._post_message(messages.ExitApp())
        try:
            asyncio.run_coroutine_threadsafe(leave, self._deck_loop)
        except RuntimeError:  # it has left already
            leave.close()
