"""What clients name that is not there, or must stay, is refused before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboard_site import Site, site
from intermodal.exception import InvalidError, NotFoundError
from intermodal.server.calls import CallRequests
from intermodal.server.environment_requests import EnvironmentRequests
from intermodal.server.version_table import Label


def deployed(shown: Site, app: str, state: Any = "live") -> None:
    """Have a server before this one left a version of the app behind."""
    version = shown.versions.begin("main", app, "{}", warm=False, label=Label())
    shown.versions.change("main", app, {version.number: state})


def test_the_environment_that_stays_keeps_its_apps(tmp_path: Path) -> None:
    """Also where they are to be stopped with it."""
    with site(tmp_path) as shown:
        deployed(shown, "shop")
        deployments = shown.overview.deployments
        shown.browser.run(deployments.open())
        methods = EnvironmentRequests(shown.overview.environments, deployments).methods
        for stop in (True, False):
            with pytest.raises(InvalidError, match="always there"):
                shown.browser.run(methods["environment.delete"]({"name": "main", "stop": stop}, ()))
        assert deployments.live_names("main") == ["shop"]
        with pytest.raises(NotFoundError, match="has no environment 'nope'"):
            shown.browser.run(methods["environment.removable"]({"name": "nope"}, ()))
        shown.browser.run(deployments.close())


def test_calls_of_an_app_that_never_was_are_not_an_empty_list(tmp_path: Path) -> None:
    """Those of one that has been stopped are."""
    with site(tmp_path) as shown:
        deployed(shown, "shop")
        deployed(shown, "till", "stopped")
        shown.browser.run(shown.overview.deployments.open())
        methods = CallRequests(shown.overview.calls, lambda _: "main").methods
        for app in ("shop", "till", None):
            assert shown.browser.run(methods["call.list"]({"app": app}, ())) == []
        with pytest.raises(NotFoundError, match=r"no app 'nosuch' is deployed.*\(deployed: shop\)"):
            shown.browser.run(methods["call.list"]({"app": "nosuch"}, ()))
        shown.browser.run(shown.overview.deployments.close())
