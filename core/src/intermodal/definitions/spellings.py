"""Older spellings: accepted, and warned about once per process with the new one's name (head of semantics.md)."""

from __future__ import annotations

import sys
import warnings

from intermodal.exception import DeprecationWarning, InvalidError

__all__ = ["older", "renamed"]

_warned: set[str] = set()


def older(old: str, new: str) -> None:
    """Warn that `old` was used where `new` is meant, at the user's line, at most once per process."""
    if old in _warned:
        return
    _warned.add(old)
    warnings.warn(f"{old} is an older spelling: write {new}", DeprecationWarning, stacklevel=_depth_of_user_code())


def renamed(where: str, given: dict[str, object], names: dict[str, str]) -> dict[str, object]:
    """`given` keywords with the older ones under their new names.

    Raises `InvalidError` where both spellings of one are given.
    """
    result = dict(given)
    for old, new in names.items():
        if old not in result:
            continue
        value = result.pop(old)
        if new in result:
            raise InvalidError(f"{where}: {old}= is the older spelling of {new}=; give one of them only")
        older(f"{where}({old}=)", f"{new}=")
        result[new] = value
    return result


def _depth_of_user_code() -> int:
    depth = 1
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "intermodal":
        if frame.f_back is None:
            break
        frame = frame.f_back
        depth += 1
    return depth
