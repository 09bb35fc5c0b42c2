"""A container whose enter method failed runs its exit methods all the same."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/serving.py",
    before='            failure, failed_in = error, "enter"',
    after='            run_hooks(code.exits)\n            failure, failed_in = error, "enter"',
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
