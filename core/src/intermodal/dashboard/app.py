"""One app: its functions, its versions, and what went wrong lately."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.dashboard.pools import Load, functions_of, loads
from intermodal.dashboard.traffic import Figures, charts, figures
from intermodal.exception import InvalidError, NotFoundError
from intermodal.server.activity import AppSeen
from intermodal.server.version_table import Label, Version
from intermodal.specs import FunctionSpec

__all__ = ["PAGE"]

#: Calls of each kind that are listed; all of them are on the page of calls.
_CALLS = 10
_NOTHING = Figures(0, 0, None, None)


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    spec: FunctionSpec | None
    load: Load
    figures: Figures


async def _show(ask: Ask) -> Shown:
    app = ask.path["app"]
    versions = await _versions(ask, app)
    load, running = await loads(ask, app)
    specs = {**running, **await functions_of(ask, app)}
    if not versions and not running and app not in ask.overview.activity.known(ask.environment):
        raise NotFoundError(f"no app {app!r} is deployed or running in the environment {ask.environment!r}")

    def look(seen: AppSeen) -> Shown:
        calls = seen.calls()
        by_function = {name: figures(function.cells, ask.now) for name, function in seen.functions.items()}
        names = sorted({*specs, *load, *by_function})
        return {
            "charts": charts(seen.minutes, ask.now),
            "figures": figures(seen.minutes, ask.now),
            "running": len(seen.running),
            "functions": [
                _Row(name, specs.get(name), load.get(name, Load()), by_function.get(name, _NOTHING)) for name in names
            ],
            "containers": len(seen.containers),
            "gone": [(app, container) for container in reversed(seen.gone) if not container.asked][:_CALLS],
            "failed": [(app, call) for call in calls if call.state == "failed"][:_CALLS],
            "calls": [(app, call) for call in calls][:_CALLS],
        }

    live = next((version for version in versions if version.state == "live"), None)
    shown = ask.overview.activity.read((ask.environment, app), look)
    assert isinstance(shown, dict)
    return {**shown, "app": app, "versions": versions, "live": live, "newest": versions[0] if versions else None}


async def _versions(ask: Ask, app: str) -> list[Version]:
    """The newest first; those that are over are few (`Deployments`)."""
    try:
        return (await ask.overview.deployments.versions(ask.environment, app))[::-1]
    except NotFoundError:
        return []


async def _roll_back(ask: Ask) -> str:
    text = ask.form.get("number", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidError("say which version to roll back to")
    label = Label(client="dashboard", tag=f"rollback to {text}", author=ask.visitor)
    version = await ask.overview.deployments.rollback(ask.environment, ask.path["app"], int(text), label)
    return f"Version {version.number} is live: it runs what version {text} did."


async def _stop(ask: Ask) -> str:
    await ask.overview.deployments.stop(ask.environment, ask.path["app"])
    return "The app has been stopped. Its versions stay, to roll back to."


PAGE = Page("apps/{app}", "app.html", _show, section="apps", actions={"rollback": _roll_back, "stop": _stop})
