"""A long session with many class parameters: pools that nobody uses do not add up."""

from __future__ import annotations

import time
from typing import Any

import pytest

import intermodal


class Keeper:
    """One pool for each value."""

    value: int = intermodal.parameter()

    @intermodal.method()
    def get(self) -> int:
        return self.value


@pytest.mark.usefixtures("plain")
def test_pools_of_parameters_that_nobody_uses_any_more_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a value that comes again gets a pool again (cls.parameters)."""
    monkeypatch.setattr("intermodal.driver.pools.MANY", 2)
    app = intermodal.App("many")
    keeper: Any = app.cls(serialized=True, scaledown_window=1, max_containers=1)(Keeper)
    with app.run():
        from intermodal.client.api import current

        driver: Any = current()._driver  # type: ignore[attr-defined]
        for value in (0, 1, 2, 3, 0):
            assert keeper(value=value).get.remote() == value
            while driver.units:
                time.sleep(0.01)
        assert len(driver.pools.by_id) <= 3
        assert len(driver.engine.snapshot().pools) <= 3
