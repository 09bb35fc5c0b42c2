"""Cancelling one async input cancels all that run beside it."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/runner_loop.py",
    before="if cancelled.issuperset(attempts):",
    after="if cancelled:",
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
