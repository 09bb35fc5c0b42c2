"""Who may see pages and press buttons. Beside the right visitor it takes the right page: others must not act for him.

Pages of other sites, and those of apps, which may have the same origin, cannot read a page of ours (it answers
navigations only, in a window of its own group), so they do not know its key; and without the key nothing else answers.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from intermodal.dashboard.sessions import Session, Sessions
from intermodal.server.access import digest
from intermodal.server.admission import Admission

__all__ = ["KEY_FIELD", "KEY_HEADER", "Doors", "Refused", "Visitor", "from_own_page", "knows_key"]

#: Where scripts and forms give the key of their page.
KEY_HEADER, KEY_FIELD = "x-intermodal-page", "page_key"


@dataclass(frozen=True, slots=True)
class Visitor:
    """`name` is that of the token, "" where none is needed; `session` the id of the session."""

    name: str
    key: str
    session: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """`login`: the visitor may try to log in."""

    why: str
    login: bool = False


class Doors:
    """Of one server."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.sessions = Sessions()
        #: For visitors who need no token.
        self._key = secrets.token_urlsafe(32)

    @property
    def locked(self) -> bool:
        """Whether visitors must log in."""
        return self._admission.wants_token

    def cookie(self, connection: HTTPConnection) -> str:
        """The name of the session's: servers at other ports of the host have others."""
        _, port = connection.scope.get("server") or ("", 0)
        return f"intermodal-{port}"

    async def visitor(self, connection: HTTPConnection) -> Visitor | Refused:
        """Who asks for a page or a part of one; see `from_own_page` for those who act."""
        strange = self._admission.strange_host(connection)
        if strange is not None:
            return Refused(strange)
        if not self.locked:
            return _reads(connection, Visitor("", self._key))
        id = connection.cookies.get(self.cookie(connection), "")
        session = self.sessions.get(id)
        name = await self._holder(session)
        if session is None or name is None:
            self.sessions.end(id)
            return Refused("log in to see this page", login=True)
        return _reads(connection, Visitor(name, session.key, id))

    async def enter(self, token: str) -> str | None:
        """The id of a new session for who has a token; None: the server does not know it."""
        shown = digest(token)
        return self.sessions.begin(shown) if await self._admission.holder(shown) is not None else None

    async def _holder(self, session: Session | None) -> str | None:
        return None if session is None else await self._admission.holder(session.digest)


def from_own_page(connection: HTTPConnection) -> bool:
    """Whether a form was sent by a page of the same origin. Browsers say so with each, and pages cannot change it."""
    origin = connection.headers.get("origin", "")
    same = urlsplit(origin).netloc == connection.headers.get("host", "") and origin.startswith(("http://", "https://"))
    return same and connection.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def knows_key(given: str, visitor: Visitor) -> bool:
    """In time that tells nothing of it."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), visitor.key.encode())


def _reads(connection: HTTPConnection, visitor: Visitor) -> Visitor | Refused:
    """Scripts must know the key; what opens a page as one need not, but must not be a frame or a script that says
    otherwise. Old browsers, and what is none, say nothing of it."""
    if KEY_HEADER in connection.headers:
        right = knows_key(connection.headers[KEY_HEADER], visitor)
        return visitor if right else Refused("this page is of an earlier session: load it again")
    mode, kind = (connection.headers.get(f"sec-fetch-{word}") for word in ("mode", "dest"))
    as_page = mode in (None, "navigate") and kind in (None, "document")
    return visitor if as_page else Refused("pages are opened as pages, not by scripts or in frames")
