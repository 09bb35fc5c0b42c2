"""Two sandboxes of an app may have one name at the same time."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.driver.sandboxes import Sandboxes
from intermodal.specs import SandboxSpec
from mutants.planting import instead_of


@instead_of("_check_name", Sandboxes)
def check_name(original: Callable[..., None], sandboxes: Sandboxes, spec: SandboxSpec) -> None:
    pass
