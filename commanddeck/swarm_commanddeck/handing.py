"""Text into a person's hands: a file on the machine that the deck runs on, or through a browser a download."""

from io import StringIO

from textual.app import App

from swarm_commanddeck.save_text import file_of, save_text


async def hand_over(app: App[None], name: str, text: str) -> str:
    """Where it is now, in words. Raises SwarmError."""
    if not app.is_web:
        return str(await save_text(file_of(name), text))
    app.deliver_text(StringIO(text), save_filename=file_of(name).name)
    return "your downloads"
