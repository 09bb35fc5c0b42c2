"""Lines that containers print are kept as they are, values of secrets included."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.client.hiding import Hiding
from intermodal.driver.driver import Driver
from intermodal.specs import FunctionSpec
from mutants.planting import instead_of


@instead_of("hiding", Driver)
def hiding(original: Callable[..., Hiding], driver: Driver, function: FunctionSpec) -> Hiding:
    return Hiding(())
