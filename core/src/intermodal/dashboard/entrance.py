"""Logging in with a token, and out."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from intermodal.dashboard.doors import KEY_FIELD, Doors, Refused, from_own_page, knows_key
from intermodal.dashboard.forms import form_of
from intermodal.dashboard.pages import ROOT, link
from intermodal.dashboard.sessions import LASTS_S, Attempts
from intermodal.exception import InvalidError

__all__ = ["Entrance"]

#: A page of a request, a template and its values, with a status.
Bare = Callable[[Request, str, Mapping[str, Any], int], Response]


class Entrance:
    """The pages before and after a session."""

    def __init__(self, doors: Doors, bare: Bare) -> None:
        self._doors = doors
        self._bare = bare
        self._attempts = Attempts()

    def routes(self) -> list[Route]:
        """`/login` and `/logout`."""
        return [
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/logout", self._logout, methods=["POST"]),
        ]

    async def _login(self, request: Request) -> Response:
        wanted = _inside(request.query_params.get("next", ""))
        visitor = await self._doors.visitor(request)
        if not isinstance(visitor, Refused):
            return RedirectResponse(wanted, 303)
        if not visitor.login:
            return self._bare(request, "error.html", {"status": 403, "why": visitor.why}, 403)
        if request.method == "GET":
            return self._form(request, "", 200)
        if not from_own_page(request):
            return self._form(request, "log in from this page", 403)
        return await self._enter(request, wanted)

    async def _enter(self, request: Request, wanted: str) -> Response:
        address = _address(request)
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            answer = self._form(request, "too many attempts: wait a minute", 429)
            answer.headers["Retry-After"] = str(math.ceil(wait_s))
            return answer
        try:
            token = (await form_of(request)).get("token", "").strip()
        except InvalidError as error:
            return self._form(request, str(error), 400)
        session = await self._doors.enter(token)
        if session is None:
            self._attempts.failed(address)
            return self._form(request, "the server does not know this token, or it has been revoked", 403)
        answer = RedirectResponse(wanted, 303)
        answer.set_cookie(
            self._doors.cookie(request),
            session,
            max_age=LASTS_S,
            path=ROOT,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def _logout(self, request: Request) -> Response:
        visitor = await self._doors.visitor(request)
        if isinstance(visitor, Refused):
            return RedirectResponse(link("login"), 303)
        try:
            form = await form_of(request)
        except InvalidError:
            form = {}
        if not from_own_page(request) or not knows_key(form.get(KEY_FIELD, ""), visitor):
            return self._bare(request, "error.html", {"status": 403, "why": "log out from a page of this session"}, 403)
        self._doors.sessions.end(visitor.session)
        answer = RedirectResponse(link("login"), 303)
        answer.delete_cookie(self._doors.cookie(request), path=ROOT)
        return answer

    def _form(self, request: Request, why: str, status: int) -> Response:
        wanted = _inside(request.query_params.get("next", ""))
        return self._bare(request, "login.html", {"why": why, "next": wanted}, status)


def _inside(path: str) -> str:
    """Where to go after logging in: within the dashboard, whatever a link to it says."""
    good = path.startswith(f"{ROOT}/") and path.isascii() and path.isprintable() and "\\" not in path
    return path if good and not path.startswith(link("login")) else f"{ROOT}/"


def _address(request: Request) -> str:
    """Whose attempts count together: one who has many addresses of IPv6 has them in one network."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client is not None else "")
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)
