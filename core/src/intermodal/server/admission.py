"""Who may use the server's port: the same rule for connections of clients and for every HTTP request."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from intermodal.gateway.hosts import is_this_machine
from intermodal.server.access import Tokens, digest

__all__ = ["Admission", "token_of"]

_NONE = "the server wants a token (INTERMODAL_TOKEN)"
_UNKNOWN = "the server does not know this token (INTERMODAL_TOKEN): it has been revoked, or is another server's"


class Admission:
    """Pages of web sites may not, whatever their visitors can reach: not even those of apps that this port shows.

    Args:
        tokens: who may; None: every process of this machine, the server being on a loopback address.
    """

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens

    @property
    def wants_token(self) -> bool:
        """Whether who has none may not."""
        return self._tokens is not None

    async def holder(self, digest: str) -> str | None:
        """The name of the token with this digest; None: there is none (any more)."""
        return None if self._tokens is None else await run_in_threadpool(self._tokens.holder, digest)

    def strange_host(self, connection: HTTPConnection) -> str | None:
        """Why the name that a visitor has for this server may be another's; None: it is ours."""
        host = connection.headers.get("host", "")
        if self._tokens is not None or is_this_machine(host):
            return None
        return f"there is no {host!r:.80} here: use a loopback address"

    async def admit(self, connection: HTTPConnection) -> tuple[str, str | None]:
        """Who it is, the name of its token or "", and why it may not, or None."""
        if "origin" in connection.headers or connection.headers.get("sec-fetch-site", "none") != "none":
            return "", "pages of web sites may not connect"
        if self._tokens is None:
            return "", self.strange_host(connection)
        token = token_of(connection)
        name = await run_in_threadpool(self._tokens.holder, token) if token else None
        if name is not None:
            return name, None
        return "", f"{_UNKNOWN if token else _NONE}: `intermodal token create NAME`, where it runs, gives one"

    async def refused(self, connection: HTTPConnection) -> JSONResponse | None:
        """The same as the answer to a request."""
        _, why = await self.admit(connection)
        if why is None:
            return None
        return JSONResponse({"error": "ConnectionError", "message": why}, 401 if self._tokens is not None else 403)


def token_of(connection: HTTPConnection) -> str:
    """The digest of the token that comes with it; "": none does."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return digest(token.strip()) if scheme.lower() == "bearer" and token.strip() else ""
