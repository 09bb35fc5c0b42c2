"""A cancelled call ends for its caller, and its containers never hear of it."""

from __future__ import annotations

from intermodal.driver import driver
from intermodal.driver.driver import Driver
from intermodal.engine import commands


def cancel(host: Driver, command: commands.CancelAttempts) -> None:
    pass


assert commands.CancelAttempts in driver._CARRY_OUT
driver._CARRY_OUT[commands.CancelAttempts] = cancel
