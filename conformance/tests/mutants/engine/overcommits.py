"""Nobody keeps count of the cpu and memory that containers ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intermodal.engine.resources import Ledger
from intermodal.plugins import ContainerDraft, hookimpl
from intermodal.specs import Resources
from mutants.planting import instead_of


@instead_of("lacks", Ledger)
def lacks(original: Callable[..., str | None], ledger: Ledger, resources: Resources) -> str | None:
    return None


@hookimpl
def intermodal_modify_container_spec(draft: ContainerDraft) -> None:
    draft.resources = replace(draft.resources, cpu=0.0, memory=0)
