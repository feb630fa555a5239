"""Which of a job's files go where, and how far they are."""

import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from glob import escape
from pathlib import Path
from typing import BinaryIO, cast

from swarm_consumer.cli.text import clean
from swarm_consumer.models import Artifact
from swarm_protocol.filenames import shown, to_bytes
from swarm_protocol.quantities import show_size


def globs_of(files: Sequence[Artifact]) -> list[str]:
    """What `fetch` takes, for exactly these."""
    return [escape(file.name) for file in files]


def in_words(files: Sequence[Artifact]) -> str:
    """`3 files, 12M`."""
    count = f"{len(files)} {'file' if len(files) == 1 else 'files'}"
    return f"{count}, {show_size(sum(file.size for file in files))}"


def there_already(folder: Path, files: Sequence[Artifact]) -> list[str]:
    """Names of those that something of the same name in the folder stands for already."""
    return [file.name for file in files if os.path.lexists(folder / os.fsdecode(to_bytes(file.name)))]


def mode_text(mode: int) -> str:
    """`rwxr-x---`."""
    return "".join(sign if mode >> (8 - at) & 1 else "-" for at, sign in enumerate("rwxrwxrwx"))


def name_text(name: str) -> str:
    """A file's name on one line."""
    return clean(shown(name))


class Travel:
    """How far a download is; told by the SDK, in words for people."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self.total = self.done = 0

    def begin(self, label: str, total: int) -> None:
        """So many bytes are to come."""
        self.total = total
        self._told()

    def advance(self, count: int) -> None:
        """So many more are here."""
        self.done += count
        self._told()

    def text(self, width: int = 20) -> str:
        """`████░░░░ 12M of 40M`."""
        share = min(1.0, self.done / self.total) if self.total else 0.0
        full = int(share * width + 1e-6)
        return f"{'█' * full}{'░' * (width - full)} {show_size(self.done)} of {show_size(self.total)}"


def folder_of(text: str) -> Path:
    """A folder as a person writes it."""
    return Path(text.strip()).expanduser()


def as_one(folder: Path) -> BinaryIO:
    """The one file of a folder, or all of them as an archive: what a browser is given (blocking).

    It is open, and can be read when the folder is gone.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(paths) == 1:
        return paths[0].open("rb")
    packed = tempfile.TemporaryFile(prefix="swarm-deck-")  # noqa: SIM115  # whoever gets it closes it
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            archive.write(path, path.relative_to(folder))
    packed.seek(0)
    return cast(BinaryIO, packed)
