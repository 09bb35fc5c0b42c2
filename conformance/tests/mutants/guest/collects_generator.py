"""A generator runs to its end before its first item is sent."""

from __future__ import annotations

from intermodal.plugins import Config, ContainerDraft, hookimpl
from mutants.planting import GuestPatch

BUG = GuestPatch(
    "guest/execution.py",
    before="iterator = iter(method.function(*args, **kwargs))",
    after="iterator = iter(list(method.function(*args, **kwargs)))",
)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    BUG.mount(config, draft)
