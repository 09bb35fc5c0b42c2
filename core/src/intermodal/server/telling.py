"""What a client is told of its app while it runs; and how much it was not, where it did not read."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Any

from intermodal.plugins.observations import Notice
from intermodal.server.outbox import Outbox

__all__ = ["Telling"]


class Telling:
    """On any thread."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._gate = threading.Lock()
        self._left_out = 0

    def tell(self, kind: str, records: list[dict[str, Any]]) -> None:
        """Records of one kind: lines that were printed, say. Where the client does not keep up they are left out, and
        it hears how many when it does."""
        with self._gate:
            if self._left_out and self._outbox.offer(_frame("notice", [self._notice()])):
                self._left_out = 0
            if not self._outbox.offer(_frame(kind, records)):
                self._left_out += len(records)

    def _notice(self) -> dict[str, Any]:
        message = f"{self._left_out} lines and events were left out here: this program did not take them in time"
        return dataclasses.asdict(Notice(level="warning", message=message, at=time.time()))


def _frame(kind: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"t": "observed", "kind": kind, "records": records}
