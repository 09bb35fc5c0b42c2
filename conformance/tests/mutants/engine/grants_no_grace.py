"""A container that is to stop is killed at once, whatever runs in it."""

from __future__ import annotations

from intermodal.driver import driver
from intermodal.driver.driver import Driver
from intermodal.engine import commands


def stop(host: Driver, command: commands.Stop) -> None:
    unit = host.units.get(command.container)
    if unit is not None:
        unit.kill()


assert commands.Stop in driver._CARRY_OUT
driver._CARRY_OUT[commands.Stop] = stop
