"""What a page is made of."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams
from starlette.responses import Response

from intermodal.exception import InvalidError
from intermodal.server.overview import Overview

__all__ = ["ROOT", "Action", "Ask", "Page", "Paged", "Shown", "link", "paged"]

#: Where the dashboard is at the server's port.
ROOT = "/dashboard"
#: Rows of a list that are shown at once; pages of it that can be asked for.
_ROWS, _PAGES = 50, 100_000

Shown: TypeAlias = Mapping[str, Any] | Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request.

    Attributes:
        environment: the one that is looked at.
        path: the values of `{names}` in the page's path.
        query: of the URL.
        form: the fields of a form that was sent.
        visitor: the name of the visitor's token, "" where none is needed.
        now: Unix seconds.
    """

    overview: Overview
    environment: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: QueryParams = field(default_factory=QueryParams)
    form: Mapping[str, str] = field(default_factory=dict)
    visitor: str = ""
    now: float = field(default_factory=time.time)

    def url(self, *parts: str, **query: object) -> str:
        """A link to a page of the same environment; None and "" in `query` are left out."""
        inside = {} if self.environment == self.overview.environment else {"environment": self.environment}
        return link(*parts, **inside, **query)

    def in_environment(self, name: str) -> str:
        """A link to the apps of another environment."""
        return link("apps", environment="" if name == self.overview.environment else name)

    def here(self, page: int) -> str:
        """A link to another part of the same list."""
        given = {name: value for name, value in self.query.multi_items() if name not in ("page", "note")}
        return f"?{urlencode({**given, 'page': page})}"


Action: TypeAlias = Callable[[Ask], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """See the package's docstring.

    Attributes:
        path: below the dashboard's root, as Starlette writes it: "apps/{app}".
        title: its entry in the navigation; "" for none.
        icon: of the entry, by its name in `templates/icons.html`.
        section: the path of the page whose entry is marked while this is shown; "": its own.
        actions: by the names that forms give.
        every_s: seconds until the block `live` is asked for again; 0: never.
    """

    path: str
    template: str
    show: Callable[[Ask], Awaitable[Shown]]
    title: str = ""
    icon: str = ""
    section: str = ""
    actions: Mapping[str, Action] = field(default_factory=dict)
    every_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Paged:
    """Which rows of a list: `limit` from `offset` on. `number` counts from 1."""

    number: int
    limit: int

    @property
    def offset(self) -> int:
        """Rows before."""
        return (self.number - 1) * self.limit

    def of(self, total: int) -> dict[str, int]:
        """For `pager`: rows from and up to, of `total`, and the numbers of the page and of the last one."""
        last = max(1, -(-total // self.limit))
        until = min(total, self.offset + self.limit)
        return {
            "first": min(self.offset + 1, until),
            "until": until,
            "total": total,
            "number": self.number,
            "last": last,
        }


def paged(ask: Ask, limit: int = _ROWS) -> Paged:
    """The part of a list that `?page=` asks for. Raises `InvalidError`."""
    text = ask.query.get("page", "") or "1"
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _PAGES):
        raise InvalidError(f"page is {text!r:.80}: give a whole number from 1 to {_PAGES}")
    return Paged(int(text), limit)


def link(*parts: str, **query: object) -> str:
    """A path within the dashboard; None and "" in `query` are left out."""
    path = "/".join([ROOT, *(quote(_encodable(part), safe="") for part in parts)])
    given = {name: _encodable(str(value)) for name, value in query.items() if value is not None and value != ""}
    return f"{path}?{urlencode(given)}" if given else path


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
