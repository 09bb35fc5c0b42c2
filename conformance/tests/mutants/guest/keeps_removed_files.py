"""A file of a sandbox that is removed from outside stays."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/attendant_files.py",
    before="os.remove(place)",
    after="pass",
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
