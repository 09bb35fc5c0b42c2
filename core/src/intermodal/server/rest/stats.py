"""`GET /v1/apps/{app}/stats`: what the functions of an app have to do, and how their calls of the last hour went."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from intermodal.exception import NotFoundError
from intermodal.server.activity import Activity, AppSeen
from intermodal.server.activity.figures import Figures, figures
from intermodal.server.admission import Admission
from intermodal.server.deployments import Deployments
from intermodal.server.hosting import Hosting
from intermodal.server.loads import Load, loads
from intermodal.server.rest.admitting import admitted, query

__all__ = ["FunctionStats", "stats_route"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionStats:
    """One function. Inputs that wait and run, containers and calls that run are of now; the rest is of the last hour:
    calls that ended, inputs that failed, and the seconds that half and 95 % of the calls took at most."""

    function: str
    queued: int
    running: int
    containers: int
    calls_running: int
    calls: int
    failed: int
    p50_s: float | None
    p95_s: float | None


def stats_route(
    hosting: Hosting, deployments: Deployments, activity: Activity, admission: Admission, environment: str
) -> Route:
    """The route. It needs a token where clients do; `environment` is that of questions that name none."""

    async def stats(request: Request) -> Response:
        where = query(request, "environment").get("environment") or environment
        app = request.path_params["app"]
        found = await _stats(hosting, deployments, activity, where, app)
        return JSONResponse({"app": app, "environment": where, "functions": [asdict(each) for each in found]})

    return Route("/v1/apps/{app}/stats", admitted(stats, admission), methods=["GET"])


async def _stats(
    hosting: Hosting, deployments: Deployments, activity: Activity, environment: str, app: str
) -> list[FunctionStats]:
    """Those of all functions that the app has now, by name. Raises `NotFoundError`: it is neither deployed nor run by a
    client."""
    now_loaded, specs = await loads(hosting, environment, app)
    try:
        names = {function.name for function in (await deployments.package_of(environment, app)).app.functions}
    except NotFoundError:
        if not specs:
            raise
        names = set()
    at = time.time()

    def look(seen: AppSeen) -> dict[str, tuple[int, Figures]]:
        return {each.name: (each.running, figures(each.cells, at)) for each in seen.functions.values()}

    seen = activity.read((environment, app), look)
    return [_of(name, now_loaded.get(name, Load()), seen.get(name, _NOTHING)) for name in sorted(names | {*specs})]


_NOTHING = 0, Figures(0, 0, None, None)


def _of(name: str, load: Load, seen: tuple[int, Figures]) -> FunctionStats:
    calls_running, hour = seen
    return FunctionStats(
        function=name,
        queued=load.queued,
        running=load.running,
        containers=load.containers,
        calls_running=calls_running,
        calls=hour.calls,
        failed=hour.failed,
        p50_s=hour.p50,
        p95_s=hour.p95,
    )
