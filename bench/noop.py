"""The job that does nothing: its spec, and what its worker reports. Floor and subject write the same values. Pure."""

from typing import Final

IMAGE: Final = "swarm-sample:1"
LABEL: Final = {"bench": "simulated"}
"""Only simulated workers take these jobs."""
TIMINGS: Final = {"pull": 0.0, "load": 0.0, "create": 0.001, "run": 0.001, "collect": 0.0}


def spec_text(number: int) -> str:
    """The spec of one job as JSON, unlike that of any other: a crowd of equal ones would be too easy."""
    return (
        f'{{"image":"{IMAGE}","command":["true","{number}"],"constraints":{{"bench":"simulated"}},'
        '"resources":{"cpu_millis":10,"memory":8388608,"disk":1048576}}'
    )
