"""What is to be said of an image and who uses it, for the command and the deck. Pure."""

from collections.abc import Sequence

from swarm_consumer.models import ImageUse
from swarm_protocol.quantities import show_size


def some(count: int, names: Sequence[str], most: int = 100) -> str:
    """The first names, and how many more there are."""
    shown = names[:most]
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return f"{', '.join(shown)}{more}" if shown else ""


def consequences(found: ImageUse) -> list[str]:
    """What removing an image's tag does, a line each."""
    image, users = found.image, found.used_by
    lines = [f"{show_size(image.own)} are freed, {show_size(image.shared)} are needed by other images"]
    if image.jobs:
        jobs = "1 job has" if image.jobs == 1 else f"{image.jobs} jobs have"
        lines.append(f"it stays until {jobs} ended")
    if users.schedules:
        lines.append(f"schedules find it no more: {some(image.schedules, users.schedules)}")
    return lines
