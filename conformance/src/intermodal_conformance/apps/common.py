"""The one app that the suite runs, and what its functions share."""

from __future__ import annotations

from typing import Any

import intermodal

__all__ = ["SMALL", "Broken", "app"]

app = intermodal.App("conformance")

#: Little, so that many containers fit on a small machine.
SMALL: dict[str, Any] = {"cpu": 0.01, "memory": 64}


class Broken(Exception):
    """An exception of the user's own, with state."""

    def __init__(self, code: int) -> None:
        super().__init__(f"broken {code}")
        self.code = code
