"""`GET /metrics`, as Prometheus and what reads its format want it."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intermodal.server.admission import Admission
from intermodal.server.metrics.figures import Figures

__all__ = ["metrics_route"]


def metrics_route(figures: Figures, admission: Admission) -> Route:
    """The route. It needs a token where clients do."""

    async def metrics(request: Request) -> Response:
        refused = await admission.refused(request)
        if refused is not None:
            return refused
        text = await run_in_threadpool(generate_latest, figures.registry)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Route("/metrics", metrics)
