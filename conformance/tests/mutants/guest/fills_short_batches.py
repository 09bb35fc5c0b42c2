"""A batched function that returned too short a list is helped out with Nones."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/batching.py",
    before="    if len(value) != count:",
    after=("    value += [None] * (count - len(value))\n    if len(value) != count:"),
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
