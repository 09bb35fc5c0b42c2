"""Every input of a call believes that it is the first."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/running.py",
    before="InputContext(sole[1].id, sole[2], sole[3], sole[1].trace)",
    after="InputContext(sole[1].id, 0, sole[3], sole[1].trace)",
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
