"""Plain texts, numbers and switches without Typer's validation library.

Typer turns each word of a command line into its type by pydantic, which takes longer to load than a short command
may take in all. Nearly all of our parameters are texts, whole numbers and switches: those are turned here, and all
else, as well as whatever is wrong, is left to Typer.
"""

import re
from typing import Any

from typer import BadParameter

_NUMBER = re.compile(r"[+-]?[0-9]+")


class QuickCoercion:
    """Stands in for the coercion of one parameter."""

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as its type. Raises Typer's usage error."""
        done, quick = simple(value, param.type_descriptor.annotation, param.type_descriptor.parameter_info)
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if done:
            return quick
        if _wants_numbers(param.type_descriptor.annotation) and (wrong := _no_number(value)) is not None:
            raise BadParameter(f"{wrong!r} is no whole number", ctx=ctx, param=param)
        self._parameter._runtime_param = None
        return self._parameter.get_runtime_param().coerce(value, param=param, ctx=ctx)


def simple(value: Any, annotation: Any, limits: Any) -> tuple[bool, Any]:
    """Whether a value could be turned here, and what it became."""
    if annotation is str and isinstance(value, str):
        return True, value
    if annotation is bool and isinstance(value, bool):
        return True, value
    if annotation is int and isinstance(value, int | str):
        return _whole(value, getattr(limits, "min", None), getattr(limits, "max", None))
    if annotation in (list[str], list[int]) and isinstance(value, list | tuple):
        inner = [simple(item, annotation.__args__[0], limits) for item in value]
        return all(done for done, _ in inner), [item for _, item in inner]
    return False, None


def _wants_numbers(annotation: Any) -> bool:
    return annotation is int or annotation == list[int]


def _no_number(value: Any) -> str | None:
    """The first word that is none."""
    words = value if isinstance(value, list | tuple) else [value]
    return next((word for word in words if isinstance(word, str) and not _NUMBER.fullmatch(word)), None)


def _whole(value: int | str, least: float | None, most: float | None) -> tuple[bool, int]:
    text = str(value)
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        return False, 0
    number = int(text)
    fits = (least is None or number >= least) and (most is None or number <= most)
    return fits, number


def quicken(params: list[Any]) -> list[Any]:
    """Give parameters the quick coercion; those of a Typer that works otherwise are left as they are."""
    for param in params:
        if getattr(param, "_runtime_param", param) is None and hasattr(param, "type_descriptor"):
            param._runtime_param = QuickCoercion(param)
    return params
