"""One call of a batched method for many inputs: arguments in lists, the returned list dealt out (batch.form)."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from intermodal.exception import InvalidError
from intermodal.guest.work import Method

__all__ = ["bind", "elements", "gather"]


def bind(method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of one input by name. Raises `TypeError` where they do not fit the signature."""
    return dict(inspect.signature(method.function).bind(*args, **kwargs).arguments)


def gather(inputs: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Every argument as a list, in order of the inputs."""
    return {name: [each[name] for each in inputs] for name in inputs[0]}


def elements(method: Method, value: Any, count: int) -> list[Any]:
    """What each input gets. Raises `InvalidError` where `value` is not a list of `count` (batch.errors)."""
    if not isinstance(value, list):
        raise InvalidError(
            f"batched {method.label} returned a {type(value).__name__}, not a list: it must return a list with one "
            f"element for each of its {count} inputs"
        )
    if len(value) != count:
        raise InvalidError(
            f"batched {method.label} returned a list of {len(value)} for {count} inputs: it must return one element "
            "for each input, in order"
        )
    return value
