"""An exception of user code loses its type on the way back."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/errors.py",
    before="exception=_pickled(error),",
    after="exception=None,",
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
