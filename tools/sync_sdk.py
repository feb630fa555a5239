"""Writes consumer/swarm_consumer/sync.py: the SDK for code without an event loop, method by method from the async one.

`python -m tools.sync_sdk` writes it, `--check` fails where it is not what the async SDK would give.
"""

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1] / "consumer" / "swarm_consumer"
TARGET: Final = PACKAGE / "sync.py"
SOURCES: Final = {
    "cores": ("Cores", "cores"),
    "schedules": ("Schedules", "schedules"),
    "users": ("Users", "users"),
    "projects": ("Projects", "projects"),
    "api_tokens": ("ApiTokens", "tokens"),
    "secrets": ("Secrets", "secrets"),
    "syslog": ("Syslog", "syslog"),
    "settings": ("Settings", "settings"),
    "audit": ("Audit", "audit"),
    "interactions": ("Interactions", "interactions"),
    "mounts": ("Mounts", "mounts"),
    "webhooks": ("Webhooks", "webhooks"),
}
"""Module of each group of verbs: its class, and the name under which a client has it."""
HEAD: Final = '''"""The SDK without `await`: the same verbs, for scripts and notebooks.

Made by `make sync-sdk` from the async one.

    with SyncClient.from_credentials() as client:
        job = client.run(JobSpec(image="busybox", command=["echo", "hello"]))
        print(job.exit_code, client.log_text(job.id))

Work goes on in a thread of its own, which a client has until it is closed. In async code use `Client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from swarm_consumer.client import Client
from swarm_consumer.portal import Portal
'''
CLIENT: Final = '''

class SyncClient:
    """Signed in to one core; use it as a context manager, or call `close`."""

    def __init__(self, client: Client, portal: Portal) -> None:
        self._client = client
        self._portal = portal

    @classmethod
    def from_credentials(cls, path: Path | None = None, *, role: str | None = None) -> SyncClient:
        """As the person who is signed in on this machine, with `role` at most. Raises SwarmError(unauthenticated)."""
        return cls(Client.from_credentials(path, role=role), Portal())

    @classmethod
    def login(cls, url: str, user: str, password: str, *, ca_pem: str, client_name: str = "sdk") -> SyncClient:
        """Sign in with a password at the core whose CA certificate this is. Raises SwarmError."""
        portal = Portal()
        try:
            made = portal.call(Client.login(url, user, password, ca_pem=ca_pem, client_name=client_name))
        except BaseException:
            portal.close()
            raise
        return cls(made, portal)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wait for submits under way, close the connections and end the thread; idempotent."""
        if not self._portal.closed:
            self._portal.call(self._client.close())
            self._portal.close()

    @property
    def credentials(self) -> Credentials:
        """The sign-in as it is now."""
        return self._client.credentials
'''
_BY_HAND: Final = {"close", "credentials", "from_credentials", "login"}
ASYNC_ONLY: Final = {"terminal"}
"""Talks both ways at once, which takes an event loop."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def made() -> str:
    """The text of the module."""
    trees = {name: ast.parse((PACKAGE / f"{name}.py").read_text()) for name in ("client", *SOURCES)}
    groups = [_group(trees[module], name) for module, (name, _) in SOURCES.items()]
    body = [CLIENT.rstrip("\n"), *_methods(_class(trees["client"], "Client"), "_client")]
    body += [_property(name, attribute) for name, attribute in SOURCES.values()]
    text = "\n".join([*groups, *body]) + "\n"
    return HEAD + _imports(trees, text) + text


def _class(tree: ast.Module, name: str) -> ast.ClassDef:
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def _group(tree: ast.Module, name: str) -> str:
    found = _class(tree, name)
    lines = [f"\n\nclass Sync{name}:", f'    """{ast.get_docstring(found)}"""', ""]
    lines += ["    def __init__(self, portal: Portal, verbs: " + name + ") -> None:"]
    lines += ["        self._portal = portal", "        self._verbs = verbs"]
    return "\n".join([*lines, *_methods(found, "_verbs")])


def _methods(found: ast.ClassDef, inner: str) -> list[str]:
    functions = [node for node in found.body if isinstance(node, Function)]
    public = [node for node in functions if not node.name.startswith("_") and node.name not in _BY_HAND | ASYNC_ONLY]
    return [_method(node, inner) for node in public if not _is_property(node)]


def _is_property(node: Function) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "property" for each in node.decorator_list)


def _method(node: Function, inner: str) -> str:
    _unquote(node)
    returns = ast.unparse(node.returns) if node.returns else "None"
    streams = returns.startswith("AsyncIterator")
    way = "iterate" if streams else "call"
    call = f"self._portal.{way}(self.{inner}.{node.name}({_passed(node.args)}))"
    lines = [
        "",
        f"    def {node.name}({ast.unparse(node.args)}) -> {returns.removeprefix('Async')}:",
        _docstring(node),
        f"        {'return ' if returns != 'None' else ''}{call}",
    ]
    return "\n".join(lines)


def _unquote(node: Function) -> None:
    """Annotations as they are, not as text."""
    for each in (*node.args.args, *node.args.kwonlyargs):
        each.annotation = _parsed(each.annotation)
    node.returns = _parsed(node.returns)


def _parsed(annotation: ast.expr | None) -> ast.expr | None:
    class Unquoted(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.expr:
            return ast.parse(node.value, mode="eval").body if isinstance(node.value, str) else node

    found: ast.expr | None = None if annotation is None else Unquoted().visit(annotation)
    return found


def _docstring(node: Function) -> str:
    text = ast.get_docstring(node) or ""
    lines = text.splitlines()
    if len(lines) == 1:
        return f'        """{text}"""'
    inner = [f"        {line}".rstrip() for line in lines[1:]]
    return "\n".join([f'        """{lines[0]}', *inner, '        """'])


def _passed(args: ast.arguments) -> str:
    by_place = [each.arg for each in args.args[1:]]
    by_name = [f"{each.arg}={each.arg}" for each in args.kwonlyargs]
    return ", ".join([*by_place, *by_name])


def _property(name: str, attribute: str) -> str:
    return f'''
    @property
    def {attribute}(self) -> Sync{name}:
        """The verbs of `Client.{attribute}`."""
        return Sync{name}(self._portal, self._client.{attribute})'''


def _imports(trees: Mapping[str, ast.Module], text: str) -> str:
    """Under TYPE_CHECKING, what the signatures name."""
    known: dict[str, str] = {"Iterator": "collections.abc", "Path": "pathlib", "TracebackType": "types"}
    for name, tree in trees.items():
        known |= {node.name: f"swarm_consumer.{name}" for node in tree.body if isinstance(node, ast.ClassDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                known |= {each.name: node.module for each in node.names}
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} & set(known)
    own = {"Client", "Portal", "Self", "TYPE_CHECKING"}
    by_module: dict[str, list[str]] = {}
    for each in sorted(used - own):
        by_module.setdefault(known[each], []).append(each)
    lines = [f"    from {module} import {', '.join(names)}" for module, names in sorted(by_module.items())]
    return "\nif TYPE_CHECKING:\n" + "\n".join(lines)


def formatted(text: str) -> str:
    """Laid out as all of the code."""
    words = [sys.executable, "-m", "ruff"]
    for more in (["check", "--fix", "--quiet", "--select", "I"], ["format", "--quiet"]):
        command = [*words, *more, "--stdin-filename", str(TARGET), "-"]
        text = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout
    return text


def main() -> None:
    """Write or check."""
    text = formatted(made())
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
    elif TARGET.read_text() != text:
        sys.exit("consumer/swarm_consumer/sync.py is not what the async SDK gives: run `make sync-sdk`")


if __name__ == "__main__":
    main()
