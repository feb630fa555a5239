"""How this machine's package clients reach their registries, read when it is needed and never kept: certificates,
proxies, apt's sources, pip's configuration. What names files of this machine alone is left out."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_NAMES = re.compile(
    r"^(https?|ftp|no|all)_proxy$|^PIP_|_CA_BUNDLE$|_CERT$|^SSL_CERT_FILE$|^SSL_CERT_DIR$", re.IGNORECASE
)
_LOCAL = re.compile(r"find[-_]links|file:", re.IGNORECASE)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that package clients read."""
    return {
        name: value
        for name, value in environ.items()
        if _NAMES.search(name) and not _LOCAL.search(name) and not _LOCAL.search(value)
    }


def pip_configuration(lines: Iterable[str]) -> str:
    """A pip.conf from the lines of `pip config list`, such as `global.cert='…'`; variables are handed on as such."""
    sections: dict[str, list[str]] = {}
    for line in lines:
        found = re.fullmatch(r"([\w-]+)\.([\w.-]+)='(.*)'", line.strip())
        if found and found[1] != ":env:" and not _LOCAL.search(line):
            value = found[3].replace("\\n", "\n    ")
            sections.setdefault(found[1], []).append(f"{found[2]} = {value}")
    return "\n".join(f"[{name}]\n" + "\n".join(entries) + "\n" for name, entries in sections.items())


def hand_over(root: Path) -> None:
    """Write all of it into another root folder."""
    for file in ("/etc/resolv.conf", "/etc/hosts", str(CERTIFICATES)):
        _copy(Path(file), root)
    _apt(root)
    told = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    (root / "etc/pip.conf").write_text(pip_configuration(told.stdout.splitlines()))


def _apt(root: Path) -> None:
    folder = Path("/etc/apt")
    # The list that came with the root would be read beside the machine's own.
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    sources = [folder / "sources.list", *folder.glob("sources.list.d/*.list"), *folder.glob("sources.list.d/*.sources")]
    settings = [file for file in folder.glob("apt.conf.d/*") if "Acquire::" in file.read_text(errors="replace")]
    keys = [*folder.glob("trusted.gpg.d/*"), *Path("/usr/share/keyrings").glob("*")]
    for file in (*sources, *settings, *keys):
        _copy(file, root)


def _copy(file: Path, root: Path) -> None:
    target = root / file.relative_to("/")
    if file.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(os.path.realpath(file), target)
