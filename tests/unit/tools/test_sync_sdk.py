"""The SDK without await is made from the async one."""

import ast
import inspect

from swarm_consumer import Client, SyncClient
from tools import sync_sdk


def test_it_is_what_the_async_one_gives() -> None:
    assert sync_sdk.TARGET.read_text() == sync_sdk.formatted(sync_sdk.made()), "run `make sync-sdk`"


def test_it_has_every_verb_and_awaits_nothing() -> None:
    public = {name for name, _ in inspect.getmembers(Client) if not name.startswith("_")}
    assert public - sync_sdk.ASYNC_ONLY == {
        name for name, _ in inspect.getmembers(SyncClient) if not name.startswith("_")
    }
    tree = ast.parse(sync_sdk.TARGET.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]
