"""Whether the server lives, and whether it can take work: for who starts it and who sends it clients."""

from __future__ import annotations

import logging

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from intermodal.server.database import TOKENS
from intermodal.server.trouble import UNAVAILABLE

__all__ = ["health_routes"]

_log = logging.getLogger("intermodal.server")


def health_routes(database: Engine) -> list[Route]:
    """`/healthz`: it answers. `/readyz`: 503 while its database does not. Nobody needs a token for them."""

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> JSONResponse:
        try:
            await run_in_threadpool(_ask, database)
        except (*UNAVAILABLE, SQLAlchemyError) as error:
            _log.error("not ready: %s", error)
            return JSONResponse({"status": "the database does not answer"}, status_code=503)
        return JSONResponse({"status": "ok"})

    return [Route("/healthz", health), Route("/readyz", ready)]


def _ask(database: Engine) -> None:
    with database.connect() as connection:
        connection.execute(select(TOKENS.c.name).limit(1)).first()
