"""The pages, in the order of the navigation."""

from __future__ import annotations

from intermodal.dashboard import apps, dicts, queues, schedules, secrets, volumes
from intermodal.dashboard.pages import Page

__all__ = ["PAGES"]

PAGES: tuple[Page, ...] = (
    apps.PAGE,
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
