"""What the log is told of a database that schedules wait for."""

from __future__ import annotations

import pytest

from intermodal.exception import ResourceExhaustedError
from intermodal.server.schedules.waiting import Waiting


def test_a_full_disk_is_told_of_once_until_it_works_again(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried meanwhile."""
    waiting, full = Waiting(), ResourceExhaustedError("no room")
    waiting.worked()
    for _ in range(2):
        for _ in range(3):
            waiting.failed(full)
        waiting.worked()
        waiting.worked()
    told = ["schedules wait for the database: no room", "schedules go on: the database works again"]
    assert [record.getMessage() for record in caplog.records if record.name == "intermodal.server"] == told * 2
