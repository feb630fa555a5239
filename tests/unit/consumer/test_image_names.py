"""Names of images."""

import pytest

from swarm_consumer.images import reference
from swarm_protocol.errors import SwarmError


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("busybox", "busybox", "latest"),
        ("busybox:1", "busybox", "1"),
        ("registry:5000/a/b", "registry:5000/a/b", "latest"),
        ("registry:5000/a/b:c", "registry:5000/a/b", "c"),
    ],
)
def test_image_names(text: str, name: str, tag: str) -> None:
    assert (reference(text).name, reference(text).tag) == (name, tag)


@pytest.mark.parametrize("text", ["", "a:", "a/", "a@sha256:0", "sha256:00"])
def test_what_is_no_image_name(text: str) -> None:
    with pytest.raises(SwarmError, match="is no name"):
        reference(text)
