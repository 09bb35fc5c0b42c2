"""What pages may see of a server, and do with it: the whole interface of the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.types import ASGIApp

from intermodal.server.activity import Activity
from intermodal.server.admission import Admission
from intermodal.server.calls import CallDesk
from intermodal.server.deployments import Deployments
from intermodal.server.environments import Environments
from intermodal.server.hosting import Hosting
from intermodal.server.logs import LogStore
from intermodal.server.metrics import SeriesStore
from intermodal.server.schedules import Schedules

__all__ = ["Overview", "Pages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Parts of a server that others than clients use, each by its public methods, on the server's loop.

    Attributes:
        environment: that of names that come with none.
    """

    environment: str
    environments: Environments
    admission: Admission
    hosting: Hosting
    activity: Activity
    deployments: Deployments
    schedules: Schedules
    logs: LogStore
    series: SeriesStore
    calls: CallDesk


#: Makes the application that answers below `/dashboard`.
Pages: TypeAlias = Callable[[Overview], ASGIApp]
