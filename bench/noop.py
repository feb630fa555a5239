"""The job that does nothing: its spec as text, and what its worker reports. Floor and subject write the same values. Pure."""

from typing import Final

IMAGE: Final = "noop"
DIGEST: Final = "sha256:" + "0" * 64
TIMINGS: Final = {"pull": 0.0, "load": 0.0, "create": 0.001, "run": 0.001, "collect": 0.0}


def spec_text(number: int, image: str = IMAGE) -> str:
    """The spec of one job, unlike that of any other: a crowd of equal ones would be too easy."""
    return (
        f'{{"image":"{image}","command":["true","{number}"],'
        '"resources":{"cpu_millis":10,"memory":8388608,"disk":1048576}}'
    )
