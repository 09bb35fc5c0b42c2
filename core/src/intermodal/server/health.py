"""Whether the server lives, and whether it can take work: for who starts it and who sends it clients."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from intermodal.exception import ResourceExhaustedError
from intermodal.server.trouble import UNAVAILABLE

__all__ = ["health_routes"]

_log = logging.getLogger("intermodal.server")

#: Seconds that an answer is good for.
_FRESH_S = 1.0
#: Bytes without which no work begins: the log of SQLite may take a small write where there is no room for others.
_ROOM = 4 << 20
#: Changes nothing, and is written nevertheless.
_WRITE = text("UPDATE alembic_version SET version_num = version_num")


def health_routes(databases: Sequence[Engine], data_dir: Path) -> list[Route]:
    """`/healthz`: it answers. `/readyz`: 503 while what is new could not be written down in one of `databases`. Nobody
    needs a token for them."""
    readiness = _Readiness(databases, data_dir)

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> JSONResponse:
        trouble = await readiness.trouble()
        return JSONResponse({"status": trouble or "ok"}, status_code=503 if trouble else 200)

    return [Route("/healthz", health), Route("/readyz", ready)]


class _Readiness:
    """Looks at most once in a while, however many ask. On one event loop at a time."""

    def __init__(self, databases: Sequence[Engine], data_dir: Path) -> None:
        self._databases = databases
        self._data_dir = data_dir
        self._looked = float("-inf")
        self._trouble = ""

    async def trouble(self) -> str:
        """ "": there is none. Details are in the log only: anybody may ask."""
        if time.monotonic() - self._looked >= _FRESH_S:
            trouble = await run_in_threadpool(self._look)
            self._looked, self._trouble = time.monotonic(), trouble
        return self._trouble

    def _look(self) -> str:
        try:
            disk = os.statvfs(self._data_dir)
            for database in self._databases:
                with database.begin() as connection:
                    connection.execute(_WRITE)
        except OSError as error:
            _log.error("not ready: the data directory %s: %s", self._data_dir, error.strerror)
            return "the data directory is not there"
        except ResourceExhaustedError as error:
            _log.error("not ready: %s", error)
            return "there is no room left for the database"
        except (*UNAVAILABLE, SQLAlchemyError) as error:
            _log.error("not ready: %s", error)
            return "the database does not answer"
        if disk.f_frsize * (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) < _ROOM:
            _log.error("not ready: less than %d MiB are free on the disk of %s", _ROOM >> 20, self._data_dir)
            return "there is no room left in the data directory"
        return ""
