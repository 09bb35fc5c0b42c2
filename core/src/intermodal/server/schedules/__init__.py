"""What deployed functions do by themselves (deploy.schedule): when, once per slot, whatever clock and server do."""

from __future__ import annotations

from intermodal.server.schedules.requests import ScheduleRequests
from intermodal.server.schedules.runner import Schedules
from intermodal.server.schedules.slots import slots
from intermodal.server.schedules.table import Key, Run, Schedule, ScheduleTable

__all__ = ["Key", "Run", "Schedule", "ScheduleRequests", "ScheduleTable", "Schedules", "slots"]
