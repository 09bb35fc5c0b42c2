"""One element of a batch that cannot be sent fails the whole batch."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/execution.py",
    before=("            result = outcome(session, attempt, error)\n"),
    after=("            return fail(session, attempts, error)\n"),
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
