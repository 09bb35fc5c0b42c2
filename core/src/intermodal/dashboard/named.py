"""Questions about named objects, in the environment that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from intermodal.client.api import Reply
from intermodal.dashboard.pages import Ask, Paged, paged

__all__ = ["matching", "part_of", "request"]

R = TypeVar("R")


async def request(ask: Ask, method: str, **params: Any) -> Reply:
    """The answer to one of the requests that clients make. Raises what they are told."""
    return await ask.overview.hosting.request(ask.environment, method, params, ())


def matching(ask: Ask) -> str:
    """What names shall have in them."""
    return ask.query.get("search", "").strip()


def part_of(ask: Ask, rows: Sequence[R], limit: int | None = None) -> tuple[Sequence[R], dict[str, int]]:
    """The rows that are shown, of all, and what the pager says. Raises `InvalidError`."""
    part: Paged = paged(ask) if limit is None else paged(ask, limit)
    return rows[part.offset : part.offset + part.limit], part.of(len(rows))
