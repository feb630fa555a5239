"""Sealed secrets: only the same key under the same name opens one."""

import base64
from pathlib import Path

import pytest

from swarm_core.identity.seal import Sealer, read_seal_key
from swarm_core.store.keys import Sealed
from swarm_protocol.errors import SwarmError

KEY = bytes(range(32))


def test_the_same_key_opens_it() -> None:
    sealed = Sealer(KEY).seal("ca", b"secret")
    assert b"secret" not in sealed.ciphertext
    assert Sealer(KEY).open("ca", sealed) == b"secret"
    assert Sealer(KEY).seal("ca", b"secret") != sealed


@pytest.mark.parametrize("how", ["key", "name", "bytes"])
def test_anything_else_says_what_to_do(how: str) -> None:
    sealed = Sealer(KEY).seal("ca", b"secret")
    if how == "bytes":
        sealed = Sealed(sealed.nonce, sealed.ciphertext[:-1] + bytes([sealed.ciphertext[-1] ^ 1]))
    sealer = Sealer(bytes(32) if how == "key" else KEY)
    with pytest.raises(SwarmError, match="seal key doesn't open") as caught:
        sealer.open("token-key" if how == "name" else "ca", sealed)
    assert "SWARM_SEAL_KEY_FILE" in (caught.value.hint or "")


@pytest.mark.parametrize("padding", ["", "=", "=\n", "\n"])
def test_a_key_file_may_be_padded_and_end_with_a_line(tmp_path: Path, padding: str) -> None:
    file = tmp_path / "seal.key"
    file.write_text(base64.urlsafe_b64encode(KEY).decode().rstrip("=") + padding)
    assert read_seal_key(file) == KEY


@pytest.mark.parametrize("text", ["", "short", "é" * 43, "A" * 100])
def test_a_file_without_a_key_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "seal.key"
    file.write_text(text)
    with pytest.raises(SwarmError, match="holds no seal key"):
        read_seal_key(file)
    with pytest.raises(SwarmError, match="can't read the seal key"):
        read_seal_key(tmp_path / "missing")
