"""The dashboard as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from intermodal.dashboard.assets import Assets
from intermodal.dashboard.doors import KEY_FIELD, KEY_HEADER, Doors, Refused, Visitor, from_own_page, knows_key
from intermodal.dashboard.entrance import Entrance
from intermodal.dashboard.forms import form_of
from intermodal.dashboard.guarding import guarded
from intermodal.dashboard.listing import PAGES
from intermodal.dashboard.notes import Note, Notes
from intermodal.dashboard.pages import ROOT, Ask, Page, link
from intermodal.dashboard.rendering import Rendering
from intermodal.exception import Error, InvalidError, NotFoundError
from intermodal.server.overview import Overview

__all__ = ["dashboard"]

_log = logging.getLogger("intermodal.server")

Answer = Callable[[Request], Awaitable[Response]]

_NOBODY = Visitor("", "")


def dashboard(overview: Overview) -> ASGIApp:
    """What answers below `/dashboard`."""
    return guarded(_Dashboard(overview).application())


class _Dashboard:
    def __init__(self, overview: Overview) -> None:
        self._overview = overview
        self._assets = Assets()
        self._rendering = Rendering(self._assets)
        self._doors = Doors(overview.admission)
        self._notes = Notes()

    def application(self) -> ASGIApp:
        entrance = Entrance(self._doors, self._bare)
        routes = [self._assets.route(), *entrance.routes(), Route("/", self._home)]
        routes += [Route(f"/{page.path}", self._answers(page), methods=["GET", "POST"]) for page in PAGES]
        return Starlette(routes=[*routes, Route("/{path:path}", self._nothing_here)])

    async def _home(self, request: Request) -> Response:
        return RedirectResponse(link(PAGES[0].path), 303)

    async def _nothing_here(self, request: Request) -> Response:
        visitor = await self._doors.visitor(request)
        if isinstance(visitor, Refused):
            return self._refuse(request, visitor)
        return self._failed(request, visitor, NotFoundError("there is no such page"))

    def _answers(self, page: Page) -> Answer:
        async def answer(request: Request) -> Response:
            visitor = await self._doors.visitor(request)
            if isinstance(visitor, Refused):
                return self._refuse(request, visitor)
            try:
                ask = self._ask(request, await form_of(request), visitor)
                if request.method == "POST":
                    return await self._act(page, request, visitor, ask)
                return await self._show(page, request, visitor, ask)
            except Error as error:
                return self._failed(request, visitor, error)

        return answer

    def _ask(self, request: Request, form: Mapping[str, str], visitor: Visitor = _NOBODY) -> Ask:
        environment = request.query_params.get("environment") or self._overview.environment
        path = {name: str(value) for name, value in request.path_params.items()}
        return Ask(
            overview=self._overview,
            environment=environment,
            path=path,
            query=request.query_params,
            form=form,
            visitor=visitor.name,
        )

    async def _show(self, page: Page, request: Request, visitor: Visitor, ask: Ask) -> Response:
        shown = await page.show(ask)
        if isinstance(shown, Response):
            return shown
        values = {**self._values(request, visitor, ask, page), **shown}
        part = KEY_HEADER in request.headers
        render = self._rendering.live if part else self._rendering.page
        return HTMLResponse(await asyncio.to_thread(render, page.template, values))

    async def _act(self, page: Page, request: Request, visitor: Visitor, ask: Ask) -> Response:
        """Then the page is shown anew, so that to load it again does nothing again."""
        if not from_own_page(request) or not knows_key(ask.form.get(KEY_FIELD, ""), visitor):
            return self._refuse(request, Refused("this form is not of a page of this session: load the page again"))
        action = page.actions.get(ask.form.get("action", ""))
        if action is None:
            raise InvalidError("this page has no such button")
        try:
            note = Note(await action(ask), failed=False)
        except Error as error:
            note = Note(str(error), failed=True)
        here = request.url.include_query_params(note=self._notes.put(note))
        return RedirectResponse(f"{here.path}?{here.query}", 303)

    def _values(self, request: Request, visitor: Visitor, ask: Ask, page: Page | None) -> dict[str, Any]:
        marked = "" if page is None else page.section or page.path
        entries = [
            {"title": each.title, "icon": each.icon, "url": ask.url(each.path), "here": each.path == marked}
            for each in PAGES
            if each.title
        ]
        here = request.url.remove_query_params(["page", "note"])
        return {
            "navigation": entries,
            "environments": [each.name for each in self._overview.environments.all()],
            "visitor": visitor,
            "locked": self._doors.locked,
            "key": visitor.key,
            "key_field": KEY_FIELD,
            "ask": ask,
            "url": ask.url,
            "root": ROOT,
            "address": str(request.base_url).removesuffix(f"{ROOT}/"),
            "here": f"{here.path}?{here.query}" if here.query else here.path,
            "note": self._notes.take(request.query_params.get("note", "")),
            "every": 0.0 if page is None else page.every_s,
        }

    def _bare(self, request: Request, template: str, values: Mapping[str, Any], status: int) -> Response:
        """A page for who is not in."""
        shown = {**self._values(request, _NOBODY, self._ask(request, {}), None), "navigation": [], **values}
        return HTMLResponse(self._rendering.page(template, shown), status)

    def _refuse(self, request: Request, refused: Refused) -> Response:
        if refused.login and request.method == "GET" and KEY_HEADER not in request.headers:
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(link("login", next=wanted), 303)
        return self._bare(request, "error.html", {"status": 403, "why": refused.why}, 401 if refused.login else 403)

    def _failed(self, request: Request, visitor: Visitor, error: Error) -> Response:
        status = 404 if isinstance(error, NotFoundError) else 400 if isinstance(error, InvalidError) else 500
        if status == 500:
            _log.error("the dashboard's page %s: %s", request.url.path, error)
        values = self._values(request, visitor, self._ask(request, {}), None)
        return HTMLResponse(self._rendering.page("error.html", {**values, "status": status, "why": str(error)}), status)
