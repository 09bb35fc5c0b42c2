"""The pages, in the order of the navigation."""

from __future__ import annotations

from intermodal.dashboard import (
    app,
    apps,
    call,
    calls,
    containers,
    deployments,
    dicts,
    function,
    gpus,
    logs,
    metrics,
    queues,
    sandboxes,
    schedules,
    secrets,
    volumes,
)
from intermodal.dashboard.pages import Page

__all__ = ["PAGES"]

PAGES: tuple[Page, ...] = (
    apps.PAGE,
    app.PAGE,
    function.PAGE,
    calls.PAGE,
    call.PAGE,
    containers.PAGE,
    sandboxes.PAGE,
    logs.PAGE,
    metrics.PAGE,
    deployments.PAGE,
    gpus.PAGE,
    schedules.PAGE,
    schedules.RUNS,
    volumes.PAGE,
    volumes.FILES,
    volumes.DOWNLOAD,
    queues.PAGE,
    queues.PARTITIONS,
    dicts.PAGE,
    secrets.PAGE,
    secrets.USES,
)
