"""A container leaves without running its exit methods."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/serving.py",
    before="partial(run_hooks, code.exits)",
    after="partial(run_hooks, ())",
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
