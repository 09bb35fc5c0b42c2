"""The dashboard of a server that runs no app: what it shows is put into its database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from intermodal.dashboard import dashboard
from intermodal.plugins import Config
from intermodal.server.access import Tokens
from intermodal.server.activity import Activity
from intermodal.server.admission import Admission
from intermodal.server.calls import CallDesk, CallRetention, Calls, CallStore, open_calls
from intermodal.server.database import open_database
from intermodal.server.deployments import Deployments
from intermodal.server.environments import Environments
from intermodal.server.hosting import Hosting
from intermodal.server.logs import LogStore, open_logs
from intermodal.server.metrics import SeriesStore, open_samples
from intermodal.server.overview import Overview
from intermodal.server.schedules import Schedules, ScheduleTable
from intermodal.server.version_table import VersionTable

__all__ = ["ORIGIN", "Site", "key_in", "site"]

R = TypeVar("R")

ORIGIN = "http://127.0.0.1:8700"


class Browser:
    """Keeps cookies and follows no redirection. It asks the application itself."""

    def __init__(self, client: httpx.AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner
        self.cookies = client.cookies

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Do something on the loop of the application."""
        return self._runner.run(work)

    def get(self, url: str, **options: Any) -> httpx.Response:
        """See `httpx.AsyncClient.get`."""
        return self._runner.run(self._client.get(url, **options))

    def post(self, url: str, **options: Any) -> httpx.Response:
        """See `httpx.AsyncClient.post`."""
        return self._runner.run(self._client.post(url, **options))


class Site:
    """One that can be looked at, and the tables behind it."""

    def __init__(
        self, browser: Browser, versions: VersionTable, tokens: Tokens, calls: Calls, overview: Overview
    ) -> None:
        self.browser = browser
        self.overview = overview
        self.versions = versions
        self.tokens = tokens
        self.calls = calls
        self.activity = overview.activity

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.browser.get(f"/dashboard/{path}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def make_environment(self, name: str) -> None:
        """One more."""
        self.browser.run(self.overview.environments.create(name, ""))

    def key(self) -> str:
        """What the forms of its pages must have."""
        return key_in(self.page("apps"))

    def log_in(self, token: str) -> int:
        """The status of the answer to the form."""
        answer = self.browser.post("/dashboard/login", data={"token": token}, headers={"Origin": ORIGIN})
        return answer.status_code


@contextmanager
def site(directory: Path, *, wants_token: bool = False) -> Iterator[Site]:
    """One over a data directory."""
    database = open_database(directory)
    config = Config.load(environ={"INTERMODAL_DATA_DIR": str(directory)})
    tokens, versions = Tokens(database), VersionTable(database)
    environments = Environments(database, config.environment)
    hosting = Hosting(config, lambda _: {})
    calls = Calls(CallStore(open_calls(directory)), CallRetention(seconds=1e9, size=1 << 40))
    calls.open()
    deployments = Deployments(hosting, versions, environments, calls)
    overview = Overview(
        environment=config.environment,
        environments=environments,
        admission=Admission(tokens if wants_token else None),
        hosting=hosting,
        activity=Activity(),
        deployments=deployments,
        schedules=Schedules(ScheduleTable(database), deployments),
        logs=LogStore(open_logs(directory)),
        series=SeriesStore(open_samples(directory), 86_400.0),
        calls=CallDesk(calls, deployments),
    )
    served = Starlette(routes=[Mount("/dashboard", dashboard(overview))])
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url=ORIGIN)
        yield Site(Browser(client, runner), versions, tokens, calls, overview)
        runner.run(client.aclose())
        runner.run(hosting.close())
    overview.logs.close()
    overview.series.close()
    calls.close()
    database.dispose()


def key_in(page: str) -> str:
    """A page's key."""
    found = re.search(r'name="page-key" content="([^"]+)"', page)
    assert found is not None
    return found[1]
