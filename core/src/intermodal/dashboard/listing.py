"""The pages, in the order of the navigation."""

from __future__ import annotations

from intermodal.dashboard import apps
from intermodal.dashboard.pages import Page

__all__ = ["PAGES"]

PAGES: tuple[Page, ...] = (apps.PAGE,)
