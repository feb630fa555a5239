"""Mounts that operators named: what the core said of them, which of them this machine offers, and what a job gets."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from uuid import UUID

from swarm_protocol.messages import Mount, MountGrant
from swarm_protocol.needs import MountUse
from swarm_protocol.states import FailureKind
from swarm_worker.aside import aside
from swarm_worker.failures import AttemptFailed
from swarm_worker.folders import Folders, NotMountable, Way, is_within

_LOOK_SECONDS: Final = 20.0
"""Looking at folders: a share whose server is away may hang."""
_NO_ANSWER: Final = f"folders of this machine did not answer in {_LOOK_SECONDS:g} s: is a share's server away?"
_TOLD_SECONDS: Final = 60.0
"""From a welcome on until the core must have said which mounts there are."""


@dataclass(frozen=True)
class Bound:
    """A folder as it is mounted."""

    name: str
    source: str
    """Without any link."""
    read_only: bool


@dataclass(frozen=True)
class Given:
    """What an attempt gets of mounts."""

    bounds: tuple[Bound, ...] = ()
    user: str = ""
    """`uid:gid` that its container runs as; empty: as any other."""


NONE_GIVEN: Final = Given()


class Mounts:
    """The mounts of one worker."""

    def __init__(self, folders: Callable[[], Folders], uid: Callable[[], int] = os.getuid) -> None:
        """`folders`: what may be mounted, as it is now; it looks at the disk."""
        self._folders = folders
        self._uid = uid
        self._known: dict[str, Mount] = {}
        self._told = asyncio.Event()
        self._looking = False
        """One that was given up may still hang: no other is begun beside it."""

    def told(self, mounts: Sequence[Mount]) -> None:
        """The core says which there are."""
        self._known = {mount.name: mount for mount in mounts}
        self._told.set()

    async def offered(self) -> tuple[list[str], dict[str, str]]:
        """Names of those that can be offered now, and why others can't. None while a folder does not answer."""
        if self._looking:
            return [], dict.fromkeys(self._known, _NO_ANSWER)
        try:
            return await aside(self._look, _LOOK_SECONDS)
        except TimeoutError:
            return [], dict.fromkeys(self._known, _NO_ANSWER)

    async def give(self, project: UUID, uses: Sequence[MountUse]) -> Given:
        """What a project's job gets, as things are now. Raises AttemptFailed."""
        if not uses:
            return NONE_GIVEN
        try:
            async with asyncio.timeout(_TOLD_SECONDS):
                await self._told.wait()
        except TimeoutError:
            text = "the core did not say which mounts there are; upgrade it"
            raise AttemptFailed(FailureKind.CREATE_FAILED, text) from None
        try:
            return await aside(lambda: self._give(project, uses), _LOOK_SECONDS)
        except TimeoutError:
            raise AttemptFailed(FailureKind.CREATE_FAILED, f"its mounts: {_NO_ANSWER}") from None

    # In threads: these look at the disk ------------------------------------------------------------------

    def _look(self) -> tuple[list[str], dict[str, str]]:
        self._looking = True
        try:
            offered, why = [], dict[str, str]()
            known = dict(self._known)
            look = _Look(self._folders(), known, self._uid())
            for name, mount in known.items():
                try:
                    look.find(mount, mount.grants)
                    offered.append(name)
                except NotMountable as error:
                    why[name] = str(error)
            return offered, why
        finally:
            self._looking = False

    def _give(self, project: UUID, uses: Sequence[MountUse]) -> Given:
        known = dict(self._known)
        look = _Look(self._folders(), known, self._uid())
        bounds, users = [], set[str]()
        for use in uses:
            mount = known.get(use.name)
            grant = next((g for g in mount.grants if g.project == project), None) if mount is not None else None
            if mount is None or grant is None:
                text = f"its project may use no mount called {use.name} any more; see `swarm mount list`"
                raise AttemptFailed(FailureKind.INVALID, text)
            try:
                way = look.find(mount, [grant])
            except NotMountable as error:
                text = f"the mount {use.name} is not offered: {error}"
                raise AttemptFailed(FailureKind.CREATE_FAILED, text) from None
            bounds.append(Bound(use.name, str(way.end), mount.read_only or use.read_only))
            users |= {f"{grant.uid}:{grant.gid}"} if grant.uid is not None else set()
        if len(users) > 1:
            raise AttemptFailed(FailureKind.INVALID, "its mounts have it run as different users; use one of them")
        return Given(tuple(bounds), "".join(users))


class _Look:
    """One look at all mounts: where those lead that jobs may write to is found out once."""

    def __init__(self, folders: Folders, known: Mapping[str, Mount], uid: int) -> None:
        self._folders = folders
        self._uid = uid
        self._writable = {name: self._end(mount) for name, mount in known.items() if not mount.read_only}

    def find(self, mount: Mount, grants: Sequence[MountGrant]) -> Way:
        """Where it is. Raises NotMountable."""
        if self._uid != 0 and any(grant.uid not in (None, self._uid) for grant in grants):
            raise NotMountable("it is mapped to another user, and this worker is not root: it runs jobs as itself")
        way = self._folders.find(mount.path)
        for name, end in self._writable.items():
            if name != mount.name and end is not None and any(is_within(step, end) for step in way.through):
                raise NotMountable(f"{mount.path} is in the mount {name}, where jobs could lead it elsewhere")
        return way

    def _end(self, mount: Mount) -> PurePosixPath | None:
        try:
            return self._folders.find(mount.path).end
        except NotMountable:
            return None
