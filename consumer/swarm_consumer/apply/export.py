"""What a core has, as files that `apply` finds equal. Secrets are named in jobs and never written."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from swarm_consumer.apply.items import Item
from swarm_consumer.apply.kinds import BY_NAME
from swarm_protocol.errors import SwarmError

_OF_SWARM: Final = "_swarm"
"""The folder of what belongs to no project; none can be called so."""


def yaml_of(item: Item) -> str:
    """One document."""
    import yaml

    document = BY_NAME[item.kind].write(item)
    written: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return written


def stream_of(items: Iterable[Item]) -> str:
    """All of them as one stream of documents."""
    return "---\n".join(yaml_of(item) for item in items)


def file_of(item: Item) -> Path:
    """Where an item goes: `lab/project.yaml`, `lab/schedules/nightly.yaml`, `_swarm/mounts/data.yaml`."""
    if item.name == item.project:
        return Path(item.project, f"{item.kind}.yaml")
    return Path(item.project or _OF_SWARM, f"{item.kind}s", f"{item.name}.yaml")


def write_files(items: Iterable[Item], folder: Path) -> list[Path]:
    """A file for each, over one of the same name. Raises SwarmError."""
    written: list[Path] = []
    for item in items:
        path = folder / file_of(item)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml_of(item), "utf-8")
        except OSError as error:
            raise SwarmError("bad_request", f"can't write {path}: {error.strerror}") from None
        written.append(path)
    return written
