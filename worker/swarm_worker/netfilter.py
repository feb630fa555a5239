"""iptables, as a program: what it is told, and what it answers."""

import asyncio
import os
import shutil
from typing import Final

_DEADLINE: Final = 15.0
_LOCK: Final = ("-w", "5")
"""Seconds that it waits for others who change rules."""
_PATH: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


class NetfilterError(Exception):
    """Rules that could not be set or read; the message says why."""


async def listing(chain: str) -> str:
    """The rules of a chain, as iptables writes them. Raises NetfilterError."""
    return await _run("iptables", *_LOCK, "-S", chain)


async def restore(text: str) -> None:
    """Change rules, all at once or not at all. Raises NetfilterError."""
    await _run("iptables-restore", *_LOCK, "--noflush", given=text)


async def run(*words: str) -> None:
    """One command. Raises NetfilterError."""
    await _run("iptables", *_LOCK, *words)


async def _run(program: str, *words: str, given: str = "") -> str:
    found = shutil.which(program, path=_PATH)
    if found is None:
        raise NetfilterError(f"there is no {program} on this machine; install the package iptables")
    if os.geteuid() != 0:
        raise NetfilterError("the worker is not root, so it can't set packet filter rules")
    process = await asyncio.create_subprocess_exec(
        found,
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C", "PATH": _PATH},
    )
    try:
        async with asyncio.timeout(_DEADLINE):
            out, err = await process.communicate(given.encode())
    except TimeoutError:
        raise NetfilterError(f"{program} did not answer in {_DEADLINE:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        why = err.decode(errors="replace").strip().partition("\n")[0]
        raise NetfilterError(f"{program} {' '.join(words[2:])}: {why}")
    return out.decode(errors="replace")
