"""One function of an app: load, latencies, containers and calls."""

from __future__ import annotations

from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.dashboard.pools import Load, functions_of, loads
from intermodal.dashboard.traffic import charts, figures
from intermodal.exception import NotFoundError
from intermodal.server.activity import AppSeen

__all__ = ["PAGE"]

#: Calls that are listed.
_CALLS = 20


async def _show(ask: Ask) -> Shown:
    app, name = ask.path["app"], ask.path["function"]
    load, running = await loads(ask, app)
    spec = (await functions_of(ask, app)).get(name) or running.get(name)

    def look(seen: AppSeen) -> dict[str, object] | None:
        if spec is None and name not in load and name not in seen.functions:
            return None
        cells = seen.function(name).cells
        containers = [each for each in seen.containers.values() if each.function == name]
        return {
            "charts": charts(cells, ask.now),
            "figures": figures(cells, ask.now),
            "containers": [(app, each) for each in sorted(containers, key=lambda one: -one.started)],
            "gone": [(app, each) for each in reversed(seen.gone) if each.function == name],
            "calls": [(app, call) for call in seen.calls() if call.function == name][:_CALLS],
        }

    shown = ask.overview.activity.read((ask.environment, app), look)
    if shown is None:
        raise NotFoundError(f"the app {app!r} has no function {name!r} in the environment {ask.environment!r}")
    return {**shown, "app": app, "name": name, "spec": spec, "load": load.get(name, Load())}


PAGE = Page("apps/{app}/functions/{function}", "function.html", _show, section="apps")
