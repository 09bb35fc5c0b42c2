"""Containers get no environment variable of the image, the function or its secrets."""

from __future__ import annotations

from intermodal.plugins import ContainerDraft, hookimpl


@hookimpl
def intermodal_modify_container_spec(draft: ContainerDraft) -> None:
    draft.env.clear()
