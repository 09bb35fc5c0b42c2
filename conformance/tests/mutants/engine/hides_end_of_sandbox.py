"""A sandbox that was ended from outside looks as if its program had ended it."""

from __future__ import annotations

from dataclasses import replace

from intermodal.driver import driver
from intermodal.driver.driver import Driver
from intermodal.engine import commands


def ended(host: Driver, command: commands.SandboxEnded) -> None:
    host.sandboxes.ended(replace(command, cause="exited"))


assert commands.SandboxEnded in driver._CARRY_OUT
driver._CARRY_OUT[commands.SandboxEnded] = ended
