"""A container runs its enter methods backwards, those of the base class last."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/serving.py",
    before="run_hooks(code.enters)",
    after="run_hooks(code.enters[::-1])",
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
