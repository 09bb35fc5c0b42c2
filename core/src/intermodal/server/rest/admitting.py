"""What every request with JSON goes through: who may ask, and how a refusal looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from intermodal.exception import Error, InvalidError, RemoteError
from intermodal.server.admission import Admission
from intermodal.server.rest.answers import refused

__all__ = ["Answer", "admitted", "query"]

Answer = Callable[[Request], Awaitable[Response]]


def admitted(answer: Answer, admission: Admission) -> Answer:
    """`answer` for who may ask; errors of ours become JSON with a status."""

    async def answered(request: Request) -> Response:
        unknown = await admission.refused(request)
        if unknown is not None:
            return unknown
        try:
            return await answer(request)
        except Error as error:
            return refused(error)
        except OSError as error:
            return refused(RemoteError(f"the app does not start: {error}"))

    return answered


def query(request: Request, *known: str) -> dict[str, str]:
    """The query's parameters. Raises `InvalidError`, which lists what is known: one is not."""
    unknown = sorted({*request.query_params} - {*known})
    if unknown:
        raise InvalidError(f"{', '.join(unknown):.80} is not known here; known is: {', '.join(known)}")
    return dict(request.query_params)
